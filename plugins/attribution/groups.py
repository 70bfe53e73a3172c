"""What groups of voxels (segments, cells of a grid, labels) add to the score."""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import Baseline, MethodError, Param, Passes, Probe, attribution

Groups = Annotated[
    Literal["segments", "grid", "label"],
    Param(help="Superpixels or supervoxels; cells of a regular grid; or the image's label map"),
]
Count = Annotated[int, Param(ge=2, help="About how many segments, or cells of the grid")]

#: Sets of groups that are all tried, at most, whatever the sampling would cost.
EVERY = 2**16


def _exact(number: int, permutations: int) -> bool:
    return number <= math.log2(EVERY) and 2**number <= permutations * (number - 1) + 2


def _sets(number: int, permutations: int) -> int:
    """Sets of groups that are tried, beside none and all of them."""
    orders = 2 * math.ceil(permutations / 2)
    return 2**number - 2 if _exact(number, permutations) else orders * (number - 1)


@attribution(
    paper="Zeiler & Fergus, ECCV 2014, on segments",
    passes=lambda p: Passes(1 + p.count),
    gradients=False,
)
def feature_ablation(
    probe: Probe, *, groups: Groups = "segments", count: Count = 50, baseline: Baseline = "zero"
) -> Tensor:
    """How much the score drops when a group of voxels is taken away."""
    labels, number = labelled(probe, groups, count)
    drops = probe.value - probe.group_scores(labels, ~torch.eye(number, dtype=torch.bool), baseline)
    return painted(drops, labels)


@attribution(
    paper="Fisher, Rudin & Dominici, JMLR 2019",
    passes=lambda p: Passes(1 + p.count * p.repeats),
    gradients=False,
)
def feature_permutation(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 50,
    repeats: Annotated[int, Param(ge=1, help="Draws per group; more is smoother")] = 4,
) -> Tensor:
    """How much the score drops when a group's voxels get values from anywhere in the image.

    The values are drawn from the image itself, so that the group looks like no object, but like parts
    of this image.
    """
    labels, number = labelled(probe, groups, count)
    drops = torch.zeros(number, dtype=torch.float64)
    size = labels.numel()
    for _ in range(repeats):
        order = torch.randint(size, (size,), generator=probe.rng)
        drawn = probe.image.flatten(2)[..., order.to(probe.image.device)].reshape(probe.image.shape)
        without = ~torch.eye(number, dtype=torch.bool)
        drops += probe.value - probe.group_scores(labels, without, drawn).double().cpu()
    return painted(drops / repeats, labels)


