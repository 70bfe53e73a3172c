"""Class scores of a classifier."""

from __future__ import annotations

import torch
from torch import Tensor

from esegeta import Region, TargetError, wrapper


@wrapper(tasks=("classification",))
def classification(output: Tensor, region: Region) -> Tensor:
    """A classifier's logits.

    A single logit is taken for two classes: −z for "no", z for "yes". The target's contrast holds a
    class against the others: its log-odds, or its probability.
    """
    logits = output.flatten(1) if output.shape[2:].numel() == 1 else output
    if logits.dim() != 2:
        raise TargetError(
            f"A classifier returns (N, classes); this model returns {tuple(output.shape)}. Is its task "
            "'segmentation'?"
        )
    return torch.cat([-logits, logits], dim=1) if logits.shape[1] == 1 else logits
