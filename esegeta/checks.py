"""What is checked of every map before it counts as a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esegeta.errors import EsegetaError

if TYPE_CHECKING:
    from torch import Tensor

#: A relative completeness error above this is flagged.
COMPLETENESS_LIMIT = 0.1


class CheckFailed(EsegetaError):  # noqa: N818 - reads as what happened
    """A map is zero, constant or not finite: it must not be shown as a result."""


@dataclass(frozen=True)
class Check:
    """One thing that was checked of a result.

    Attributes
    ----------
    name : str
        ``finite``, ``not constant``, ``completeness``, …
    value : float
        What was measured.
    passed : bool
        Whether it is within the limit.
    limit : float, optional
        The largest value that passes.
    """

    name: str
    value: float
    passed: bool
    limit: float | None = None


def completeness(total: float, difference: float) -> Check:
    """Whether an attribution adds up to the difference of the scores it explains.

    Parameters
    ----------
    total : float
        Sum of the attribution.
    difference : float
        score(image) − score(baseline).
    """
    error = abs(total - difference) / max(abs(difference), 1e-12)
    return Check("completeness", error, error <= COMPLETENESS_LIMIT, COMPLETENESS_LIMIT)


def check_map(values: Tensor) -> list[Check]:
    """Check that a map says something.

    Raises
    ------
    CheckFailed
        If it holds NaN or infinity, is zero everywhere, or is the same everywhere.
    """
    bad = int((~values.isfinite()).sum())
    if bad:
        raise CheckFailed(f"The map is NaN or infinite in {bad} of {values.numel()} places.")
    low, high = float(values.min()), float(values.max())
    if low == high == 0:
        raise CheckFailed(
            "The map is zero everywhere: this method finds nothing here that speaks for the score. (A "
            "rectified map is zero where everything speaks against it.)"
        )
    # Rounding makes a constant map vary by a few units in its last place.
    if math.isclose(low, high, rel_tol=1e-6):
        raise CheckFailed(f"The map is constant ({low:g} everywhere), so it points at nothing.")
    return [Check("finite", 0, True, 0), Check("range", high - low, True)]
