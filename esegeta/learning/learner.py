"""A network in training, with what it minimises."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

LOSSES = "losses.csv"
"""The file that holds the losses of every epoch."""

MEASURED = "validation_"
"""Begins the names of what is measured on validation data."""


class Learner(nn.Module):
    """What a training plug-in returns: what is learnt, and by which losses.

    All its state goes into checkpoints, so a model that is explained does not belong in it. torch's
    generators are seeded before each call of `losses`, by the seed and the step: what is drawn from
    them is drawn again by a training that goes on after it was killed.

    Attributes
    ----------
    kept : nn.Module
        The part whose weights are kept.
    settings : dict
        JSON data with which a method builds that part anew; see `Artifact.network`.
    """

    kept: nn.Module
    settings: dict[str, Any]

    def read(self, images: Tensor) -> Tensor:
        """Give what is learnt of images (N, C, *spatial), one row (N, …) each; once, before the first epoch.

        `losses` and `measures` then get rows in place of images. By default the images themselves.
        """
        return images

    def begin(self, rows: Iterable[Tensor]) -> None:
        """Look through all that is learnt from, batch by batch, before the first epoch; by default not."""

    def optimiser(self, steps: int) -> tuple[Optimizer, LRScheduler | None]:
        """Give the optimiser, and the schedule that is stepped after each of so many steps."""
        raise NotImplementedError

    def losses(self, images: Tensor, labels: Tensor | None, step: int) -> dict[str, Tensor]:
        """Give what a batch costs, by name; ``loss`` is minimised, the rest is noted.

        Parameters
        ----------
        images : Tensor
            (N, C, *spatial) as the model sees them, or what `read` made of them.
        labels : Tensor, optional
            (N,) the classes, where the data has them.
        step : int
            Which of the optimiser's steps it is, from 0; −1 outside training.
        """
        raise NotImplementedError

    def measures(self, images: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """Give what is measured on a batch of validation data, by name; the least ``loss`` is best."""
        return self.losses(images, labels, -1)
