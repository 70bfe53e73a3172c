"""Symmetric relevance gain: what a map gains over chance, whatever stands in for what is removed."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from esegeta import Case, Imputation, Measure, MethodError, Param, Passes, metric

from ._curves import GROUPS, area, curve

Groups = Annotated[
    Literal["segments", "grid", "voxels"],
    Param(help="What is removed at a time: superpixels or supervoxels, cells of a grid, or voxels"),
]
Count = Annotated[int, Param(ge=2, help="About how many segments, or cells of the grid")]
Steps = Annotated[
    int, Param(ge=1, help="How many numbers of groups are removed, evenly spaced on a log scale")
]

MOST, LEAST = "most influential first", "least influential first"


def _counts(number: int, steps: int) -> list[int]:
    """How many of the groups are removed: from one to all but one."""
    spaced = torch.logspace(0, math.log10(number - 1), steps) if number > 2 else torch.ones(1)
    return sorted(set(spaced.round().long().tolist()))


def _passes(p: Any) -> int:
    return 2 * (p.steps if p.groups == "voxels" else len(_counts(p.count, p.steps)))


@metric(
    paper="Blücher, Vielhaben & Strodthoff, TMLR 2024",
    best="high",
    passes=lambda p: Passes(3 + _passes(p)),
)
def srg(
    case: Case,
    *,
    groups: Groups = "segments",
    count: Count = 25,
    steps: Steps = 15,
    imputation: Imputation = "linear",
) -> Measure:
    """How much longer the class's probability lasts without the least than without the most influential.

    The integral of f_LIF − f_MIF over the fraction of groups that are removed, from 0 to 1; groups are
    ranked by their mean relevance. It is 0 for a random map, whatever stands in for what is removed;
    between −1 and 1; and papers print it times 100.
    """
    labels, values = _grouped(case, groups, count)
    order = case.order(values)
    return _gain(case, labels, [(order, order.flip(0))], steps, imputation)


@metric(
    paper="our reading of R-SRG (One for All), after Blücher, Vielhaben & Strodthoff, TMLR 2024",
    best="high",
    passes=lambda p: Passes(3 + p.draws * _passes(p)),
)
def r_srg(
    case: Case,
    *,
    groups: Groups = "segments",
    count: Count = 25,
    steps: Steps = 15,
    draws: Annotated[int, Param(ge=2, help="Random orders each way; more is surer")] = 8,
    imputation: Imputation = "linear",
) -> Measure:
    """The symmetric relevance gain with groups drawn by their relevance, not ranked (our reading).

    The paper says "weighted sampling by importance instead of ranking" and no more. Here the order is
    drawn without replacement (Plackett–Luce): by φ − min φ for the most influential first, by
    max φ − φ for the least. So the size of a map's values counts, but neither their unit nor a constant
    that is added. It is 0 for a random map and for a constant one.
    """
    labels, values = _grouped(case, groups, count)
    low, high = values.min(), values.max()
    # What weighs nothing comes last, and a constant map is drawn evenly.
    least = 1e-6 * (high - low) if high > low else torch.ones_like(high)
    weights = values - low + least, high - values + least
    pairs = [(drawn(weights[0], case.rng), drawn(weights[1], case.rng)) for _ in range(draws)]
    return _gain(case, labels, pairs, steps, imputation)


def drawn(weights: Tensor, generator: torch.Generator) -> Tensor:
    """A random order of indices: the next is drawn by weight from those that are left."""
    # The same as the order of the log-weights with Gumbel noise.
    uniform = torch.rand(len(weights), generator=generator, dtype=torch.float64)
    noise = -(-uniform.clamp(min=1e-300).log()).log()
    return (weights.double().log() + noise.to(weights.device)).argsort(descending=True)


def _grouped(case: Case, groups: str, count: int) -> tuple[Tensor, Tensor]:
    """Each voxel's group (voxels,), and each group's mean relevance (groups,)."""
    relevance = case.relevance.double()
    if groups == "voxels":
        labels = torch.arange(len(relevance), device=relevance.device)
    else:
        labels = case.probe.groups(groups, count).flatten()
    sizes = torch.bincount(labels)
    if len(sizes) < 2:
        raise MethodError(
            f"There is only one group of voxels ({groups}); at least two are needed. A grid of cells can "
            'always be made: "groups": "grid".'
        )
    sums = torch.zeros_like(sizes, dtype=torch.float64).scatter_add(0, labels, relevance)
    return labels, sums / sizes


def _gain(
    case: Case,
    labels: Tensor,
    pairs: list[tuple[Tensor, Tensor]],
    steps: int,
    imputation: str | float,
) -> Measure:
    """The gain over pairs of orders of the groups: most, and least influential first."""
    number = len(pairs[0][0])
    counts = _counts(number, steps)
    x = [0.0, *(count / number for count in counts), 1.0]
    # With none and with all removed both directions are the same image.
    whole, none = case.removed([0, 1], _voxels(pairs[0][0], labels)[0], imputation).cpu()
    found: dict[str, list[Tensor]] = {MOST: [], LEAST: []}
    for pair in pairs:
        for name, groups in zip((MOST, LEAST), pair, strict=True):
            order, shares = _voxels(groups, labels)
            left = case.removed([shares[count] for count in counts], order, imputation).cpu()
            found[name].append(torch.cat([whole[None], left, none[None]]).double())
    each = [area(curve(x, least - most)) for most, least in zip(*found.values(), strict=True)]
    gains = torch.tensor(each, dtype=torch.float64)
    curves = {name: curve(x, torch.stack(rows).mean(0)) for name, rows in found.items()}
    return Measure(
        float(gains.mean()),
        error=float(gains.std() / math.sqrt(len(gains))) if len(gains) > 1 else None,
        curves=curves,
        axes=GROUPS,
        more={name: area(points) for name, points in curves.items()},
    )


def _voxels(groups: Tensor, labels: Tensor) -> tuple[Tensor, list[float]]:
    """The voxels in the order of their groups, and which part of them the first 0, 1, … groups hold."""
    ranks = torch.empty_like(groups)
    ranks[groups] = torch.arange(len(groups), device=groups.device)
    sizes = torch.bincount(labels, minlength=len(groups))[groups]
    shares = [0.0, *(sizes.cumsum(0).double() / len(labels)).tolist()]
    return ranks[labels].argsort(stable=True), shares
