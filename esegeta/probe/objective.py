"""What the score is read from: the model's output, or a unit inside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe.target import Target


class Reachable(Protocol):
    """A network, whole or in patches, up to a layer."""

    def reach(self, images: Tensor, layer: str | None) -> Tensor:
        """What a layer returns for images; for None, the prediction."""

    def as_grid(self, output: Tensor, spatial: Sequence[int]) -> Tensor | None:
        """A layer's output as (N, K, *grid), None where it is none."""


class Objective(Protocol):
    """Scores (N, K) of images, of which number ``index`` is explained."""

    @property
    def layer(self) -> str | None:
        """Whose output they are read from; None for the model's."""

    @property
    def index(self) -> int:
        """The column of the scores that is explained."""

    @property
    def ready(self) -> bool:
        """Whether the unperturbed image has passed, if it has to pass before any other."""

    @property
    def mask(self) -> Tensor | None:
        """(1, 1, *spatial) the part of the output that the explained score depends on; None: all."""

    def read(self, output: Tensor) -> Tensor:
        """Scores (N, K) of what the model or the layer returned, in the caller's grad mode."""

    def scores(self, network: Reachable, images: Tensor) -> Tensor:
        """Scores (N, K) of images, in the caller's grad mode."""

    def among(self, start: int) -> Objective:
        """The same for a batch that begins at this image of a question."""


class OutputObjective:
    """The class scores that the target reads from the model's output."""

    layer = None

    def __init__(self, target: Target) -> None:
        self.target = target

    @property
    def index(self) -> int:
        """The target's class."""
        return self.target.index

    @property
    def ready(self) -> bool:
        """Whether the target is frozen."""
        return self.target.frozen

    @property
    def mask(self) -> Tensor | None:
        """The mask of the class that is explained, where it has one."""
        return self.target.mask

    def read(self, output: Tensor) -> Tensor:
        """Class scores; the first output must be that of the unperturbed image, which freezes them."""
        if not self.ready:
            self.target.freeze(output)
        return self.target.scores(output)

    def scores(self, network: Reachable, images: Tensor) -> Tensor:
        """Class scores of images."""
        return self.read(network.reach(images, None))

    def among(self, start: int) -> OutputObjective:
        """Every image is asked for the same."""
        return self


class UnitObjective:
    """The activation of a layer's channels: at one position, or their mean over all positions.

    Parameters
    ----------
    layer : str
        Address of the layer.
    channel : int, optional
        The channel that is explained; without one, half the layer's mean squared activation.
    position : sequence of int, optional
        A place on the layer's grid.
    """

    def __init__(
        self, layer: str, channel: int | None = None, position: Sequence[int] | None = None
    ) -> None:
        self.layer = layer
        self.channel = channel
        self.position = position

    @property
    def index(self) -> int:
        """The channel, or the only column."""
        return self.channel or 0

    @property
    def ready(self) -> bool:
        """A unit needs to know nothing of the unperturbed image."""
        return True

    @property
    def mask(self) -> None:
        """Nothing is known of what it depends on."""
        return None

    def scores(self, network: Reachable, images: Tensor) -> Tensor:
        """Scores of images; the model runs up to the layer."""
        return self.read(_values(network, images, self.layer))

    def among(self, start: int) -> UnitObjective:
        """Every image is asked for the same."""
        return self

    def read(self, output: Tensor) -> Tensor:
        """Per channel (N, channels), or (N, 1) for the whole layer.

        Parameters
        ----------
        output : Tensor
            (N, channels, *grid), or of fewer axes where the layer has no grid.

        Raises
        ------
        MethodError
            If the layer has no such channel or position.
        """
        grid = output if output.dim() > 3 else None
        values = output.flatten(2) if output.dim() > 2 else output
        if self.channel is None:
            return values.square().flatten(1).mean(1, keepdim=True) / 2
        if self.channel >= values.shape[1]:
            raise MethodError(
                f"The layer '{self.layer}' has {values.shape[1]} channels, 0 to {values.shape[1] - 1}; "
                f"there is no channel {self.channel}."
            )
        if self.position is None:
            return values.mean(2) if values.dim() == 3 else values
        if grid is None or len(self.position) != grid.dim() - 2:
            raise MethodError(f"The layer '{self.layer}' has no position {list(self.position)}.")
        try:
            place: Any = (slice(None), slice(None), *self.position)
            return grid[place]
        except IndexError as error:
            raise MethodError(
                f"The position {list(self.position)} lies outside the grid {tuple(grid.shape[2:])} of the "
                f"layer '{self.layer}'."
            ) from error


#: Makes scores (n, M) of a layer's values (n, K, *grid), which are of these images of a question.
Reader = Callable[[Tensor, slice], Tensor]


class ReadObjective:
    """What a function makes of a layer's values; each image of a question may be asked for its own.

    Parameters
    ----------
    layer : str
        Address of the layer.
    reader : callable
        ``reader(values, images)`` makes scores (n, M), of which the first is explained, of values
        (n, K, *grid), or (n, K) where the layer has no grid. ``images`` is the slice of the images
        that the question is about; two questions with the same images must get the same scores.
    start : int
        The first image's place in the question.
    """

    index = 0
    ready = True
    mask = None

    def __init__(self, layer: str, reader: Reader, start: int = 0) -> None:
        self.layer = layer
        self.reader = reader
        self.start = start

    def scores(self, network: Reachable, images: Tensor) -> Tensor:
        """Scores of images; the model runs up to the layer."""
        return self.read(_values(network, images, self.layer))

    def read(self, output: Tensor) -> Tensor:
        """Scores of the layer's values, which are read in single precision at least."""
        output = output.to(torch.promote_types(output.dtype, torch.float32))
        return self.reader(output, slice(self.start, self.start + len(output)))

    def among(self, start: int) -> ReadObjective:
        """The same for a batch that begins at this image."""
        return ReadObjective(self.layer, self.reader, start)


def _values(network: Reachable, images: Tensor, layer: str) -> Tensor:
    """What a layer returns for images, on its grid where it has one."""
    output = network.reach(images, layer)
    grid = network.as_grid(output, images.shape[2:])
    return output if grid is None else grid
