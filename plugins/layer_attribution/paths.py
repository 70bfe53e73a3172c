"""Maps on a layer's grid, from gradients along a path from a baseline to the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from esegeta import Baseline, Layer, Param, Passes, Probe, layer_attribution

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
    samples: Annotated[int, Param(ge=1, help="Random points of the path; more is smoother")] = 64,
    noise: Annotated[
        float,
        Param(ge=0, le=1, help="Standard deviation of noise on the image, as a part of its range"),
    ] = 0.05,
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