@attribution(
    paper="Castro, Gómez & Tejada, 2009; Mitchell et al., JMLR 2022 (antithetic permutations)",
    passes=lambda p: Passes(4 + _sets(p.count, p.permutations)),
    gradients=False,
)
def shapley_sampling(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 20,
    permutations: Annotated[
        int, Param(ge=2, help="Orders in which groups appear; each goes forwards and backwards")
    ] = 50,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each group of voxels adds to the score, on average over the orders in which they appear.

    The values add up to score(image) − score(baseline). Every second order is the reverse of the one
    before, which halves the noise. Where all sets of groups cost no more passes, the values are exact.
    """
    labels, number = labelled(probe, groups, count)
    if _exact(number, permutations):
        values = _every_set(probe, labels, number, baseline)
    else:
        values = _sampled(probe, labels, number, permutations, baseline)
    attribution = painted(values, labels)
    probe.check_completeness(values, probe.baseline(baseline))
    return attribution


@attribution(
    paper="Lundberg & Lee, NeurIPS 2017; Covert & Lee, AISTATS 2021 (paired samples)",
    passes=lambda p: Passes(4 + min(p.samples, 2**p.count - 2)),
    gradients=False,
)
def kernel_shap(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 20,
    samples: Annotated[
        int, Param(ge=4, help="Sets of groups that are tried; each with its complement")
    ] = 1000,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each group of voxels adds to the score: Shapley values by a weighted linear regression.

    The values add up to score(image) − score(baseline). Where there are no more sets of groups than
    samples, all are tried, and the values are exact.
    """
    labels, number = labelled(probe, groups, count)
    if 2**number - 2 <= samples:
        values = _every_set(probe, labels, number, baseline)
    else:
        values = _regressed(probe, labels, number, samples, baseline)
    probe.check_completeness(values, probe.baseline(baseline))
    return painted(values, labels)


def labelled(probe: Probe, groups: str, count: int) -> tuple[Tensor, int]:
    """Each voxel's group, and how many there are, which is noted; at least two."""
    labels = probe.groups(groups, count)
    number = int(labels.max()) + 1
    if number < 2:
        raise MethodError(
            f"There is only one group of voxels ({groups}); at least two are needed. A grid of cells can "
            'always be made: "groups": "grid".'
        )
    probe.notes["groups"] = number
    return labels, number


def painted(values: Tensor, labels: Tensor) -> Tensor:
    """Each voxel with its group's value (1, *spatial)."""
    return values.float().to(labels.device)[labels][None]


def _every_set(probe: Probe, labels: Tensor, number: int, baseline: str | float) -> Tensor:
    """Shapley values from all sets of groups."""
    kept = torch.tensor(list(itertools.product((False, True), repeat=number)))
    scores = scores_of(probe, labels, kept, baseline)
    sizes = kept.sum(1)
    # A set S without the group has the weight |S|! (n − |S| − 1)! / n!.
    weights = torch.tensor(
        [1 / (number * math.comb(number - 1, size)) for size in range(number)], dtype=torch.float64
    )
    values = []
    for group in range(number):
        inside = kept[:, group]
        # In this order a set and the same with the group stand in the same place of their halves.
        values.append((weights[sizes[~inside]] * (scores[inside] - scores[~inside])).sum())
    return torch.stack(values)


def _sampled(
    probe: Probe, labels: Tensor, number: int, permutations: int, baseline: str | float
) -> Tensor:
    """The mean of what groups add in random orders, each followed by its reverse."""
    ends = scores_of(probe, labels, torch.tensor([[False] * number, [True] * number]), baseline)
    total = torch.zeros(number, dtype=torch.float64)
    orders = math.ceil(permutations / 2)
    for _ in range(orders):
        order = torch.randperm(number, generator=probe.rng)
        for way in (order, order.flip(0)):
            # Row i keeps the first i + 1 groups of the order.
            kept = torch.zeros((number - 1, number), dtype=torch.bool)
            kept[:, way] = torch.ones(number - 1, number, dtype=torch.bool).tril()
            scores = scores_of(probe, labels, kept, baseline)
            total[way] += torch.cat([ends[:1], scores, ends[1:]]).diff()
    return total / (2 * orders)


def _regressed(
    probe: Probe, labels: Tensor, number: int, samples: int, baseline: str | float
) -> Tensor:
    """The weighted regression on random sets, paired with their complements."""
    ends = scores_of(probe, labels, torch.tensor([[False] * number, [True] * number]), baseline)
    # Of sizes by the Shapley kernel, so that all samples weigh the same.
    sizes = torch.arange(1, number, dtype=torch.float64)
    chance = (number - 1) / (sizes * (number - sizes))
    drawn = 1 + torch.multinomial(chance, samples // 2, replacement=True, generator=probe.rng)
    half = torch.stack(
        [torch.rand(number, generator=probe.rng).argsort().argsort() < size for size in drawn]
    )
    kept = torch.cat([half, ~half])
    scores = scores_of(probe, labels, kept, baseline)
    # The values add up to the whole: the last group's is what the others leave.
    whole = ends[1] - ends[0]
    rows = kept.double()
    left = rows[:, :-1] - rows[:, -1:]
    right = scores - ends[0] - rows[:, -1] * whole
    solved = torch.linalg.lstsq(left, right[:, None], driver="gelsd").solution[:, 0]
    return torch.cat([solved, (whole - solved.sum())[None]])


def scores_of(probe: Probe, labels: Tensor, kept: Tensor, baseline: str | float) -> Tensor:
    """(N,) the score where groups (N, groups) are kept, in double precision on the CPU."""
    return probe.group_scores(labels, kept, baseline).double().cpu()
