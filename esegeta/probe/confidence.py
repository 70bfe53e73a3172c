"""How sure a model is of the class that is explained."""

from __future__ import annotations

import torch
from torch import Tensor

from esegeta.probe.objective import OutputObjective


class ProbabilityObjective(OutputObjective):
    """The probability of each class; of a segmentation its mean over the target's frozen mask.

    The target is frozen; its contrast, if it has one, does not count here.
    """

    def read(self, output: Tensor) -> Tensor:
        """(N, classes) of the model's output (N, classes, …)."""
        logits = output.to(torch.promote_types(output.dtype, torch.float32))
        if logits.shape[1] == 1:  # one logit tells two classes
            logits = torch.cat([-logits, logits], 1) / 2
        sums = self.target.wrapper(logits.softmax(1), self.target.region)
        mask = self.mask
        return sums if mask is None else sums / int(mask.sum())
