"""Captum's methods of a layer that hook the modules after it, or change what it returns."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta import (
    Baseline,
    Layer,
    Param,
    Passes,
    Probe,
    layer_attribution,
    library_call,
)

from .._checking import adding_up
from ..attribution.captum_hooks import averaged
from ..attribution.deep_lift import Noise


def _averaged(parameters: Any) -> Passes:
    pairs = math.ceil(parameters.samples / 2)
    return Passes(2 + parameters.samples + 8 * pairs, 8 * pairs)


@layer_attribution(
    paper="Shrikumar, Greenside & Kundaje, ICML 2017, at a layer",
    passes=Passes(6, 4),
    precision="full",
    library="captum",
)
def layer_deep_lift(probe: Probe, layer: Layer, *, baseline: Baseline = "zero") -> Tensor:
    """What a layer's units add to the score against a baseline, by the rescale rule; from Captum.

    Summed over channels. Captum hooks modules, so functions are first rewritten as modules where that
    is possible; whether it then is right is seen at the image, where the values must add up. Where
    they do not, the job is refused.
    """
    from captum import attr

    start, module = probe.baseline(baseline), probe.module(for_hooks=True)
    method = attr.LayerDeepLift(module, module.layer(layer.name))

    def at_image(index: int) -> Tensor:
        with library_call("Captum's LayerDeepLift"):
            found: Tensor = attr.DeepLift(module).attribute(probe.image.clone(), start, index)
        return found

    adding_up(probe, "Captum's DeepLift", at_image(probe.index), start, at_image)
    with library_call("Captum's LayerDeepLift"):
        # Captum asks for gradients at what runs before the layer as well; weights are frozen here.
        image = probe.image.clone().requires_grad_()
        found = method.attribute(image, start, target=probe.index)
    return layer.on_grid(found.detach()).sum(1)


@layer_attribution(
    paper="Lundberg & Lee, NeurIPS 2017, at a layer",
    passes=_averaged,
    precision="full",
    library="captum",
)
def layer_deep_lift_shap(
    probe: Probe,
    layer: Layer,
    *,
    samples: Annotated[
        int,
        Param(
            ge=2, help="Baselines to average over, at most; of references no more than there are"
        ),
    ] = 16,
    noise: Noise = 0.1,
    baseline: Baseline = "reference",
) -> Tensor:
    """What a layer's units add to the score by the rescale rule, over many baselines; from Captum.

    The baselines are the images that the config lists as "references"; without any, noisy copies of
    another baseline that is named. Whether Captum is right is seen as by `captum.layer_deep_lift`.
    """
    from captum import attr

    starts, module = probe.baselines(baseline, samples, noise), probe.module(for_hooks=True)
    method = attr.LayerDeepLiftShap(module, module.layer(layer.name))
    whole = attr.DeepLiftShap(module)

    def at_image(index: int) -> Tensor:
        with library_call("Captum's LayerDeepLiftShap"):
            return averaged(whole, probe.image, starts, index)

    adding_up(probe, "Captum's DeepLift", at_image(probe.index), starts, at_image)
    with library_call("Captum's LayerDeepLiftShap"):
        found = averaged(method, probe.image, starts, probe.index)
    return layer.on_grid(found).sum(1)


@layer_attribution(
    paper="Zeiler & Fergus, ECCV 2014, at a layer",
    passes=lambda p: Passes(7 + p.count),
    gradients=False,
    library="captum",
)
def layer_feature_ablation(
    probe: Probe,
    layer: Layer,
    *,
    count: Annotated[
        int, Param(ge=2, help="About how many blocks the layer's grid is cut into")
    ] = 49,
) -> Tensor:
    """How much the score drops when a block of a layer's grid is set to zero; from Captum.

    In all channels at once. There are no more blocks than the layer has places.
    """
    from captum import attr

    module = probe.module()
    part = module.layer(layer.name)
    method = attr.LayerFeatureAblation(module, part)
    with library_call("Captum's LayerFeatureAblation"):
        values = attr.LayerActivation(module, part).attribute(probe.image)
        grid = tuple(layer.on_grid(values).shape[2:])
        blocks = probe.groups("grid", count)[None, None].float()
        blocks = F.interpolate(blocks, size=grid, mode="nearest").long()
        found = method.attribute(
            probe.image,
            target=probe.index,
            layer_mask=torch.unique(blocks, return_inverse=True)[1],
            perturbations_per_eval=module.at_once(),
        )
    return layer.on_grid(found)[:, 0]
