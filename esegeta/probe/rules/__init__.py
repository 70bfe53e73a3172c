"""How gradients pass the functions of a model, other than by their derivative.

A rule is a torch function mode that is active during the forward and gives functions another backward.
"""

from esegeta.probe.rules.rectifiers import RectifierRule, Rule, mode, require_met
from esegeta.probe.rules.relevance import RelevanceRule
from esegeta.probe.rules.relevance_table import Relevance
from esegeta.probe.rules.rescale import RescaleRule

__all__ = [
    "RectifierRule",
    "Relevance",
    "RelevanceRule",
    "RescaleRule",
    "Rule",
    "mode",
    "require_met",
]
