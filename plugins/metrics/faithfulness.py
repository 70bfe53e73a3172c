"""How the model's confidence follows what a map calls relevant."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Baseline, Case, Imputation, Measure, Param, Passes, metric

from ._curves import REMOVED, SHOWN, area, curve, mean_random, named

Steps = Annotated[int, Param(ge=1, help="Steps from the whole image to none of it")]
Random = Annotated[
    int, Param(ge=0, help="Random orders whose mean area is told beside, for comparison")
]
Kept = Annotated[
    tuple[float, ...],
    Param(gt=0, le=1, help="Parts of the voxels that are kept, the most relevant; each is told"),
]


@metric(
    paper="Petsiuk, Das & Saenko, BMVC 2018",
    best="low",
    passes=lambda p: Passes(1 + (1 + p.random_orders) * (p.steps + 1)),
)
def deletion(
    case: Case, *, steps: Steps = 32, imputation: Imputation = "zero", random_orders: Random = 0
) -> Measure:
    """Area under the probability of the class while the most relevant voxels are removed first.

    Low where a few voxels decide and the map knows them; and low for any map where what stands in for
    voxels already deceives the model, which the area of random orders tells.
    """
    return _walk(case, case.order(), steps, imputation, random_orders, inserting=False)


@metric(
    paper="Petsiuk, Das & Saenko, BMVC 2018",
    best="high",
    passes=lambda p: Passes(1 + (1 + p.random_orders) * (p.steps + 1)),
)
def insertion(
    case: Case, *, steps: Steps = 32, imputation: Imputation = "blur", random_orders: Random = 0
) -> Measure:
    """Area under the probability of the class while the most relevant voxels are put in first.

    It starts from the image blurred: that shows no edges that were not there.
    """
    # To put in the most relevant is to remove all but those: the least relevant go first.
    return _walk(case, case.order().flip(0), steps, imputation, random_orders, inserting=True)


def _walk(
    case: Case,
    order: Tensor,
    steps: int,
    imputation: str | float,
    random_orders: int,
    *,
    inserting: bool,
) -> Measure:
    shown = [step / steps for step in range(steps + 1)]
    removed = [1 - part for part in shown] if inserting else shown
    curves = {"map": curve(shown, case.removed(removed, order, imputation))}
    more = {}
    if random_orders:
        by_chance = mean_random(case, removed, imputation, random_orders)
        curves["random order"] = curve(shown, by_chance)
        more["random order"] = area(curves["random order"])
    axes = SHOWN if inserting else REMOVED
    return Measure(area(curves["map"]), curves=curves, axes=axes, more=more)


@metric(
    paper="Chattopadhyay et al., WACV 2018; at parts of the map as in P-TAME",
    best="low",
    passes=lambda p: Passes(2 + len(p.kept)),
)
def average_drop(
    case: Case, *, kept: Kept = (1.0, 0.5, 0.15), baseline: Baseline = "zero"
) -> Measure:
    """Which part of the class's probability is lost where the image is multiplied by its map.

    It is max(0, p − p_masked) / p: with the division, as in the first paper. The value is that of the
    first part kept; over images its mean is the average drop.
    """
    whole, masked = _masked(case, kept, baseline)
    least = torch.finfo(whole.dtype).tiny
    drops = ((whole - masked).clamp(min=0) / whole.clamp(min=least)).tolist()
    return Measure(drops[0], more=_named(kept, drops))


@metric(
    paper="Chattopadhyay et al., WACV 2018; at parts of the map as in P-TAME",
    best="high",
    passes=lambda p: Passes(2 + len(p.kept)),
)
def average_increase(
    case: Case, *, kept: Kept = (1.0, 0.5, 0.15), baseline: Baseline = "zero"
) -> Measure:
    """Whether the class's probability rises where the image is multiplied by its map: 1 or 0.

    The value is that of the first part kept; over images its mean is the increase in confidence.
    """
    whole, masked = _masked(case, kept, baseline)
    rises = (masked > whole).double().tolist()
    return Measure(rises[0], more=_named(kept, rises))


def _named(kept: tuple[float, ...], values: list[float]) -> dict[str, float]:
    return {f"{100 * part:g} %": value for part, value in zip(kept, values, strict=True)}


def _masked(case: Case, kept: tuple[float, ...], baseline: str | float) -> tuple[Tensor, Tensor]:
    """The probability for the image, and for it multiplied by parts of its map."""
    empty, mask, order = case.probe.baseline(baseline), _mask(case), case.order()
    images = [case.probe.image]
    for part in named(kept):
        # The first of an order, not those above a threshold: of a plateau neither all nor none.
        inside = torch.zeros_like(mask)
        inside[order[: max(1, round(part * len(order)))]] = 1
        weight = (mask * inside).reshape(case.probe.spatial).to(case.probe.image)
        images.append(torch.lerp(empty, case.probe.image, weight))
    found = case.confidence(torch.cat(images)).double()
    return found[0], found[1:]


def _mask(case: Case) -> Tensor:
    """(voxels,) the map from 0 to 1.

    What counts against the class is hidden as what does not count is. A map without such voxels is
    scaled from its minimum; one that is the same everywhere hides nothing.
    """
    values = case.relevance
    low, high = values.min().clamp(min=0), values.max()
    if high <= low:
        return (values > 0).to(values)
    return ((values - low) / (high - low)).clamp(min=0)
