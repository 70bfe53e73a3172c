"""What a self-explaining classifier says of its own prediction."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from esegeta import MethodError, Passes, Probe, attribution

LAYER = "contributions"
"""Through which φ (N, classes, *grid) passes on its way to the logits."""


@attribution(
    paper="Naouar et al. (One For All), MICCAI 2025",
    passes=Passes(1, 0),
    gradients=False,
    tasks=("classification",),
    linear=True,
)
def one_for_all(probe: Probe) -> Tensor:
    """What each patch adds to the class's logit, as the model itself counts it.

    φ = φ⁺ − φ⁻ of the class, less its mean over classes, from the pass that gives the prediction: the
    logits are its sum over patches. Patches are what is explained, and what lies between two of them
    would be nobody's value, so the map is not smoothed; each pixel has its part of its patch's φ, and the
    map adds up to the logit (by ``full_readout`` "eq4", to what the image adds to it).

    For `esegeta.models.zoo:OneForAll`, which the training `one_for_all` trains, in 2D and 3D.
    """
    if not isinstance(getattr(probe.model, LAYER, None), nn.Module):
        raise MethodError(
            "'one_for_all' reads what a model says of its own prediction, and this "
            f"{type(probe.model).__name__} says nothing of that kind (it has no part '{LAYER}'): train "
            "'esegeta.models.zoo:OneForAll', or use 'lrp', 'grad_cam' or 'attention_rollout'."
        )
    layer = probe.layer(LAYER)
    share, contrast = layer.activation, probe.target.contrast
    if contrast == "none":
        own = share[:, probe.index : probe.index + 1]
    else:  # what a class is held against counts as much as the score heeds it
        own = (share * layer.gradient()).sum(1, keepdim=True)
    size = math.prod(probe.spatial) / math.prod(share.shape[2:])
    found = F.interpolate(own / size, probe.spatial, mode="nearest")[0]
    if contrast == "none" and getattr(probe.model, "full_readout", None) == "difference":
        probe.check_total(found, 0.0)
    return found
