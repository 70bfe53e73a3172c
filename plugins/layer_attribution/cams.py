"""Class activation maps: a layer's channels, weighted by what they mean to the class."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Layer, Param, Passes, Probe, layer_attribution


@layer_attribution(
    paper="Selvaraju et al., ICCV 2017",
    passes=lambda p: Passes(1, 1),
    fused=True,
    linear=lambda p: not p.relu,
)
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


@layer_attribution(
    paper="Chattopadhyay et al., WACV 2018", passes=lambda p: Passes(1, 1), fused=True
)
def grad_cam_plus_plus(probe: Probe, layer: Layer) -> Tensor:
    """Grad-CAM with the gradient's positive part weighted, so that several objects each count.

    The weights are the paper's closed form for the score under an exponential: with the gradient g of
    the score at the layer's values A, α = g² / (2 g² + g³ Σ A) at each place, and a channel's weight
    is Σ α ReLU(g). Libraries differ from it, and from each other.
    """
    gradient, values = layer.gradient(), layer.activation
    total = values.flatten(2).sum(2).reshape(*values.shape[:2], *[1] * probe.ndim)
    below = 2 * gradient**2 + gradient**3 * total
    alpha = torch.where(below != 0, gradient**2 / below.where(below != 0, 1), 0)
    weights = (alpha * gradient.relu()).flatten(2).sum(2)
    return torch.einsum("nk,nk...->n...", weights, values).relu()


@layer_attribution(
    paper="Fu et al., BMVC 2020",
    passes=lambda p: Passes(1, 1),
    fused=True,
    linear=lambda p: not p.relu,
)
def x_grad_cam(
    probe: Probe,
    layer: Layer,
    *,
    relu: Annotated[bool, Param(help="Keep only what speaks for the class")] = True,
) -> Tensor:
    """The layer's channels, each weighted by the mean gradient at the places where it is active.

    A channel A with the gradient g has the weight Σ g·A / Σ |A|.
    """
    values = layer.activation
    mass = values.abs().flatten(2).sum(2).clamp(min=torch.finfo(values.dtype).tiny)
    weights = (layer.gradient() * values).flatten(2).sum(2) / mass
    cam = torch.einsum("nk,nk...->n...", weights, values)
    return cam.relu() if relu else cam


@layer_attribution(paper="Jiang et al., IEEE TIP 2021", passes=lambda p: Passes(1, 1), fused=True)
def layer_cam(probe: Probe, layer: Layer) -> Tensor:
    """The layer's channels, each weighted place by place by the positive part of the gradient."""
    return (layer.gradient().relu() * layer.activation).sum(1).relu()
