"""Maps on a layer's grid, from gradients along a path from a baseline to the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from esegeta import Baseline, Layer, Param, Passes, Probe, layer_attribution

from ..attribution.paths import ImageNoise, Points

Steps = Annotated[int, Param(ge=1, help="Points along the path; more is more exact")]


@layer_attribution(
    paper="Dhamdhere, Sundararajan & Yan, ICLR 2019",
    passes=lambda p: Passes(2 + p.steps + 1, p.steps + 1),
)
def layer_conductance(
    probe: Probe, layer: Layer, *, steps: Steps = 32, baseline: Baseline = "zero"
) -> Tensor:
    """What flows through each unit of a layer on the way from the baseline to the image.

    The gradient at the layer, times the change of the layer's values from point to point, by the
    trapezoid rule. Where all of the network goes through the layer, the values add up to
    score(image) − score(baseline).
    """
    start = probe.baseline(baseline)
    total: Tensor | None = None
    last: tuple[Tensor, Tensor] | None = None
    for values, gradients in _along(probe, layer, start, torch.linspace(0, 1, steps + 1)):
        if last is not None:
            flow = (last[1] + gradients) / 2 * (values - last[0])
            total = flow if total is None else total + flow
        last = values, gradients
    assert total is not None, "a path has two ends"
    return total.sum(1)


@layer_attribution(
    paper="Sundararajan, Taly & Yan, ICML 2017, at a layer",
    passes=lambda p: Passes(2 + p.steps, 1 + p.steps),
)
def layer_integrated_gradients(
    probe: Probe, layer: Layer, *, steps: Steps = 32, baseline: Baseline = "zero"
) -> Tensor:
    """What each unit of a layer adds to the score on the way from its value for a baseline to its own.

    The layer alone goes that way, all of its units together and straight; the rest of the network sees
    the image. So the values add up to score(image) − the score with the layer as it is for the baseline,
    in a network of any shape; the check says how nearly. (`layer_conductance` follows the values that
    the layer takes while the image fades in.) By Gauss–Legendre quadrature.
    """
    start = probe.baseline(baseline)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    shares = torch.as_tensor(weights / 2).to(probe.image)
    total: Tensor | None = None
    done = 0
    for _, flows in layer.along(start, torch.as_tensor((nodes + 1) / 2)):
        part = torch.einsum("n,n...->...", shares[done : done + len(flows)], flows)[None]
        total = part if total is None else total + part
        done += len(flows)
    assert total is not None, "a path has points"
    ((before, _),) = layer.along(start, torch.zeros(1))
    probe.check_total(total, float(before[0]))
    return total.sum(1)


@layer_attribution(
    paper="Leino et al., ITC 2018",
    passes=lambda p: Passes(1 + p.steps, p.steps),
)
def internal_influence(
    probe: Probe, layer: Layer, *, steps: Steps = 32, baseline: Baseline = "zero"
) -> Tensor:
    """The gradient at a layer, averaged over images between the baseline and the image."""
    start = probe.baseline(baseline)
    points = (torch.arange(steps) + 0.5) / steps
    gradients = [found for _, found in _along(probe, layer, start, points)]
    return (sum(gradients[1:], gradients[0]) / steps).sum(1)


@layer_attribution(
    paper="Lundberg & Lee, NeurIPS 2017, at a layer",
    passes=lambda p: Passes(3 + p.samples, 2 + p.samples),
)
def layer_gradient_shap(
    probe: Probe,
    layer: Layer,
    *,
    samples: Points = 64,
    noise: ImageNoise = 0.05,
    baseline: Baseline = "zero",
) -> Tensor:
    """The gradient at a layer, averaged over random images between the baseline and the image.

    Times how much the layer's values differ between the two.
    """
    start = probe.baseline(baseline)
    total: Tensor | None = None
    for images, _ in probe.between(samples, start, noise):
        _, gradients = layer.at(images)
        total = gradients.sum(0) if total is None else total + gradients.sum(0)
    before, _ = layer.at(start)
    assert total is not None, "there is a sample"
    return (total / samples * (layer.activation - before)[0]).sum(0, keepdim=True)


def _along(
    probe: Probe, layer: Layer, start: Tensor, points: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """What a layer holds, and the gradient there, (1, K, *grid) at each point from 0 to 1."""
    for images in probe.line(start, points):
        for values, gradients in zip(*layer.at(images), strict=True):
            yield values[None], gradients[None]
