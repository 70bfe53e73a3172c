"""Maps read off the gradient of the score at the image."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from esegeta import Param, Passes, Probe, attribution


@attribution(
    paper="Simonyan, Vedaldi & Zisserman, ICLR workshop 2014",
    passes=lambda p: Passes(1, 1),
    fused=True,
    show="magnitude",
)
def saliency(
    probe: Probe,
    *,
    absolute: Annotated[bool, Param(help="Keep the magnitude only, not the sign")] = False,
) -> Tensor:
    """How much the score changes with each voxel: its gradient.

    The sign is kept on disk; pictures show the magnitude, as in the paper.
    """
    gradient = probe.gradient()[0]
    return gradient.abs() if absolute else gradient


@attribution(
    paper="Shrikumar et al., 2016",
    passes=lambda p: Passes(1, 1),
    fused=True,
)
def input_x_gradient(probe: Probe) -> Tensor:
    """The gradient times the image: what each voxel adds to the score, to first order."""
    return probe.image[0] * probe.gradient()[0]


@attribution(
    paper="Springenberg et al., ICLR workshop 2015",
    passes=lambda p: Passes(1, 1),
    show="magnitude",
)
def guided_backprop(probe: Probe) -> Tensor:
    """The gradient, let through a rectifier only where it is positive and the unit active.

    Sharp, but it says more of the image's edges than of the class (Adebayo et al., 2018): use it to
    see fine structure, not to judge a decision.
    """
    return probe.gradient(rule="guided")[0]


@attribution(
    paper="Zeiler & Fergus, ECCV 2014",
    passes=lambda p: Passes(1, 1),
    show="magnitude",
)
def deconvolution(probe: Probe) -> Tensor:
    """The gradient, let through a rectifier only where it is positive, whatever the unit did."""
    return probe.gradient(rule="deconvnet")[0]


@attribution(
    paper="Smilkov et al., 2017",
    passes=lambda p: Passes(1 + p.samples, p.samples),
    show="magnitude",
)
def smooth_grad(
    probe: Probe,
    *,
    samples: Annotated[int, Param(ge=1, help="Noisy copies of the image; more is smoother")] = 32,
    noise: Annotated[
        float,
        Param(gt=0, le=1, help="Standard deviation of the noise, as a part of the image's range"),
    ] = 0.15,
    rule: Annotated[
        Literal["plain", "guided", "deconvnet"], Param(help="How gradients pass rectifiers")
    ] = "plain",
) -> Tensor:
    """The gradient, averaged over noisy copies of the image."""
    return sum(batch.sum(0) for batch in probe.noisy(samples, noise, rule)) / samples
