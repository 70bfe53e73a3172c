"""Captum's layer-wise relevance propagation, to a layer."""

from __future__ import annotations

from torch import Tensor

from esegeta import Layer, Passes, Probe, layer_attribution, library_call

from .._captum_lrp import Rule, checked, choose


@layer_attribution(
    paper="Bach et al., PLOS ONE 2015; Montavon et al., 2019",
    passes=Passes(6, 3),
    precision="full",
    tasks=("classification",),
    library="captum",
)
def layer_lrp(probe: Probe, layer: Layer, *, rule: Rule = "epsilon") -> Tensor:
    """The score taken back to a layer, each unit getting what it contributed; from Captum.

    Summed over channels. Whether Captum has the rules that the model needs is seen at the image, as by
    `captum.lrp`; where it has not, the job is refused.
    """
    from captum import attr

    module, _ = checked(probe)
    method = attr.LayerLRP(module, module.layer(layer.name))
    choose(module, rule)
    with library_call("Captum's LayerLRP"):
        found = method.attribute(probe.image.clone(), probe.index)
    return layer.on_grid(found.detach()).sum(1)
