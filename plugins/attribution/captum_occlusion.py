"""Captum's occlusion, where its windows tile the image."""

from __future__ import annotations

import math
from typing import Annotated, Any

from torch import Tensor

from esegeta import Baseline, MethodError, Param, Passes, Probe, attribution, library_call


def _sides(length: int | tuple[int, ...], ndim: int, name: str) -> tuple[int, ...]:
    if isinstance(length, int):
        return (length,) * ndim
    if len(length) != ndim:
        raise MethodError(f"'{name}' has {len(length)} numbers; this image has {ndim} axes.")
    return length


def _windows(parameters: Any, spatial: tuple[int, ...]) -> int:
    sides = _sides(parameters.window, len(spatial), "window")
    steps = _sides(parameters.stride, len(spatial), "stride")
    rests = zip(spatial, sides, steps, strict=True)
    return math.prod(1 + math.ceil(max(0, size - side) / step) for size, side, step in rests)


@attribution(
    paper="Zeiler & Fergus, ECCV 2014",
    passes=lambda p, spatial: Passes(5 + _windows(p, spatial)),
    gradients=False,
    library="captum",
)
def occlusion(
    probe: Probe,
    *,
    window: Annotated[
        int | tuple[int, ...], Param(ge=1, help="Side of the window in voxels, one or one per axis")
    ] = 16,
    stride: Annotated[
        int | tuple[int, ...],
        Param(ge=1, help="Step between windows in voxels; image − window must be a multiple of it"),
    ] = 8,
    baseline: Baseline = "zero",
) -> Tensor:
    """How much the score drops when a window is taken away, averaged over windows; from Captum.

    Captum cuts its last window off at the image's edge, where its map then is of a smaller window and
    up to a third too low: a window that does not fit is refused. `occlusion` shifts it back instead.
    """
    from captum import attr

    sides = _sides(window, probe.ndim, "window")
    steps = _sides(stride, probe.ndim, "stride")
    for size, side, step in zip(probe.spatial, sides, steps, strict=True):
        if side > size or step > side or (size - side) % step:
            raise MethodError(
                f"A window of {side} in steps of {step} does not tile {size} voxels: Captum would cut its "
                "last window off. Choose both so that (voxels − window) is a multiple of the stride, or "
                "take 'occlusion', which shifts the last window back."
            )
    module, channels = probe.module(), probe.image.shape[1]
    with library_call("Captum's Occlusion"):
        found = attr.Occlusion(module).attribute(
            probe.image,
            (channels, *sides),
            (channels, *steps),
            probe.baseline(baseline),
            probe.index,
            perturbations_per_eval=module.at_once(),
        )
    return found[0, :1]
