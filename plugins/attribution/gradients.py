"""Maps read off the gradient of the score at the image."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import Layer, Param, Passes, Probe, attribution, resample


@attribution(
    paper="Simonyan, Vedaldi & Zisserman, ICLR workshop 2014",
    passes=lambda p: Passes(1, 1),
    fused=True,
    show="magnitude",
    linear=lambda p: not p.absolute,
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
    linear=True,
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
    paper="Selvaraju et al., ICCV 2017",
    passes=lambda p: Passes(2, 2),
    show="magnitude",
)
def guided_grad_cam(probe: Probe, layer: Layer) -> Tensor:
    """Guided back-propagation where Grad-CAM says that the class is: fine structure of one class."""
    weights = layer.gradient().flatten(2).mean(2)
    cam = torch.einsum("nk,nk...->n...", weights, layer.activation).relu()
    where = resample(cam[None], probe.spatial)
    return (where.to(probe.image) * probe.gradient(rule="guided"))[0]


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
    statistic: Annotated[
        Literal["mean", "squared", "variance"],
        Param(help="Of the gradients: their mean, the mean of their squares, or their variance"),
    ] = "mean",
) -> Tensor:
    """The gradient, averaged over noisy copies of the image.

    The mean of its squares has no sign and less noise; the variance shows where the gradient changes
    (Hooker et al., 2019; Adebayo et al., 2018).
    """
    total, squares = torch.zeros((2, *probe.image.shape[1:])).to(probe.image)
    for batch in probe.noisy(samples, noise, rule):
        total += batch.sum(0)
        squares += batch.square().sum(0)
    mean, square = total / samples, squares / samples
    return {"mean": mean, "squared": square, "variance": square - mean**2}[statistic]
