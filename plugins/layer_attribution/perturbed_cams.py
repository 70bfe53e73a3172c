"""Class activation maps whose weights are found by trying: no gradient."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Baseline, Layer, Param, Passes, Probe, layer_attribution, resample

#: Channels that are enlarged to masks at a time.
TOGETHER = 16

Most = Annotated[
    int,
    Param(ge=1, help="Channels that are tried at most, those that vary most over the image first"),
]


def _busiest(values: Tensor, most: int) -> Tensor:
    """The channels (n,) of (1, K, *grid) that vary most."""
    return values[0].flatten(1).float().std(1).argsort(descending=True)[:most]


@layer_attribution(
    paper="Wang et al., CVPR workshop 2020",
    passes=lambda p: Passes(2 + p.channels, 1),
    gradients=False,
)
def score_cam(
    probe: Probe, layer: Layer, *, channels: Most = 256, baseline: Baseline = "zero"
) -> Tensor:
    """The layer's channels, each weighted by the score of the image seen through it.

    A channel, enlarged and brought to [0, 1], is laid over the image; its weight is the score of that
    less the score of the baseline.
    """
    values = layer.activation
    chosen = _busiest(values, channels)
    kept = values[0, chosen]
    rest = float(probe.score(probe.baseline(baseline))[0])
    cam = torch.zeros_like(kept[0])
    for part in kept.split(TOGETHER):
        masks = resample(part[:, None].float(), probe.spatial)
        low, high = (
            edge.reshape(-1, *[1] * (probe.ndim + 1)) for edge in masks.flatten(1).aminmax(dim=1)
        )
        weights = (
            probe.masked_scores((masks - low) / (high - low).clamp(min=1e-12), baseline) - rest
        )
        cam += torch.einsum("n,n...->...", weights.to(part), part)
    return cam.relu()[None]


@layer_attribution(
    paper="Ramaswamy et al., WACV 2020",
    passes=lambda p: Passes(2 + p.channels, 1),
    gradients=False,
)
def ablation_cam(
    probe: Probe,
    layer: Layer,
    *,
    channels: Most = 256,
    relu: Annotated[bool, Param(help="Keep only what speaks for the class")] = True,
) -> Tensor:
    """The layer's channels, each weighted by how much of the score is lost without it."""
    values = layer.activation
    chosen = _busiest(values, channels)
    score = probe.value
    weights = (score - layer.ablated(chosen)) / (abs(score) if score else 1)
    cam = torch.einsum("k,k...->...", weights.to(values), values[0, chosen])
    return (cam.relu() if relu else cam)[None]
