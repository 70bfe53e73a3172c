"""Captum's methods that read gradients off the model as it is."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import Baseline, Param, Passes, Probe, attribution, library_call

Noise = Annotated[
    float,
    Param(ge=0, le=1, help="Standard deviation of noise on the image, as a part of its range"),
]


@attribution(
    paper="Simonyan, Vedaldi & Zisserman, ICLR workshop 2014",
    passes=Passes(2, 1),
    library="captum",
    show="magnitude",
    linear=lambda p: not p.absolute,
)
def saliency(
    probe: Probe,
    *,
    absolute: Annotated[bool, Param(help="Keep the magnitude only, not the sign")] = False,
) -> Tensor:
    """How much the score changes with each voxel: its gradient, from Captum."""
    from captum import attr

    with library_call("Captum's Saliency"):
        found = attr.Saliency(probe.module()).attribute(
            probe.image.clone(), probe.index, abs=absolute
        )
    return found[0]


@attribution(
    paper="Shrikumar et al., 2016",
    passes=Passes(2, 1),
    library="captum",
    linear=True,
)
def input_x_gradient(probe: Probe) -> Tensor:
    """The gradient times the image: what each voxel adds to the score, to first order; from Captum."""
    from captum import attr

    with library_call("Captum's InputXGradient"):
        found = attr.InputXGradient(probe.module()).attribute(probe.image.clone(), probe.index)
    return found[0]


@attribution(
    paper="Sundararajan, Taly & Yan, ICML 2017",
    passes=lambda p: Passes(5 + p.steps, p.steps),
    library="captum",
)
def integrated_gradients(
    probe: Probe,
    *,
    steps: Annotated[int, Param(ge=1, help="Points along the path; more is more exact")] = 50,
    quadrature: Annotated[
        Literal["gausslegendre", "riemann_right", "riemann_left", "riemann_middle"],
        Param(help="How the integral is taken; Riemann sums need about three times the points"),
    ] = "gausslegendre",
    baseline: Baseline = "zero",
) -> Tensor:
    """What each voxel adds to the score on the way from the baseline to the image, from Captum.

    The values add up to score(image) − score(baseline); the check says how nearly.
    """
    from captum import attr

    start, module = probe.baseline(baseline), probe.module()
    with library_call("Captum's IntegratedGradients"):
        found = attr.IntegratedGradients(module).attribute(
            probe.image.clone(),
            start,
            probe.index,
            n_steps=steps,
            method=quadrature,
            internal_batch_size=module.at_once(backward=True),
        )
    probe.check_completeness(found, start)
    return found[0].to(probe.image)


@attribution(
    paper="Lundberg & Lee, NeurIPS 2017; Erion et al., 2021",
    passes=lambda p: Passes(1 + p.samples, p.samples),
    library="captum",
)
def gradient_shap(
    probe: Probe,
    *,
    samples: Annotated[int, Param(ge=1, help="Random points of the path; more is smoother")] = 32,
    noise: Noise = 0.05,
    baseline: Baseline = "zero",
) -> Tensor:
    """The gradient at random points between baseline and image, times their difference; from Captum.

    An estimate of Shapley values for a nearly linear model. The values add up only on average.
    """
    from captum import attr

    start, method = probe.baseline(baseline), attr.GradientShap(probe.module())
    spread = noise * float(probe.image.max() - probe.image.min())
    total = torch.zeros_like(probe.image)
    with library_call("Captum's GradientShap"):
        # One at a time: Captum draws a batch at once, and so the map would depend on its size.
        for _ in range(samples):
            total += method.attribute(
                probe.image.clone(), start, n_samples=1, stdevs=spread, target=probe.index
            )
    return total[0] / samples


@attribution(
    paper="Smilkov et al., 2017; Adebayo et al., 2018",
    passes=lambda p: Passes(1 + p.samples, p.samples),
    library="captum",
    show="magnitude",
)
def noise_tunnel(
    probe: Probe,
    *,
    method: Annotated[
        Literal["saliency", "input_x_gradient"], Param(help="What is averaged over noisy copies")
    ] = "saliency",
    statistic: Annotated[
        Literal["smoothgrad", "smoothgrad_sq", "vargrad"],
        Param(help="The mean, the mean of the squares, or the variance"),
    ] = "smoothgrad",
    samples: Annotated[int, Param(ge=2, help="Noisy copies of the image; more is smoother")] = 32,
    noise: Annotated[
        float,
        Param(gt=0, le=1, help="Standard deviation of the noise, as a part of the image's range"),
    ] = 0.15,
) -> Tensor:
    """Gradients averaged over noisy copies of the image, or how much they vary; from Captum.

    With the mean of the plain gradient this is SmoothGrad, with its variance VarGrad.
    """
    from captum import attr

    kinds = {"saliency": attr.Saliency, "input_x_gradient": attr.InputXGradient}
    signed = {"abs": False} if method == "saliency" else {}
    with library_call("Captum's NoiseTunnel"):
        # One at a time: Captum draws a batch at once, and so the map would depend on its size.
        found = attr.NoiseTunnel(kinds[method](probe.module())).attribute(
            probe.image.clone(),
            nt_type=statistic,
            nt_samples=samples,
            nt_samples_batch_size=1,
            stdevs=noise * float(probe.image.max() - probe.image.min()),
            target=probe.index,
            **signed,
        )
    return found[0]
