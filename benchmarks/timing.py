"""Times two pieces of work in turn, so that a machine's drift meets both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def paired(first: Callable[[], object], second: Callable[[], object], rounds: int = 5) -> float:
    """Median over rounds of (time of the first) / (time of the second), after one warm-up each."""
    first()
    second()
    ratios = []
    for _ in range(rounds):
        start = time.perf_counter()
        first()
        middle = time.perf_counter()
        second()
        ratios.append((middle - start) / (time.perf_counter() - middle))
    return statistics.median(ratios)
