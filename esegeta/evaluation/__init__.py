"""How far a map can be trusted: what a metric may ask, and what becomes of its answer."""

from esegeta.evaluation.case import Case, Measure
from esegeta.evaluation.imputing import Imputation

__all__ = ["Case", "Imputation", "Measure"]
