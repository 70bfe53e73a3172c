"""What a network has learnt to show of an image, so that the model stays sure of its class."""

from __future__ import annotations

import math
from typing import Annotated, cast

import torch
from torch import Tensor

from esegeta import Artifact, MethodError, Param, Passes, Probe, attribution, resample

from .._p_tame import PTame, Readout, build, read_out

#: A map that is smaller everywhere shows nothing.
LITTLE = 0.05


@attribution(
    paper="Ntrougkas, Gkalelis & Mezaris, 2025 (P-TAME); IEEE Access 2024 (T-TAME)",
    passes=Passes(1),
    gradients=False,
)
def p_tame(
    probe: Probe,
    artifact: Artifact,
    *,
    readout: Annotated[
        Readout,
        Param(
            help="The map as it was learnt, whose size tells how much has to be shown, or stretched from "
            "0 to 1, as the paper's tables were made"
        ),
    ] = "sigmoid",
) -> Tensor:
    """What has to be shown of the image, so that the model stays sure of its class.

    An attention mechanism makes the map of the features of a small auxiliary network; both were trained
    before (``esegeta train``), on what the model says of images of which only the map's part is shown.
    Here the model passes once, for its class. The map depends on the model through that class
    alone: it is a trained guess of what this model needs, not a measurement of this image.
    """
    network = cast(PTame, artifact.network(build, probe.image.device))
    index = probe.index
    if not network.learnt[index]:
        raise MethodError(
            f"The model took no training image for class {index}, so its map was not learnt; train on "
            "more images, or explain another class."
        )
    # The model's own features where the training took them (T-TAME).
    layers = artifact.settings.get("layers", ())
    features = [probe.layer(name).activation.float() for name in layers]
    wanted = torch.tensor([index], device=probe.image.device)
    with torch.no_grad():
        maps = network(probe.image.float(), wanted, features or None)
    probe.notes["resolution"] = math.prod(maps.shape[2:])
    if float(maps.max().sigmoid()) < LITTLE:
        probe.notes["nothing to show"] = (
            f"the learnt map is below {LITTLE:g} everywhere: the model gives this class to a black image "
            "already, so what is left of the map, however it is drawn, tells little"
        )
    return resample(read_out(maps, readout), probe.spatial)[0]
