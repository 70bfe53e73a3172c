"""Captum's layer-wise relevance propagation, to the image."""

from __future__ import annotations

from torch import Tensor

from esegeta import Passes, Probe, attribution, library_call

from .._captum_lrp import Rule, checked, choose


@attribution(
    paper="Bach et al., PLOS ONE 2015; Montavon et al., 2019",
    passes=lambda p: Passes(4, 2) if p.rule == "epsilon" else Passes(6, 3),
    precision="full",
    tasks=("classification",),
    library="captum",
)
def lrp(probe: Probe, *, rule: Rule = "epsilon") -> Tensor:
    """The score taken back layer by layer, each unit getting what it contributed; from Captum.

    Captum's rules are for modules: convolutions, linear layers, batch norms, pooling, rectifiers. What
    else a model does, such as adding a shortcut or joining two paths, relevance passes wrongly, and
    without a word; and it begins at one number, where a segmentation has a map. So the epsilon rule is
    compared with the gradient times the image, which it equals on a network of rectifiers; where it
    does not, the job is refused.
    """
    from captum import attr

    module, found = checked(probe)
    if rule == "epsilon":
        return found[0]
    choose(module, rule)
    with library_call("Captum's LRP"):
        found = attr.LRP(module).attribute(probe.image.clone(), probe.index)
    return found[0].detach()
