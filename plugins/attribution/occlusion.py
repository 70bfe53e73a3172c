"""How much the score drops where a window of the image is taken away."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from esegeta import Baseline, MethodError, Param, Passes, Probe, attribution, sliding_boxes


def _sides(length: int | tuple[int, ...], ndim: int, name: str) -> tuple[int, ...]:
    if isinstance(length, int):
        return (length,) * ndim
    if len(length) != ndim:
        raise MethodError(f"'{name}' has {len(length)} numbers; this image has {ndim} axes.")
    return length


def _boxes(
    spatial: tuple[int, ...], window: int | tuple[int, ...], stride: int | tuple[int, ...] | None
) -> list[tuple[slice, ...]]:
    sides = _sides(window, len(spatial), "window")
    steps = tuple(max(1, side // 2) for side in sides)
    if stride is not None:
        steps = _sides(stride, len(spatial), "stride")
    if any(step > side for step, side in zip(steps, sides, strict=True)):
        raise MethodError(f"A stride of {stride} leaves holes between windows of {window}.")
    return sliding_boxes(spatial, sides, steps)


def _passes(parameters: Any, spatial: tuple[int, ...]) -> Passes:
    boxes = _boxes(spatial, parameters.window, parameters.stride)
    return Passes(1 + len(boxes), boxes=boxes)


@attribution(
    paper="Zeiler & Fergus, ECCV 2014",
    passes=_passes,
    gradients=False,
)
def occlusion(
    probe: Probe,
    *,
    window: Annotated[
        int | tuple[int, ...], Param(ge=1, help="Side of the window in voxels, one or one per axis")
    ] = 16,
    stride: Annotated[
        int | tuple[int, ...] | None,
        Param(ge=1, help="Step between windows in voxels; half the window where not given"),
    ] = None,
    baseline: Baseline = "zero",
) -> Tensor:
    """How much the score drops when a window is taken away, averaged over a voxel's windows.

    The last window of each axis is shifted back to the image's edge, so every voxel is covered.
    """
    boxes = _boxes(probe.spatial, window, stride)
    drops = probe.value - probe.boxed_scores(boxes, baseline)
    total, count = torch.zeros((2, *probe.spatial)).to(probe.image)
    for box, drop in zip(boxes, drops, strict=True):
        total[box] += drop
        count[box] += 1
    return (total / count.clamp(min=1))[None]
