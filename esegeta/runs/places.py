"""A target's box or point, from voxels of the image file to voxels of what the model sees."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from esegeta.errors import TargetError
from esegeta.images import Prepared
from esegeta.probe import Placed


def on_model_grid(mask: str | dict[str, Any], image: Prepared) -> str | dict[str, Any] | Placed:
    """Carry a mask's box or point through the preprocessing; other masks stay.

    What is carried remembers the voxels of the file: people know no others.

    Raises
    ------
    TargetError
        Where it has not one entry per axis, or lies outside what the model sees.
    """
    if isinstance(mask, str) or "label" in mask:
        return mask
    ((kind, value),) = mask.items()
    if len(value) != image.image.ndim:
        raise TargetError(
            f"the mask {kind} {value} has {len(value)} entries; "
            f"{image.image.name} has {image.image.ndim} axes."
        )
    spans = _box(value, image) if kind == "box" else _voxel(value, image)
    kept = [
        [max(0, start), min(size, stop)]
        for (start, stop), size in zip(spans, image.tensor.shape[1:], strict=True)
    ]
    if any(start >= stop for start, stop in kept):
        raise TargetError(
            f"the mask {kind} {value} lies outside {image.image.name} "
            f"({' × '.join(map(str, image.image.spatial))} voxels) or what preprocessing leaves of it."
        )
    carried = {"box": kept} if kind == "box" else {"component": [start for start, _ in kept]}
    return Placed(carried, mask)


def _box(box: Sequence[Sequence[int]], image: Prepared) -> list[list[int]]:
    """Give the smallest box of whole voxels that holds the carried one's corners."""
    # A voxel reaches half a step to either side of its centre.
    edges = [(start - 0.5, stop - 0.5) for start, stop in box]
    corners = [image.to_model(corner) for corner in itertools.product(*edges)]
    return [
        [math.floor(min(along) + 0.5 + 1e-6), math.ceil(max(along) + 0.5 - 1e-6)]
        for along in zip(*corners, strict=True)
    ]


def _voxel(point: Sequence[int], image: Prepared) -> list[list[int]]:
    """Give the box of the one voxel in which a point lies."""
    at = [math.floor(along + 0.5) for along in image.to_model(point)]
    return [[voxel, voxel + 1] for voxel in at]
