"""Does a map change when the model forgets what it has learnt? A method that does not care fails."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import Case, CheckFailed, Measure, Param, Passes, metric

KINDS: tuple[Literal["spearman", "ssim", "hog"], ...] = ("spearman", "ssim", "hog")
AXES = {
    "cascading": "per cent of the layers randomised, from the output on",
    "independent": "per cent of the layers, from the output, at which the randomised part ends",
}
LIMIT = 0.5


@metric(
    paper="Adebayo et al., NeurIPS 2018",
    best="low",
    passes=lambda p, one: p.depths * p.seeds * (one + Passes(forward=1)),
)
def randomisation(
    case: Case,
    *,
    depths: Annotated[
        int, Param(ge=1, help="How many times more of the layers is randomised, up to all of them")
    ] = 6,
    seeds: Annotated[int, Param(ge=1, help="How often the weights are drawn")] = 2,
    order: Annotated[
        Literal["cascading", "independent"],
        Param(help="All layers from the output down to a depth, or one part of them at a time"),
    ] = "cascading",
) -> Measure:
    """How alike the map stays while the model's weights are drawn again, from the output to the input.

    The mean, over depths and draws, of the size of the rank correlation (Spearman) with the judged map,
    each map as it is looked at: by its size where it tells slopes. (A map that only turns its sign, with
    the score, is alike.) A method passes below 0.5: what it shows is learnt. One that fails shows the
    image's own edges, or the architecture, as guided back-propagation does. ``curves`` holds each
    similarity at each depth, the mean over draws between the lowest and the highest of them; ``more``
    the means of the others, and the first once nothing is left.
    """
    names = case.weighted()
    parts = _parts(names, depths, order)
    found: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    maps = {"as it is": case.shown(case.map)}
    for draw in range(seeds):
        for kind in KINDS:
            found[kind].append([])
        for label, chosen in parts.items():
            map = _made(case, chosen)
            for kind in KINDS:
                found[kind][-1].append(0.0 if map is None else case.alike(map, kind))
            if draw == 0 and map is not None:
                maps[label] = case.shown(map)
    ends = [float(label.rstrip("%")) for label in parts]
    return _summed_up(found, maps, ends, (AXES[order], "similarity"))


def _parts(names: list[str], depths: int, order: str) -> dict[str, list[str]]:
    """Which layers are randomised at each depth, by how many per cent of them are from the output on."""
    ends = [round(len(names) * step / depths) for step in range(depths + 1)]
    backward = names[::-1]
    parts = {}
    for start, stop in pairwise(ends):
        if stop > start:
            label = f"{100 * stop / len(names):.0f}%"
            parts[label] = backward[:stop] if order == "cascading" else backward[start:stop]
    return parts


def _made(case: Case, chosen: list[str]) -> Tensor | None:
    """The map of a randomised model; None where that is zero or constant, and so like no other."""
    try:
        return case.remade(case.randomised(chosen))
    except CheckFailed:
        return None


def _summed_up(
    found: dict[str, list[list[float]]],
    maps: dict[str, Tensor],
    depths: list[float],
    axes: tuple[str, str],
) -> Measure:
    every = {kind: torch.tensor(rows) for kind, rows in found.items()}
    every["spearman"] = every["spearman"].abs()
    means = {kind: rows.mean(0) for kind, rows in every.items()}
    draws = every["spearman"].mean(1)
    value = float(draws.mean())
    spread = float(draws.std()) / math.sqrt(len(draws)) if len(draws) > 1 else None
    curves = {kind: [(0.0, 1.0, 1.0, 1.0), *_points(depths, rows)] for kind, rows in every.items()}
    more = {kind: float(means[kind].mean()) for kind in ("ssim", "hog")}
    more["all randomised"] = float(means["spearman"][-1])
    return Measure(
        value, spread, curves=curves, axes=axes, more=more, passed=value < LIMIT, maps=maps
    )


def _points(depths: list[float], rows: Tensor) -> list[tuple[float, float, float, float]]:
    """Mean, lowest and highest similarity at each depth, of draws (draws, depths)."""
    ends = (rows.mean(0), rows.amin(0), rows.amax(0))
    return list(zip(depths, *(values.tolist() for values in ends), strict=True))
