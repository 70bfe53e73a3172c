"""Images in which a model would decide otherwise, made by a diffusion autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from esegeta import Artifact, MethodError, Param, Passes, Probe, Strip, Way, explainability

from .._diff_explainer import Explainer, psnr, sweep, turning, with_origin

POSITIONS = [-4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0]
ALONG = "α, standard deviations of the latents"


@explainability(
    paper="Fang et al., 2024 (DiffExplainer)",
    passes=lambda p: Passes(forward=3 + p.classes * len(p.positions)),
    tasks=("classification",),
    precision="full",
    returns="strip",
)
def diff_explainer(
    probe: Probe,
    artifact: Artifact,
    *,
    positions: Annotated[
        list[float],
        Param(
            help="How far the image's meaning is moved, in standard deviations; 0 is always there"
        ),
    ] = POSITIONS,
    classes: Annotated[
        int,
        Param(ge=1, help="Classes moved towards: the explained one, then the likeliest others"),
    ] = 3,
    steps: Annotated[
        int, Param(ge=5, help="From image to noise and back; fewer restore the image less well")
    ] = 50,
) -> Strip:
    """Images like this one in which the model would decide otherwise, and what is different in them.

    A diffusion autoencoder, trained on such images and never on this model, parts the image into a latent
    (what it means) and noise (the rest). The agent, a linear map that was trained to tell the model's
    features from latents, says on which way the model's decision changes. The latent is moved along that
    way, there and back; the noise stays; both become images again, and the model is asked about each.
    The map is the change (counterfactual less reconstruction, positive where something was added) at the
    nearest position where the model, not the agent, changes its decision; where it never does, at the
    last. Changes smaller than the error of the reconstruction are left out of it.
    """
    explainer = Explainer.of(probe, artifact, steps)
    codec, image, sure = explainer.codec, probe.image.float(), probe.confidence()
    latents = codec.latents(image)
    noise = codec.noise(image, latents)
    own = sure.scores(image)[0]
    aims = _aims(own, probe.index, classes)
    ways = torch.stack([explainer.ways(latents, aim) for aim in aims], 1)
    places = sorted({0.0, *positions})
    restored, moved = sweep(codec, noise, latents, ways, places)
    told = sure.scores(torch.cat([restored, moved.flatten(0, 2)])).cpu()
    images = with_origin(restored, moved, places)[0].cpu()
    chances = with_origin(told[:1], told[1:].unflatten(0, moved.shape[:3]), places)[0]
    found = [
        _way(probe, aim, places, of_aim, chance)
        for aim, of_aim, chance in zip(aims, images, chances, strict=True)
    ]
    floor = (restored - image)[0].abs().cpu()
    probe.notes["reconstruction"] = f"{float(psnr(codec, image, restored)):.1f} dB"
    probe.notes["probability"] = (
        f"{float(told[0, probe.index]):.3f}, of the image {float(own[probe.index]):.3f}"
    )
    probe.notes["noise"] = f"standard deviation {float(noise.std()):.2f} (1 is right)"
    return Strip(_change(probe, found[0], places, floor), places, ALONG, found, floor)


def _aims(probabilities: Tensor, index: int, classes: int) -> list[int]:
    """The explained class and the likeliest others; of two classes one way leads to both."""
    if len(probabilities) == 2:
        return [index]
    others = [int(one) for one in probabilities.argsort(descending=True) if int(one) != index]
    return [index, *others[: classes - 1]]


def _way(probe: Probe, aim: int, places: Sequence[float], images: Tensor, chances: Tensor) -> Way:
    """The images towards a class, and what the model says of them (A, classes)."""
    decided = chances.argmax(1).tolist()
    return Way(
        probe.target.name_of(aim),
        images,
        chances[:, aim],
        [probe.target.name_of(one) for one in decided],
        turning(places, decided, aim),
    )


def _change(probe: Probe, way: Way, places: Sequence[float], floor: Tensor) -> Tensor:
    """The change of the image where the decision turns, without what is below the floor."""
    origin = list(places).index(0)
    away = way.predicted[origin] == way.name
    at = way.turn if way.turn is not None else places[0 if away else -1]
    change = way.images[list(places).index(at)] - way.images[origin]
    probe.notes["map at"] = f"α = {at:g}"
    if way.turn is None:
        probe.notes["decision"] = f"the same at every position, up to α = {at:g}"
    else:
        probe.notes["decision"] = f"{way.predicted[origin]} until α = {at:g}"
    kept = torch.where(change.abs() > floor, change, 0.0)
    if not kept.any():
        raise MethodError(
            f"Up to α = {at:g} nothing changes more than the reconstruction is wrong by (by "
            f"{float(floor.max()):.3g} at most): the autoencoder has to be trained longer, or on images like "
            "this one."
        )
    return kept
