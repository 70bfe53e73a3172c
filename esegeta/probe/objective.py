"""What the score is read from: the model's output, or a unit inside it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe.capture import Capture, Reached
from esegeta.probe.network import Network
from esegeta.probe.target import Target
from esegeta.probe.tokens import as_grid


class Objective(Protocol):
    """Scores (N, K) of images, of which number ``index`` is explained."""

    @property
    def index(self) -> int:
        """The column of the scores that is explained."""

    @property
    def ready(self) -> bool:
        """Whether the unperturbed image has passed, if it has to pass before any other."""

    def scores(self, network: Network, images: Tensor) -> Tensor:
        """Scores (N, K), in the caller's grad mode."""


class OutputObjective:
    """The class scores that the target reads from the model's output."""

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

    def scores(self, network: Network, images: Tensor) -> Tensor:
        """Class scores; the first images that pass must be the unperturbed one, which freezes them."""
        output = network(images)
        if not self.ready:
            self.target.freeze(output)
        return self.target.scores(output)


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

    def scores(self, network: Network, images: Tensor) -> Tensor:
        """Per channel (N, channels), or (N, 1) for the whole layer; the model runs up to the layer.

        Raises
        ------
        MethodError
            If the layer has no such channel or position.
        """
        with Capture(network.module, [self.layer], stop=True) as capture, suppress(Reached):
            network(images)
        output = capture.output(self.layer)
        network.verify(output)
        grid = as_grid(output, images.shape[2:])
        values = (output if grid is None else grid).flatten(2)
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
