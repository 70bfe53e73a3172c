"""Captum's layer-wise relevance propagation, checked against what it must equal."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from esegeta import MethodError, Param, Probe, library_call

from ._checking import EXACT, difference

RULES = {"epsilon": "EpsilonRule", "gamma": "GammaRule", "alpha1_beta0": "Alpha1_Beta0_Rule"}

#: What a rule is chosen for. Captum knows them in 2D only, but its rules hold for them all.
WEIGHTED = (_ConvNd, nn.Linear)

#: Other linear functions, of which Captum knows some; relevance passes them by the epsilon rule.
LINEAR = (
    *(_NormBase, nn.Upsample, nn.Flatten, nn.Unflatten, nn.Identity),
    *(nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
)

Rule = Annotated[
    Literal["epsilon", "gamma", "alpha1_beta0"],
    Param(help="How relevance passes convolutions and linear layers"),
]


def checked(probe: Probe) -> tuple[Any, Tensor]:
    """The model rewritten for hooks, and its relevance by the epsilon rule, which is found right."""
    from captum import attr

    module = probe.module(for_hooks=True)
    if not module.normalised:
        raise MethodError(
            "Captum's LRP sets rules and weights on modules; this model cannot be rewritten into a copy "
            "of which that may be done."
        )
    expected = probe.image * probe.gradient()
    choose(module, "epsilon")
    with library_call("Captum's LRP"):
        found = attr.LRP(module).attribute(probe.image.clone(), probe.index).detach()
    error = difference(found, expected)
    if error > EXACT:
        raise MethodError(
            "Captum's LRP is wrong on this model, or cannot be told from wrong: its epsilon rule differs "
            f"from the gradient times the image by {error:.0%}, where on rectifiers, convolutions and "
            "pooling both are the same. It has no rule for sums and joints of paths, nor for most "
            "functions that are no modules."
        )
    return module, found


def choose(module: Any, rule: str) -> None:
    """Set the rule of each part of a copy of the model; Captum takes them away when it has run."""
    from captum.attr._utils import lrp_rules

    for part in module.model.modules():
        if isinstance(part, WEIGHTED):
            part.rule = getattr(lrp_rules, RULES[rule])()
        elif isinstance(part, LINEAR):
            part.rule = lrp_rules.EpsilonRule()
