"""The page with the table of the methods."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.case import BATCH, LAYER, SIDE

if TYPE_CHECKING:
    from benchmarks.methods import Row

LONG, WANTED = 20, 0.85
"""Passes from which little is to be spent beside them, and how much of the time they are to be."""

HEAD = f"""# How fast it is

Made by `python -m benchmarks methods --write docs/benchmarks.md`, in a checkout. All figures are ratios of
times within one run, on one thread of a CPU; above 1 the method is the faster one.

* **bare passes / method**: what the forward and backward passes of the method take by themselves, in
  batches of the same size, as a part of the method's time. It can be above 1: the passes of a layer's
  method end at the layer, and those counted here do not.
* **library / method**: the library's own call at the same settings. The maps were compared first, and are
  equal, but where chance differs, and of `layer_conductance`, `internal_influence` (which rounding
  moves at rectifiers) and `excitation_backprop` (of another scale), which tests compare.
  Every method had a probe of its own, which remembers nothing of another. Libraries got
  batches of {BATCH} images where they can be told a number; a probe finds its own.

The network has three convolutions with rectifiers, the image is 3 × {SIDE} × {SIDE}, the layer is
`{LAYER}`. A pass takes few milliseconds, so what a method does beside its passes shows more here than on
larger networks. Groups are the 16 cells of a grid; of random samples and steps of a path there are 48 to 200.

| method | passes | bare passes / method | library / method |
| --- | ---: | ---: | --- |
"""


def page(rows: Sequence[Row], suite: tuple[int, float]) -> str:
    """Make the page in Markdown.

    Parameters
    ----------
    suite : tuple
        How many methods were asked of one probe, and how many times as long the library took.
    """
    lines = []
    for row in rows:
        mark = " **<**" if row.passes > LONG and row.least < WANTED else ""
        others = ", ".join(f"{library} {ratio:.2f}" for library, ratio in row.others.items())
        lines.append(f"| `{row.name}` | {row.passes} | {row.least:.2f}{mark} | {others} |")
    return HEAD + "\n".join(lines) + "\n" + _sums(rows, *suite)


def _sums(rows: Sequence[Row], number: int, ratio: float) -> str:
    ratios = [ratio for row in rows for ratio in row.others.values()]
    slower = sum(ratio < 1 for ratio in ratios)
    long = [row for row in rows if row.passes > LONG]
    under = sum(row.least < WANTED for row in long)
    median = statistics.median(ratios)
    return f"""
A mark (**<**) stands where a method of more than {LONG} passes spends more than {1 - WANTED:.0%} of its
time beside them: {under} of {len(long)}. Of {len(ratios)} comparisons with a library, {slower} are below 1;
the median is {median:.2f}.

All {number} methods that Captum also has, asked of one probe, against Captum's calls one after the
other: **{ratio:.2f}**. Methods of one probe share what they ask. `python -m benchmarks fusing` has the ratio
for those that share all of it.
"""
