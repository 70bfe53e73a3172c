"""Captum's methods that take parts of the image away, and see what the score does."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from torch import Tensor

from esegeta import (
    Baseline,
    MethodError,
    Param,
    Passes,
    Probe,
    attribution,
    import_library,
    library_call,
)

from .groups import Count, Groups, labelled

#: Orders of this many groups can be tried one and all: 720.
FEW = 6


@attribution(
    paper="Zeiler & Fergus, ECCV 2014, on segments",
    passes=lambda p: Passes(5 + p.count),
    gradients=False,
    library="captum",
)
def feature_ablation(
    probe: Probe, *, groups: Groups = "segments", count: Count = 50, baseline: Baseline = "zero"
) -> Tensor:
    """How much the score drops when a group of voxels is taken away, from Captum."""
    from captum import attr

    return _by_groups(probe, attr.FeatureAblation, groups, count, baseline)


@attribution(
    paper="Fisher, Rudin & Dominici, JMLR 2019",
    passes=lambda p: Passes(1 + 2 * p.references * (1 + p.count)),
    gradients=False,
    library="captum",
)
def feature_permutation(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 50,
    references: Annotated[
        int, Param(ge=1, help="Reference images to average over, at most as many as there are")
    ] = 4,
) -> Tensor:
    """How much the score drops when a group of voxels is that of another image; from Captum.

    The other images are those that the config lists as "references": Captum permutes the images of a
    batch, so of one image alone there is nothing to permute. Each makes a batch with the image.
    """
    from captum import attr

    labels, _ = labelled(probe, groups, count)
    others = probe.baselines("reference", references, 0)
    method = attr.FeaturePermutation(probe.module())
    total = torch.zeros_like(probe.image)
    with library_call("Captum's FeaturePermutation"):
        for other in others.split(1):
            pair = torch.cat([probe.image, other])
            total += method.attribute(pair, probe.index, feature_mask=labels[None, None])[:1]
    return total[0, :1] / len(others)


@attribution(
    paper="Castro, Gómez & Tejada, 2009",
    passes=lambda p: Passes(6 + p.permutations * p.count),
    gradients=False,
    library="captum",
)
def shapley_value_sampling(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 20,
    permutations: Annotated[int, Param(ge=1, help="Orders in which groups appear")] = 25,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each group of voxels adds to the score, averaged over random orders; from Captum.

    The values add up to score(image) − score(baseline).
    """
    from captum import attr

    return _by_groups(
        probe,
        attr.ShapleyValueSampling,
        groups,
        count,
        baseline,
        complete=True,
        n_samples=permutations,
    )


@attribution(
    paper="Shapley, 1953; Castro, Gómez & Tejada, 2009",
    passes=lambda p: Passes(6 + math.factorial(p.count) * p.count),
    gradients=False,
    library="captum",
)
def shapley_values(
    probe: Probe,
    *,
    groups: Groups = "grid",
    count: Annotated[int, Param(ge=2, le=FEW, help="About how many segments or cells")] = 4,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each group of voxels adds to the score, averaged over all orders; from Captum.

    Exact, and so dear that more than six groups are refused: Captum tries every order, where
    `shapley_sampling` tries every set, of which there are far fewer.
    """
    from captum import attr

    _, number = labelled(probe, groups, count)
    if number > FEW:
        raise MethodError(
            f"There are {number} groups, whose {math.factorial(number):,} orders Captum would all try; "
            f"at most {FEW} are taken. 'shapley_sampling' is exact as well where that is cheap."
        )
    return _by_groups(probe, attr.ShapleyValues, groups, count, baseline, complete=True)


@attribution(
    paper="Lundberg & Lee, NeurIPS 2017",
    passes=lambda p: Passes(5 + p.samples),
    gradients=False,
    library="captum",
)
def kernel_shap(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 20,
    samples: Annotated[int, Param(ge=4, help="Random sets of groups that are tried")] = 500,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each group of voxels adds to the score: Shapley values by a regression; from Captum.

    The values add up to score(image) − score(baseline) very nearly. Captum draws sets at random even
    where all of them would be fewer; `kernel_shap` does not.
    """
    from captum import attr

    import_library("sklearn")
    return _by_groups(
        probe, attr.KernelShap, groups, count, baseline, complete=True, n_samples=samples
    )


@attribution(
    paper="Ribeiro, Singh & Guestrin, KDD 2016",
    passes=lambda p: Passes(4 + p.samples),
    gradients=False,
    library="captum",
)
def lime(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 50,
    samples: Annotated[int, Param(ge=4, help="Random sets of groups that are tried")] = 500,
    alpha: Annotated[
        float, Param(gt=0, help="Of the lasso: how much of the score a group must explain to count")
    ] = 0.01,
    baseline: Baseline = "zero",
) -> Tensor:
    """The weight of each group of voxels in a sparse linear model of the score; from Captum.

    The linear model is a lasso, fitted to random sets of groups, each weighed by its likeness to the
    whole image. `alpha` is on the scale of the score: where all weights are zero it is too large.
    """
    from captum import attr

    import_library("sklearn")
    from captum._utils.models.linear_model import SkLearnLasso

    return _by_groups(
        probe,
        lambda module: attr.Lime(module, interpretable_model=SkLearnLasso(alpha=alpha)),
        groups,
        count,
        baseline,
        n_samples=samples,
    )


def _by_groups(
    probe: Probe,
    kind: Any,
    groups: str,
    count: int,
    baseline: str | float,
    *,
    complete: bool = False,
    **options: Any,
) -> Tensor:
    """(1, *spatial) what a method of Captum gives each group of voxels.

    Parameters
    ----------
    complete : bool
        Whether the method promises that the groups' values add up.
    """
    labels, _ = labelled(probe, groups, count)
    start, module = probe.baseline(baseline), probe.module()
    method = kind(module)
    with library_call(f"Captum's {type(method).__name__}"):
        found: Tensor = method.attribute(
            probe.image,
            start,
            probe.index,
            feature_mask=labels[None, None],
            perturbations_per_eval=module.at_once(),
            **options,
        )
    values = found[0, :1].to(probe.image)
    if complete:
        sizes = torch.bincount(labels.flatten()).to(values)[labels]
        probe.check_completeness(values / sizes, start)
    return values
