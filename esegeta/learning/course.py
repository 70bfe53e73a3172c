"""What a training works on: a model, the images it is trained with, and what can be asked of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from esegeta.learning.artifact import Artifact
from esegeta.probe import Region
from esegeta.probe.network import Network

Wrapper = Callable[[Tensor, Region], Tensor]


@dataclass(frozen=True, eq=False)
class Course:
    """What a training works on.

    Parameters
    ----------
    model : nn.Module, optional
        The config's model, on `device`: frozen and in evaluation mode where it is to be explained;
        ready to be trained where the training makes the model itself; none where it learns of images
        alone.
    network : Network, optional
        The same, as it is asked.
    wrapper : callable, optional
        Makes class scores (N, classes) of what the model returns.
    mask : str
        Which voxels count in a segmentation: ``predicted``, ``border`` or ``all``.
    shape : tuple of int
        (C, *spatial) of the images, as the model sees them.
    classes : int
        Columns of the class scores; 0 without a model.
    class_names : tuple of str
        May be empty.
    size : int
        Images that are trained with.
    steps : int
        Steps of the optimiser, all epochs together.
    labelled : bool
        Whether the images' classes are known.
    low, high : Tensor
        (C,) the least and largest value of each channel over these images.
    start : mapping of str to Tensor
        Weights to begin with; may be empty.
    base : Artifact, optional
        What it builds on.
    seed : int
    device : torch.device
    """

    model: nn.Module | None
    network: Network | None
    wrapper: Wrapper | None
    mask: str
    shape: tuple[int, ...]
    classes: int
    class_names: tuple[str, ...]
    size: int
    steps: int
    labelled: bool
    low: Tensor
    high: Tensor
    seed: int
    device: torch.device
    start: Mapping[str, Tensor] = field(default_factory=dict)
    base: Artifact | None = None

    @property
    def ndim(self) -> int:
        """2 for pictures, 3 for volumes."""
        return len(self.shape) - 1

    def scores(self, images: Tensor, seen: Tensor | None = None) -> Tensor:
        """Give class scores (N, classes) of images (N, C, *spatial); gradients reach the images.

        Parameters
        ----------
        seen : Tensor, optional
            (N, C, *spatial) the images on which the masks of a segmentation are chosen; by default
            the images themselves.
        """
        assert self.network is not None and self.wrapper is not None, "there is a model"  # noqa: PT018
        output = self.network(images)
        if output.dim() == 2:
            return self.wrapper(output, Region(self.mask))
        with torch.no_grad():
            chosen = output.detach() if seen is None else self.network(seen)
        rows = []
        for one, unperturbed in zip(output[:, None], chosen[:, None], strict=True):
            region = Region(self.mask, spatial=self.shape[1:])
            self.wrapper(unperturbed, region)  # chooses the masks
            rows.append(self.wrapper(one, region))
        return torch.cat(rows)
