"""Methods of Captum, where it is known to be right."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from esegeta import Baseline, MethodError, Passes, Probe, attribution

#: The rescale rule is exact: a larger error than rounding makes says that a rule is missing.
EXACT = 0.01


@attribution(
    paper="Shrikumar, Greenside & Kundaje, ICML 2017",
    passes=lambda p: Passes(4, 2),
    precision="full",
    library="captum",
)
def deep_lift(
    probe: Probe,
    *,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each voxel adds to the score against a baseline, by the rescale rule, from Captum.

    Captum hooks modules, so functions are first rewritten as modules where that is possible. On many
    networks (PReLU, GELU, instance norm, …) its values do not add up; such a map is refused.
    """
    from captum.attr import DeepLift

    start = probe.baseline(baseline)
    module = probe.module(for_hooks=True)
    probe.notes["model rewritten for hooks"] = module.normalised
    try:
        with warnings.catch_warnings():
            # Captum announces hooks and requires_grad, both of which it takes back afterwards.
            warnings.simplefilter("ignore", UserWarning)
            attribution = DeepLift(module).attribute(probe.image, start, target=probe.index)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError, AttributeError) as error:
        raise MethodError(f"Captum's DeepLift does not support this model: {error}") from error
    check = probe.check_completeness(attribution, start)
    if check.value > EXACT:
        raise MethodError(
            f"Captum's DeepLift is wrong on this model: its values miss score(image) − score(baseline) "
            f"by {check.value:.0%}, where the method promises that they add up. The model holds a "
            "non-linearity or norm that Captum has no rule for."
        )
    return attribution[0].detach()
