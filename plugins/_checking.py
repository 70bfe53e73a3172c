"""How far what a library found may be from what it must be."""

from __future__ import annotations

from torch import Tensor

#: Rounding makes less of a difference; a larger one says that the library lacks a rule.
EXACT = 0.01


def difference(found: Tensor, expected: Tensor) -> float:
    """The length of what is wrong, as a part of the length of what is expected."""
    return float((found - expected).norm() / expected.norm().clamp(min=1e-30))
