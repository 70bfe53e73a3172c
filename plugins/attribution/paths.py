"""Maps that integrate gradients along a path from a baseline to the image."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from esegeta import Baseline, Param, Passes, Probe, attribution

Points = Annotated[int, Param(ge=1, help="Random points of the path; more is smoother")]
ImageNoise = Annotated[
    float,
    Param(ge=0, le=1, help="Standard deviation of noise on the image, as a part of its range"),
]


def _attempts(parameters: Any) -> list[int]:
    return _attempts_of(parameters.steps, parameters.tolerance)


def _attempts_of(steps: int, tolerance: float) -> list[int]:
    """The numbers of points that are tried: an eighth of all, and twice as many each time."""
    if tolerance == 0:
        return [steps]
    return sorted({max(1, steps // part) for part in (1, 2, 4, 8)})


@attribution(
    paper="Sundararajan, Taly & Yan, ICML 2017",
    passes=lambda p: Passes(2 + sum(_attempts(p)), sum(_attempts(p))),
)
def integrated_gradients(
    probe: Probe,
    *,
    steps: Annotated[int, Param(ge=1, help="Points along the path, at most")] = 64,
    tolerance: Annotated[
        float,
        Param(ge=0, help="Relative error of completeness at which fewer points do; 0: all of them"),
    ] = 0.005,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each voxel adds to the score on the way from the baseline to the image.

    The values add up to score(image) − score(baseline); the check says how nearly. The integral is
    taken by Gauss–Legendre quadrature, which needs a third of the points of a Riemann sum: at an
    eighth of the points first, then at twice as many each time until the values add up.
    """
    start = probe.baseline(baseline)
    whole = probe.value - float(probe.score(start)[0])
    for count in _attempts_of(steps, tolerance):
        mean = torch.zeros_like(probe.image[0])
        for weights, gradients in probe.path(start, count):
            mean += torch.einsum("n,n...->...", weights, gradients)
        attribution = (probe.image - start)[0] * mean
        if abs(float(attribution.double().sum()) - whole) <= tolerance * abs(whole):
            break
    probe.notes["steps"] = count
    probe.check_completeness(attribution, start)
    return attribution


@attribution(
    paper="Lundberg & Lee, NeurIPS 2017; Erion et al., 2021",
    passes=lambda p: Passes(1 + p.samples, p.samples),
)
def gradient_shap(
    probe: Probe,
    *,
    samples: Points = 64,
    noise: ImageNoise = 0.05,
    baseline: Baseline = "zero",
) -> Tensor:
    """Integrated gradients at random points of the path, from noisy copies of the image.

    An estimate of Shapley values for a nearly linear model. The values add up only on average.
    """
    start = probe.baseline(baseline)
    total = torch.zeros_like(probe.image[0])
    for images, ends in probe.between(samples, start, noise):
        total += (probe.gradient(images) * (ends - start)).sum(0)
    return total / samples
