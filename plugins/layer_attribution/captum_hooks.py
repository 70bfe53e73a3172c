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
    MethodError,
    Param,
    Passes,
    Probe,
    layer_attribution,
    library_call,
)

from .._checking import EXACT
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
    with library_call("Captum's LayerDeepLift"):
        at_image = attr.DeepLift(module).attribute(probe.image.clone(), start, target=probe.index)
        # Captum asks for gradients at what runs before the layer as well; weights are frozen here.
        image = probe.image.clone().requires_grad_()
        found = method.attribute(image, start, target=probe.index)
    _require_exact(probe, at_image, start)
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
    at_image, total = torch.zeros_like(probe.image), torch.zeros(())
    with library_call("Captum's LayerDeepLiftShap"):
        # Two at a time, which bounds the memory; Captum refuses a single one.
        for some in starts.split(2):
            pair = some if len(some) == 2 else torch.cat([some, some])
            of_image = whole.attribute(probe.image.clone(), pair, target=probe.index)
            of_layer = method.attribute(probe.image.clone(), pair, target=probe.index)
            at_image += len(some) * of_image.detach()
            total = total.to(of_layer) + len(some) * of_layer.detach()
    _require_exact(probe, at_image / len(starts), starts)
    return layer.on_grid(total / len(starts)).sum(1)


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


def _require_exact(probe: Probe, at_image: Tensor, starts: Tensor) -> None:
    """Refuse a model on which Captum's rescale rule does not add up."""
    check = probe.check_completeness(at_image, starts)
    if check.value > EXACT:
        raise MethodError(
            f"Captum's DeepLift is wrong on this model: at the image its values miss score(image) − "
            f"score(baseline) by {check.value:.0%}, where the method promises that they add up. The "
            "model holds a non-linearity or norm that Captum has no rule for."
        )
