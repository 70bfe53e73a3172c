"""How gradients pass the functions of a model, other than by their derivative.

A rule is a torch function mode that is active during the forward and gives functions another backward.
"""

from esegeta.probe.rules.rectifiers import RectifierRule, Rule, mode, require_met
from esegeta.probe.rules.rescale import RescaleRule

__all__ = ["RectifierRule", "RescaleRule", "Rule", "mode", "require_met"]
