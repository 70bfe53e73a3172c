"""The image changed so that a layer sees more of what it already sees."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Layer, MethodError, ModelError, Param, Passes, Probe, explainability, resample

from ._ascent import ascend, rolled

#: Smaller octaves are rounded to multiples of this, which networks that halve three times can take.
MULTIPLE = 8


@explainability(
    paper="Mordvintsev, Olah & Tyka, 2015",
    passes=lambda p: Passes(p.steps * p.octaves, p.steps * p.octaves),
)
def deep_dream(
    probe: Probe,
    layer: Layer,
    *,
    channel: Annotated[
        int | None, Param(ge=0, help="Dream of one channel; of the whole layer where not given")
    ] = None,
    octaves: Annotated[int, Param(ge=1, help="Scales, from coarse to fine")] = 3,
    scale: Annotated[float, Param(gt=1, help="Factor between two octaves")] = 1.4,
    steps: Annotated[int, Param(ge=1, help="Steps of gradient ascent per octave")] = 10,
    rate: Annotated[
        float, Param(gt=0, help="Length of a step, in standard deviations of the image")
    ] = 0.05,
) -> Tensor:
    """The image, changed by gradient ascent so that a layer is more active, from coarse to fine.

    Each octave adds its own detail to the image at its scale. Images are rolled by a random offset
    at every step, so that no seams build up, and values stay within the image's own range.
    """
    unit = probe.unit(layer.name, channel)
    low, high = probe.image.min(), probe.image.max()
    pace = rate * probe.image.std()

    def step(dream: Tensor, gradient: Tensor) -> Tensor:
        ascent = gradient / gradient.abs().mean().clamp(min=1e-12)
        return (dream + pace * ascent).clamp(low, high)

    detail = torch.zeros_like(probe.image)
    for octave in reversed(range(octaves)):
        image = resample(probe.image, _octave(probe.spatial, scale**octave))
        dream = image + resample(detail, image.shape[2:])
        try:
            dream = ascend(unit, dream, step, steps=steps, move=rolled(probe.rng))
        except ModelError as error:
            if octave == 0:
                raise
            raise MethodError(
                f"The model does not take images of other sizes; set octaves to 1. {error}"
            ) from error
        detail = dream - image
    return dream[0]


def _octave(spatial: tuple[int, ...], factor: float) -> tuple[int, ...]:
    if factor == 1:
        return spatial
    return tuple(
        min(size, max(MULTIPLE, MULTIPLE * round(size / factor / MULTIPLE))) for size in spatial
    )
