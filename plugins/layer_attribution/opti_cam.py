"""The mixture of a layer's channels through which the image scores highest."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Baseline, Layer, MethodError, Param, Passes, Probe, layer_attribution, resample

#: Usual constants of Adam (Kingma & Ba, 2015).
MEMORY, SQUARES, LEAST = 0.9, 0.999, 1e-8


@layer_attribution(
    paper="Zhang et al., CVIU 2024",
    passes=lambda p: Passes(2 + 2 * p.steps, p.steps),
)
def opti_cam(
    probe: Probe,
    layer: Layer,
    *,
    steps: Annotated[int, Param(ge=1, help="Steps of the optimisation")] = 50,
    rate: Annotated[float, Param(gt=0, help="Length of a step (of Adam)")] = 0.1,
    baseline: Baseline = "zero",
) -> Tensor:
    """The layer's channels, mixed so that the image seen through the mixture scores highest.

    The weights are a softmax, at first all alike. The mixture of the rectified channels is enlarged,
    brought from 0 to 1 and laid over the image; what it hides is replaced by the baseline. Of all steps
    the mixture with the highest score is given; the notes hold it and the image's own, which it may well
    exceed: it is sought for this score, so that a metric that lays the map over the image in the same
    way says little of it.
    """
    channels = layer.activation[0].relu().to(probe.image)
    channels = channels[channels.flatten(1).amax(1) > channels.flatten(1).amin(1)]
    if not len(channels):
        raise MethodError(
            f"No channel of the layer '{layer.name}' is positive anywhere and varies over the image, so "
            "there is nothing to mix; choose another layer."
        )
    empty = probe.baseline(baseline)
    weights = channels.new_zeros(len(channels))
    mean, square, tried = torch.zeros_like(weights), torch.zeros_like(weights), []
    for done in range(steps):
        with torch.inference_mode(False), torch.enable_grad():
            leaf = weights.clone().requires_grad_()
            seen = _seen(probe, empty, _mixed(leaf, channels))
            pull = probe.gradient(seen.detach())
            (slope,) = torch.autograd.grad(seen, leaf, pull)
        # Upwards. The steps' length does not depend on the score's scale.
        mean = MEMORY * mean + (1 - MEMORY) * slope
        square = SQUARES * square + (1 - SQUARES) * slope.square()
        swing = (square / (1 - SQUARES ** (done + 1))).sqrt() + LEAST
        weights = weights + rate * mean / (1 - MEMORY ** (done + 1)) / swing
        tried.append(weights)
    scores = torch.cat(
        [
            probe.score(torch.cat([_seen(probe, empty, _mixed(w, channels)) for w in tried[chunk]]))
            for chunk in probe.chunks(len(tried))
        ]
    )
    best = int(scores.argmax())
    probe.notes["score through the map"] = float(scores[best])
    probe.notes["score of the image"] = probe.value
    return _mixed(tried[best], channels)


def _mixed(weights: Tensor, channels: Tensor) -> Tensor:
    """(1, *grid) the channels (K, *grid), mixed by the softmax of the weights (K,)."""
    return torch.einsum("k,k...->...", weights.softmax(0), channels)[None]


def _seen(probe: Probe, empty: Tensor, cam: Tensor) -> Tensor:
    """(1, C, *spatial) the image as far as the map says, which is brought from 0 to 1."""
    mask = resample(cam[None], probe.spatial)
    low, high = mask.aminmax()
    return empty + (mask - low) / (high - low).clamp(min=LEAST) * (probe.image - empty)
