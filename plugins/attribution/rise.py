"""How much the score expects of each voxel, over random masks."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Baseline, Param, Passes, Probe, attribution


@attribution(
    paper="Petsiuk, Das & Saenko, BMVC 2018",
    passes=lambda p: Passes(1 + p.masks),
    gradients=False,
)
def rise(
    probe: Probe,
    *,
    masks: Annotated[int, Param(ge=1, help="Random masks; more is smoother")] = 4000,
    grid: Annotated[int, Param(ge=2, help="Cells per side of a mask before it is enlarged")] = 7,
    keep: Annotated[float, Param(gt=0, lt=1, help="Chance that a cell stays visible")] = 0.5,
    centred: Annotated[
        bool, Param(help="Count scores from their mean, so that the map is about zero (see below)")
    ] = True,
    baseline: Baseline = "zero",
) -> Tensor:
    """How much the score expects of each voxel, over random masks that leave it visible.

    The paper's estimate Σ f(M ⊙ x)·M / (N·p) holds the mean score as a constant, whose sampling noise
    can drown the rest. Centred, f is counted from its mean over the masks: the same picture with less
    noise, positive where seeing a voxel raises the score.
    """
    total = torch.zeros_like(probe.image[0, :1])
    visible = torch.zeros_like(total)
    mass = 0.0
    for batch in probe.random_masks(masks, grid, keep):
        scores = probe.masked_scores(batch, baseline)
        total += torch.einsum("n,n...->...", scores, batch)
        visible += batch.sum(0)
        mass += float(scores.sum())
    return (total - centred * (mass / masks) * visible) / (masks * keep)
