"""A linear model of what groups of voxels do to the score, in the neighbourhood of the image."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Baseline, MethodError, Param, Passes, Probe, explainability

from ..attribution.groups import Count, Groups, labelled, painted, scores_of

#: The strength of the ridge: of the surrogate, and of the fit that chooses its features. As in the
#: authors' own implementation.
RIDGE, CHOOSING = 1.0, 0.01
#: Scores that differ by less, relatively, differ by rounding.
ROUNDING = 1e-6


@explainability(
    paper="Ribeiro, Singh & Guestrin, KDD 2016",
    passes=lambda p: Passes(2 + p.samples),
    gradients=False,
    returns="map",
)
def lime(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 50,
    samples: Annotated[
        int, Param(ge=4, help="Images with some of the groups taken away, chosen at random")
    ] = 1000,
    width: Annotated[
        float, Param(gt=0, help="Of the kernel: at which cosine distance an image counts e^−½")
    ] = 0.25,
    features: Annotated[
        int | None, Param(ge=1, help="Only so many groups, those of most weight; not given: all")
    ] = None,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each group of voxels adds to the score, in a linear model of the images about this one.

    Images with half of their groups taken away, on average, are scored. A ridge regression of
    the scores on which groups are there, in which images count the more the more of the image they keep,
    is the surrogate; the map shows its coefficients. How much of the scores' variance it explains, R², is in
    the notes: where that is low, the model is not linear in these groups, and the map says little.
    """
    labels, number = labelled(probe, groups, count)
    kept = torch.randint(0, 2, (samples, number), generator=probe.rng, dtype=torch.bool)
    kept[0] = True
    scores = scores_of(probe, labels, kept, baseline)
    if float(scores.max() - scores.min()) <= ROUNDING * float(scores.abs().max()):
        raise MethodError(
            "The score is the same whichever groups are taken away: there is nothing to model."
        )
    rows = kept.double()
    distance = 1 - (rows.sum(1) / number).sqrt()
    weights = (-(distance**2) / (2 * width**2)).exp()
    chosen = torch.arange(number)
    if features is not None and features < number:
        first, _ = _ridge(rows, scores, weights, CHOOSING)
        chosen = first.abs().argsort(descending=True, stable=True)[:features]
    coefficients, explained = _ridge(rows[:, chosen], scores, weights, RIDGE)
    values = torch.zeros(number, dtype=torch.float64)
    values[chosen] = coefficients
    probe.notes["R²"] = explained
    return painted(values, labels)


def _ridge(rows: Tensor, scores: Tensor, weights: Tensor, strength: float) -> tuple[Tensor, float]:
    """The coefficients of a weighted ridge regression with intercept, and its weighted R²."""
    shares = weights / weights.sum()
    left, right = rows - shares @ rows, scores - shares @ scores
    gram = left.T @ (weights[:, None] * left) + strength * torch.eye(rows.shape[1]).to(rows)
    coefficients = torch.linalg.solve(gram, left.T @ (weights * right))
    residual = weights @ (right - left @ coefficients).square()
    return coefficients, float(1 - residual / (weights @ right.square()))
