"""Maps of what each voxel adds to the score against a baseline, by the rescale rule of DeepLIFT."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from esegeta import Baseline, Param, Passes, Probe, attribution

Samples = Annotated[
    int,
    Param(ge=1, help="Baselines to average over, at most; of references no more than there are"),
]
Noise = Annotated[
    float,
    Param(
        ge=0,
        le=1,
        help="Standard deviation of noise on the baseline, as a part of the image's range; "
        "references get none",
    ),
]


@attribution(
    paper="Shrikumar, Greenside & Kundaje, ICML 2017",
    passes=lambda p: Passes(3, 1),
    precision="full",
)
def deep_lift(probe: Probe, *, baseline: Baseline = "zero") -> Tensor:
    """What each voxel adds to the score against a baseline, by the rescale rule.

    Every function of the model passes on to its inputs exactly as much as its value differs between
    image and baseline. So the values add up to score(image) − score(baseline), from one pass of each
    and one backward. Functions are seen however they are written (modules, in place, functional);
    norms, gates, attention and max-pools have rules of their own. A model with a function that has
    none is refused with its name, where the values do not add up.
    """
    return probe.contributions(probe.baseline(baseline))[0]


@attribution(
    paper="Lundberg & Lee, NeurIPS 2017",
    passes=lambda p: Passes(1 + 2 * p.samples, p.samples),
    precision="full",
)
def deep_lift_shap(
    probe: Probe,
    *,
    samples: Samples = 16,
    noise: Noise = 0.1,
    baseline: Baseline = "reference",
) -> Tensor:
    """What each voxel adds to the score, by the rescale rule, averaged over many baselines.

    An estimate of Shapley values where the baselines are drawn from the data: the images that the
    config lists as "references". Without any, another baseline can be named, of which noisy copies
    are made. The values add up to score(image) − the mean score of the baselines.
    """
    return probe.contributions(probe.baselines(baseline, samples, noise)).mean(0)
