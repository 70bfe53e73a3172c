"""How sure a model is of the class that is explained."""

from __future__ import annotations

import torch
from torch import Tensor

from esegeta.probe.objective import Reachable
from esegeta.probe.target import Target


class ProbabilityObjective:
    """The probability of each class; of a segmentation its mean over the target's frozen mask.

    Parameters
    ----------
    target : Target
        Frozen; its contrast, if it has one, does not count here.
    """

    layer = None
    ready = True

    def __init__(self, target: Target) -> None:
        self.target = target

    @property
    def index(self) -> int:
        """The target's class."""
        return self.target.index

    @property
    def mask(self) -> Tensor | None:
        """The mask of the class that is explained, where it has one."""
        return self.target.mask

    def read(self, output: Tensor) -> Tensor:
        """(N, classes) of the model's output (N, classes, …)."""
        logits = output.to(torch.promote_types(output.dtype, torch.float32))
        if logits.shape[1] == 1:  # one logit tells two classes
            logits = torch.cat([-logits, logits], 1) / 2
        sums = self.target.wrapper(logits.softmax(1), self.target.region)
        mask = self.mask
        return sums if mask is None else sums / int(mask.sum())

    def scores(self, network: Reachable, images: Tensor) -> Tensor:
        """Probabilities for images."""
        return self.read(network.reach(images, None))

    def among(self, start: int) -> ProbabilityObjective:
        """Every image is asked for the same."""
        return self
