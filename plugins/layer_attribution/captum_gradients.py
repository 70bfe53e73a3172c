"""Captum's methods of a layer's values and of the gradients there."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from esegeta import Baseline, Layer, Param, Passes, Probe, layer_attribution, library_call

from ..attribution.paths import ImageNoise, Points
from .paths import Steps


@layer_attribution(
    paper="Yosinski et al., ICML workshop 2015",
    passes=Passes(2),
    gradients=False,
    library="captum",
)
def layer_activation(probe: Probe, layer: Layer) -> Tensor:
    """What a layer's channels hold for this image, averaged over channels; from Captum."""
    from captum import attr

    method = _method(probe, layer, attr.LayerActivation)
    with library_call("Captum's LayerActivation"):
        found = method.attribute(probe.image.clone())
    return layer.on_grid(_tensor(found)).mean(1)


@layer_attribution(
    paper="Shrikumar et al., 2016, at a layer",
    passes=Passes(2, 1),
    library="captum",
    linear=True,
)
def layer_gradient_x_activation(probe: Probe, layer: Layer) -> Tensor:
    """What a layer's units add to the score, to first order, summed over channels; from Captum."""
    from captum import attr

    return _summed(probe, layer, attr.LayerGradientXActivation)


@layer_attribution(
    paper="Selvaraju et al., ICCV 2017",
    passes=Passes(2, 1),
    library="captum",
    linear=lambda p: not p.relu,
)
def layer_grad_cam(
    probe: Probe,
    layer: Layer,
    *,
    relu: Annotated[bool, Param(help="Keep only what speaks for the class")] = True,
) -> Tensor:
    """The layer's channels, each weighted by the mean of the score's gradient over it; from Captum.

    Captum's own default keeps both signs; this one follows the paper. A layer of tokens has its
    channels in another place than Captum takes them from, and is refused.
    """
    from captum import attr

    return _summed(probe, layer, attr.LayerGradCam, relu_attributions=relu)


@layer_attribution(
    paper="Dhamdhere, Sundararajan & Yan, ICLR 2019",
    passes=lambda p: Passes(4 + p.steps + 1, p.steps + 1),
    library="captum",
)
def layer_conductance(
    probe: Probe, layer: Layer, *, steps: Steps = 50, baseline: Baseline = "zero"
) -> Tensor:
    """What flows through each unit of a layer on the way from the baseline to the image; from Captum."""
    from captum import attr

    return _along(probe, layer, attr.LayerConductance, steps, baseline)


@layer_attribution(
    paper="Leino et al., ITC 2018",
    passes=lambda p: Passes(4 + p.steps, p.steps),
    library="captum",
)
def internal_influence(
    probe: Probe, layer: Layer, *, steps: Steps = 50, baseline: Baseline = "zero"
) -> Tensor:
    """The gradient at a layer, averaged over images between baseline and image; from Captum."""
    from captum import attr

    return _along(probe, layer, attr.InternalInfluence, steps, baseline)


@layer_attribution(
    paper="Sundararajan, Taly & Yan, ICML 2017, at a layer",
    passes=lambda p: Passes(6 + p.steps, p.steps),
    library="captum",
)
def layer_integrated_gradients(
    probe: Probe, layer: Layer, *, steps: Steps = 50, baseline: Baseline = "zero"
) -> Tensor:
    """What a layer's units add to the score between their values for baseline and image; from Captum.

    The path is straight in the layer's values, so it need not pass values that any image gives. Captum
    cannot do it where the layer's output is changed in place, as by a rectifier after it.
    """
    from captum import attr

    return _along(probe, layer, attr.LayerIntegratedGradients, steps, baseline)


@layer_attribution(
    paper="Lundberg & Lee, NeurIPS 2017, at a layer",
    passes=lambda p: Passes(1 + 3 * p.samples, p.samples),
    library="captum",
)
def layer_gradient_shap(
    probe: Probe,
    layer: Layer,
    *,
    samples: Points = 32,
    noise: ImageNoise = 0.05,
    baseline: Baseline = "zero",
) -> Tensor:
    """The gradient at a layer at random points of the path, times its values' change; from Captum."""
    from captum import attr

    start = probe.baseline(baseline)
    method = _method(probe, layer, attr.LayerGradientShap)
    spread = noise * float(probe.image.max() - probe.image.min())
    found = []
    with library_call("Captum's LayerGradientShap"):
        # One at a time: Captum draws a batch at once, and so the map would depend on its size.
        for _ in range(samples):
            one = method.attribute(
                probe.image.clone(), start, n_samples=1, stdevs=spread, target=probe.index
            )
            found.append(_tensor(one))
    return layer.on_grid(torch.stack(found).mean(0)).sum(1)


def _along(probe: Probe, layer: Layer, kind: Any, steps: int, baseline: str | float) -> Tensor:
    """(1, *grid) a method of Captum that follows a path, summed over channels."""
    batch = probe.module().at_once(backward=True)
    return _summed(
        probe,
        layer,
        kind,
        baselines=probe.baseline(baseline),
        n_steps=steps,
        internal_batch_size=batch,
    )


def _summed(probe: Probe, layer: Layer, kind: Any, **options: Any) -> Tensor:
    """(1, *grid) what a method of Captum finds at a layer, summed over channels."""
    method = _method(probe, layer, kind)
    with library_call(f"Captum's {kind.__name__}"):
        found = method.attribute(probe.image.clone(), target=probe.index, **options)
    return layer.on_grid(_tensor(found).to(probe.image)).sum(1)


def _method(probe: Probe, layer: Layer, kind: Any) -> Any:
    module = probe.module()
    return kind(module, module.layer(layer.name))


def _tensor(found: Any) -> Tensor:
    """What Captum found, of a layer that returns several tensors the first."""
    return found if isinstance(found, Tensor) else found[0]
