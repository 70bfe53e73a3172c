"""Captum's methods that hook modules, each checked on the spot: what its hooks miss is not seen."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from esegeta import Baseline, Layer, MethodError, Passes, Probe, attribution, library_call

from .._checking import EXACT, adding_up, difference
from .deep_lift import Noise, Samples


@attribution(
    paper="Springenberg et al., ICLR workshop 2015",
    passes=Passes(3, 2),
    precision="full",
    library="captum",
    show="magnitude",
)
def guided_backprop(probe: Probe) -> Tensor:
    """The gradient, let through a rectifier only where it and the unit are positive; from Captum.

    Captum hooks modules `nn.ReLU`, so functions are first rewritten as modules where that is possible.
    Where the map then is not that of the rule, because a rectifier was missed, the job is refused.
    """
    from captum import attr

    return _rectified(probe, attr.GuidedBackprop, "guided")


@attribution(
    paper="Zeiler & Fergus, ECCV 2014",
    passes=Passes(3, 2),
    precision="full",
    library="captum",
    show="magnitude",
)
def deconvolution(probe: Probe) -> Tensor:
    """The gradient, let through a rectifier only where it is positive; from Captum.

    Captum hooks modules `nn.ReLU`, so functions are first rewritten as modules where that is possible.
    Where the map then is not that of the rule, because a rectifier was missed, the job is refused.
    """
    from captum import attr

    return _rectified(probe, attr.Deconvolution, "deconvnet")


@attribution(
    paper="Selvaraju et al., ICCV 2017",
    passes=Passes(5, 4),
    precision="full",
    library="captum",
    show="magnitude",
)
def guided_grad_cam(probe: Probe, layer: Layer) -> Tensor:
    """Guided back-propagation where Grad-CAM says that the class is; from Captum.

    Grad-CAM is enlarged by linear interpolation. As for `captum.guided_backprop`, rectifiers that
    Captum misses make it a refused job.
    """
    from captum import attr

    module = probe.module(for_hooks=True)
    method = attr.GuidedGradCam(module, module.layer(layer.name))
    _rectified(probe, attr.GuidedBackprop, "guided")
    with library_call("Captum's GuidedGradCam"):
        found = method.attribute(
            probe.image.clone(),
            probe.index,
            interpolate_mode="bilinear" if probe.ndim == 2 else "trilinear",
        )
    return found[0]


@attribution(
    paper="Shrikumar, Greenside & Kundaje, ICML 2017",
    passes=Passes(4, 2),
    precision="full",
    library="captum",
)
def deep_lift(probe: Probe, *, baseline: Baseline = "zero") -> Tensor:
    """What each voxel adds to the score against a baseline, by the rescale rule, from Captum.

    Captum hooks modules, so functions are first rewritten as modules where that is possible. On many
    networks (PReLU, GELU, instance norm, …) its values do not add up; such a map is refused.
    """
    from captum import attr

    start = probe.baseline(baseline)
    module = probe.module(for_hooks=True)
    probe.notes["model rewritten for hooks"] = module.normalised

    def of(index: int) -> Tensor:
        with library_call("Captum's DeepLift"):
            found: Tensor = attr.DeepLift(module).attribute(probe.image.clone(), start, index)
        return found

    return adding_up(probe, "Captum's DeepLift", of(probe.index), start, of)[0]


@attribution(
    paper="Lundberg & Lee, NeurIPS 2017",
    passes=lambda p: Passes(
        2 + p.samples + 4 * math.ceil(p.samples / 2), 4 * math.ceil(p.samples / 2)
    ),
    precision="full",
    library="captum",
)
def deep_lift_shap(
    probe: Probe,
    *,
    samples: Samples = 16,
    noise: Noise = 0.1,
    baseline: Baseline = "reference",
) -> Tensor:
    """What each voxel adds to the score by the rescale rule, averaged over baselines; from Captum.

    The baselines are the images that the config lists as "references"; without any, noisy copies of
    another baseline that is named. A map that does not add up is refused, as by `captum.deep_lift`.
    """
    from captum import attr

    starts = probe.baselines(baseline, samples, noise)
    method = attr.DeepLiftShap(probe.module(for_hooks=True))

    def of(index: int) -> Tensor:
        with library_call("Captum's DeepLiftShap"):
            return averaged(method, probe.image, starts, index)

    return adding_up(probe, "Captum's DeepLift", of(probe.index), starts, of)[0]


def averaged(method: Any, image: Tensor, starts: Tensor, index: int) -> Tensor:
    """The mean of what a method of Captum finds over baselines (N, C, *spatial)."""
    total = torch.zeros((), device=image.device)
    # Two at a time, which bounds the memory; Captum refuses a single one.
    for some in starts.split(2):
        pair = some if len(some) == 2 else torch.cat([some, some])
        found = method.attribute(image.clone(), pair, target=index).detach()
        total = total.to(found) + len(some) * found
    return total / len(starts)


def _rectified(probe: Probe, kind: Any, rule: Any) -> Tensor:
    """What Captum makes of a rectifier rule, refused where it is not that rule."""
    module = probe.module(for_hooks=True)
    probe.notes["model rewritten for hooks"] = module.normalised
    with library_call(f"Captum's {kind.__name__}"):
        found: Tensor = kind(module).attribute(probe.image.clone(), probe.index)
    expected = probe.gradient(rule=rule)
    error = difference(found, expected)
    if error > EXACT:
        raise MethodError(
            f"Captum's {kind.__name__} is wrong on this model: it differs from the rule by {error:.0%}, "
            "for it misses rectifiers that are no nn.ReLU modules. Take the method of the same name "
            "without the library."
        )
    return found[0]
