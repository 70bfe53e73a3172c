"""Maps of what a layer holds, and of what its units add to the score."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from esegeta import Layer, MethodError, Param, Passes, Probe, layer_attribution

Channels = Annotated[
    int | tuple[int, int] | None,
    Param(ge=0, help="One channel, a range [first, last], or all where not given"),
]


@layer_attribution(
    paper="Yosinski et al., ICML workshop 2015", passes=lambda p: Passes(1), fused=True
)
def layer_activation(probe: Probe, layer: Layer, *, channels: Channels = None) -> Tensor:
    """What a layer's channels hold for this image, averaged over channels."""
    return _chosen(layer.activation, channels).mean(1)


@layer_attribution(
    paper="Shrikumar et al., 2016, at a layer",
    passes=lambda p: Passes(1, 1),
    fused=True,
    linear=True,
)
def layer_gradient_x_activation(probe: Probe, layer: Layer, *, channels: Channels = None) -> Tensor:
    """What a layer's units add to the score, to first order, summed over channels."""
    return (_chosen(layer.gradient(), channels) * _chosen(layer.activation, channels)).sum(1)


@layer_attribution(
    paper="Olah et al., Distill 2018; Rebuffi et al., CVPR 2020",
    passes=lambda p: Passes(1, 1),
    fused=True,
    linear=True,
)
def linear_approximation(probe: Probe, layer: Layer) -> Tensor:
    """How the score would change, to first order, were the layer's units of one place taken away."""
    return (layer.gradient() * layer.activation).sum(1)


def _chosen(values: Tensor, channels: int | tuple[int, int] | None) -> Tensor:
    if channels is None:
        return values
    first, last = (channels, channels) if isinstance(channels, int) else channels
    if not first <= last < values.shape[1]:
        raise MethodError(
            f"There are no channels {first} to {last}: the layer has {values.shape[1]}, 0 to "
            f"{values.shape[1] - 1}."
        )
    return values[:, first : last + 1]
