"""Maps that integrate gradients along a path from a baseline to the image."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Baseline, Param, Passes, Probe, attribution


@attribution(
    paper="Sundararajan, Taly & Yan, ICML 2017",
    passes=lambda p: Passes(2 + p.steps, p.steps),
)
def integrated_gradients(
    probe: Probe,
    *,
    steps: Annotated[int, Param(ge=1, help="Points along the path; more is more exact")] = 32,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each voxel adds to the score on the way from the baseline to the image.

    The values add up to score(image) − score(baseline); the check says how nearly. The integral is
    taken by Gauss–Legendre quadrature, which needs a third of the points of a Riemann sum.
    """
    start = probe.baseline(baseline)
    mean = torch.zeros_like(probe.image[0])
    for weights, gradients in probe.path(start, steps):
        mean += torch.einsum("n,n...->...", weights, gradients)
    attribution = (probe.image - start)[0] * mean
    probe.check_completeness(attribution, start)
    return attribution
