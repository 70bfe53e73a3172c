"""Class activation maps: a layer's channels, weighted by what they mean to the class."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Layer, Param, Passes, Probe, layer_attribution


@layer_attribution(paper="Selvaraju et al., ICCV 2017", passes=lambda p: Passes(1, 1), fused=True)
def grad_cam(
    probe: Probe,
    layer: Layer,
    *,
    relu: Annotated[bool, Param(help="Keep only what speaks for the class")] = True,
) -> Tensor:
    """The layer's channels, each weighted by the mean of the score's gradient over it."""
    weights = layer.gradient().flatten(2).mean(2)
    cam = torch.einsum("nk,nk...->n...", weights, layer.activation)
    return cam.relu() if relu else cam
