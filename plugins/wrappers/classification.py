"""Class scores of a classifier."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import Param, Region, TargetError, wrapper


@wrapper(tasks=("classification",))
def classification(
    output: Tensor,
    region: Region,
    *,
    scale: Annotated[
        Literal["logit", "probability"],
        Param(help="Explain the logit, or the probability after softmax (one logit: sigmoid)"),
    ] = "logit",
) -> Tensor:
    """A classifier's logits, or the probabilities they stand for.

    A single logit is taken for two classes: −z for "no", z for "yes".
    """
    logits = output.flatten(1) if output.shape[2:].numel() == 1 else output
    if logits.dim() != 2:
        raise TargetError(
            f"A classifier returns (N, classes); this model returns {tuple(output.shape)}. Is its task "
            "'segmentation'?"
        )
    if logits.shape[1] == 1:
        logits = torch.cat([-logits, logits], dim=1) / (2 if scale == "probability" else 1)
    return logits.softmax(1) if scale == "probability" else logits
