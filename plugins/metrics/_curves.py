"""What metrics over curves share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from esegeta import Case, MethodError

Curve = list[tuple[float, float]]

PROBABILITY = "probability of the class"
REMOVED = "part of the voxels removed", PROBABILITY
SHOWN = "part of the voxels shown", PROBABILITY
GROUPS = "part of the groups removed", PROBABILITY
"""What a curve's axes are."""


def named(parts: Sequence[float]) -> Sequence[float]:
    """The parts of the image that a parameter names.

    Raises
    ------
    MethodError
        If it names none.
    """
    if not parts:
        raise MethodError("The list of parts is empty; name at least one, such as 0.5.")
    return parts


def curve(x: Sequence[float], y: Tensor) -> Curve:
    """The points of a curve."""
    return list(zip(x, y.double().tolist(), strict=True))


def area(points: Curve) -> float:
    """The area under a curve by trapezoids, divided by the width it spans: its mean height."""
    if len(points) == 1:
        return points[0][1]
    total = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(points))
    return total / (points[-1][0] - points[0][0])


def mean_random(
    case: Case, fractions: Sequence[float], imputation: str | float, orders: int
) -> Tensor:
    """(n,) the mean confidence where voxels are removed in random orders."""
    total = torch.zeros(len(fractions), dtype=torch.float64)
    for _ in range(orders):
        order = torch.randperm(len(case.relevance), generator=case.rng).to(case.map.device)
        total += case.removed(fractions, order, imputation).double().cpu()
    return total / orders
