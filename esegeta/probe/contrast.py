"""What a class is held against: why this one, and not the others.

Every contrast is arithmetic on the model's own output, class by class and voxel by voxel, so that
one pass back gives the contrasted map, whatever reads the score afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

Contrast = Literal["none", "mean", "max", "weighted", "probability"]
CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)


def _weighted(others: Tensor) -> Tensor:
    # Their gradients are the softmax over the others, which stays right where that over all classes
    # is 1 to the last digit.
    return others.logsumexp(1, keepdim=True)


#: What the others (N, classes − 1, …) amount to, (N, 1, …).
OPPOSED: dict[Contrast, Callable[[Tensor], Tensor]] = {
    "mean": lambda others: others.mean(1, keepdim=True),
    "max": lambda others: others.amax(1, keepdim=True),
    "weighted": _weighted,
    "probability": _weighted,
}


def contrasted(output: Tensor, index: int, contrast: Contrast) -> Tensor:
    """A model's output in which one class is held against the others; these stay as they are.

    Parameters
    ----------
    output : Tensor
        Logits (N, classes, …). A single one is taken for two classes, −z and z; each is the log-odds
        of its class already, so that there is nothing to hold it against.
    index : int
        The class.
    contrast : {"none", "mean", "max", "weighted", "probability"}
        y_t less the mean of the others, less the largest of them, or less their logsumexp: the
        log-odds. "probability" is the sigmoid of the log-odds, which is the softmax.

    Returns
    -------
    Tensor
        As `output`, of two classes for a single logit; in single precision at least.
    """
    if contrast == "none":
        return output
    output = output.to(torch.promote_types(output.dtype, torch.float32))
    single = output.shape[1] == 1
    if single:
        output = torch.cat([-output, output], 1)
    before, own, after = output[:, :index], output[:, index : index + 1], output[:, index + 1 :]
    held = own if single else own - OPPOSED[contrast](torch.cat([before, after], 1))
    if contrast == "probability":
        # Its gradient is p (1 − p) even where p rounds to 1, as that of a softmax is not.
        held = F.logsigmoid(held).exp()
    return torch.cat([before, held, after], 1)
