"""Shapley values of what is in an image, by one of three estimators."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from esegeta import Baseline, Param, Passes, Probe, explainability

from ..attribution.groups import Count, Groups, kernel_shap, labelled, painted, scores_of
from ..attribution.paths import gradient_shap

#: Noise of the gradient estimator, as a part of the image's range.
NOISE = 0.05


def _questions(number: int, depth: int = 0) -> int:
    """Sets of groups that a hierarchy of so many asks about, beside all and none."""
    if number == 1:
        return 0
    half = number // 2
    return 2 * 2**depth + _questions(number - half, depth + 1) + _questions(half, depth + 1)


def _cost(p: Any) -> Passes:
    if p.estimator == "gradient":
        return Passes(1 + p.samples, p.samples)
    sets = _questions(p.count) if p.estimator == "partition" else min(p.samples, 2**p.count - 2)
    return Passes(4 + sets)


@explainability(
    paper="Lundberg & Lee, NeurIPS 2017; Owen, 1977 (partition)", passes=_cost, returns="map"
)
def shap(
    probe: Probe,
    *,
    estimator: Annotated[
        Literal["partition", "kernel", "gradient"],
        Param(help="Over a hierarchy of groups, by a regression on random sets, or by gradients"),
    ] = "partition",
    groups: Groups = "segments",
    count: Count = 40,
    samples: Annotated[
        int, Param(ge=4, help="Sets of groups (kernel), or points of paths (gradient); see below")
    ] = 1000,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each part of the image adds to the score: Shapley values.

    `partition` halves the groups of voxels across their longest extent, and the halves again, down to
    single groups. A group's value is what it adds when any of the parts beside it on the way down are
    there or not: the Owen values of this hierarchy, exact, from about ⅔ · count² sets, and smoother over
    the image than Shapley values. Where the model adds up its groups, the two are the same. `kernel` is
    `kernel_shap` on the same groups, and `gradient` is `gradient_shap`, with a value per voxel; these two
    take `samples`. All but the last add up to score(image) − score(baseline), which the check confirms.
    """
    if estimator == "kernel":
        return kernel_shap(probe, groups=groups, count=count, samples=samples, baseline=baseline)
    if estimator == "gradient":
        return gradient_shap(probe, samples=samples, noise=NOISE, baseline=baseline)
    labels, number = labelled(probe, groups, count)
    values = _owen(probe, labels, number, baseline)
    probe.check_completeness(values, probe.baseline(baseline))
    return painted(values, labels)


def _owen(probe: Probe, labels: Tensor, number: int, baseline: str | float) -> Tensor:
    """What each group adds, on average over whether each part beside it on the way down is there.

    All nodes of a level are asked at once. Of a node are known, per context (which other groups
    are there), the scores without it and with it.
    """
    centres = _centres(labels, number)
    none, every = torch.zeros(number, dtype=torch.bool), torch.ones(number, dtype=torch.bool)
    ends = scores_of(probe, labels, torch.stack([none, every]), baseline)
    values = torch.zeros(number, dtype=torch.float64)
    level = [(torch.arange(number), none[None], ends[:1], ends[1:])]
    while level:
        halves = [_halved(members, centres) for members, *_ in level]
        asked = [
            _with(contexts, half)
            for (_, contexts, *_), pair in zip(level, halves, strict=True)
            for half in pair
        ]
        scores = scores_of(probe, labels, torch.cat(asked), baseline).split([len(a) for a in asked])
        below = []
        for place, ((_, contexts, without, both), pair) in enumerate(
            zip(level, halves, strict=True)
        ):
            alone = scores[2 * place], scores[2 * place + 1]
            for own, other in ((0, 1), (1, 0)):
                members = pair[own]
                # The other half is not there, and then it is.
                found = torch.cat([contexts, _with(contexts, pair[other])])
                before, after = torch.cat([without, alone[other]]), torch.cat([alone[own], both])
                if len(members) == 1:
                    values[members] = (after - before).mean()
                else:
                    below.append((members, found, before, after))
        level = below
    return values


def _with(contexts: Tensor, members: Tensor) -> Tensor:
    """Sets of groups (n, groups) to which these are added."""
    return contexts.index_fill(1, members, True)


def _centres(labels: Tensor, number: int) -> Tensor:
    """(groups, axes) the middle of each group."""
    flat = labels.flatten().cpu()
    sizes = torch.bincount(flat, minlength=number)
    places = torch.meshgrid(*[torch.arange(n) for n in labels.shape], indexing="ij")
    sums = [torch.bincount(flat, place.flatten().double(), number) for place in places]
    return torch.stack(sums, 1) / sizes[:, None]


def _halved(members: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Two halves of groups, the first of which may hold one more, across their longest extent."""
    own = centres[members]
    order = own[:, (own.amax(0) - own.amin(0)).argmax()].argsort(stable=True)
    half = len(members) - len(members) // 2
    return members[order[:half]], members[order[half:]]
