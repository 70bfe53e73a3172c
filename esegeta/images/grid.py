"""Grids: a shape and an affine; new ones from old, and values carried between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from esegeta.images.image import Affine, Array

Shape = tuple[int, ...]
_SLAB = 16  # planes carried over at a time, which bounds the memory


def spacing(affine: Affine) -> Array:
    """Give the distance between voxels along each of the three axes, in mm."""
    sides: Array = np.linalg.norm(affine[:3, :3], axis=0)
    return sides


def apart(shape: Sequence[int], one: Affine, other: Affine) -> float:
    """Give the largest distance between the places two affines give a voxel, in voxels."""
    if np.array_equal(one, other):
        return 0.0
    ends = [(0, n - 1) for n in (*shape, 1)[:3]]
    corners = np.stack(np.meshgrid(*ends, indexing="ij")).reshape(3, -1)
    there = np.linalg.solve(one, other @ np.vstack([corners, np.ones(corners.shape[1])]))
    return float(np.abs(there[:3] - corners).max())


def of_spacing(shape: Shape, affine: Affine, sides: Sequence[float]) -> tuple[Shape, Affine]:
    """Give the grid of this spacing inside the old one's borders, about the same centre.

    One slice stays one. As torchio's, but a size of 63.9999 (an affine's rounding) counts as 64.
    """
    size, old = np.array(shape), spacing(affine)
    new = np.floor(size * old / sides + 1e-3).astype(int)
    new[size == 1] = 1
    scale = np.asarray(sides) / old
    start = (size - 1) / 2 - (new - 1) / 2 * scale
    return tuple(int(n) for n in new), _moved(affine, scale, start)


def of_shape(shape: Shape, affine: Affine, new: Sequence[int]) -> tuple[Shape, Affine]:
    """Give the grid of this shape that fills the old one's borders."""
    scale = np.array(shape) / np.array(new)
    return tuple(new), _moved(affine, scale, (scale - 1) / 2)


def _moved(affine: Affine, scale: Array, start: Array) -> Affine:
    """Give the affine whose voxel 0 lies at the old index `start`, with steps of `scale`."""
    step = np.eye(4)
    step[:3, :3] = np.diag(scale)
    step[:3, 3] = start
    moved: Affine = affine @ step
    return moved


def smooth(values: Array, steps: Sequence[float] | Array) -> Array:
    """Blur (C, *spatial) as it must be before only every `steps`-th voxel is kept.

    The Gaussian of Cardoso et al., MICCAI 2015, as in torchio; a step of 1 or less blurs nothing.
    """
    from scipy.ndimage import gaussian_filter

    wide = np.maximum(np.asarray(steps, dtype=float), 1)
    sigma = np.sqrt((wide**2 - 1) / (8 * np.log(2)))
    if (wide < 1 + 1e-3).all():
        return values
    blurred: Array = np.stack([gaussian_filter(v, sigma, mode="nearest") for v in values])
    return blurred


def carry(values: Array, source: Affine, target: Affine, shape: Shape) -> Array:
    """Carry values from one grid to another: linear, 0 outside the voxels there are.

    Parameters
    ----------
    values : array
        (C, *spatial), float32, in two or three dimensions.
    source, target : array
        (4, 4), voxel → world, of `values` and of the result.
    shape : tuple
        Of the result, without channels.

    Returns
    -------
    array
        (C, *shape), float32; the same numbers where the grids are equal. Where the target's voxels
        are wider than the source's, blurred first, so that none is passed over.
    """
    if values.shape[1:] == shape and apart(shape, source, target) < 1e-4:
        return values
    ndim = len(shape)
    whole = np.linalg.solve(source, target)
    matrix, offset = whole[:ndim, :ndim], whole[:ndim, 3]
    values = smooth(values, np.linalg.norm(matrix, axis=1))
    out = np.empty((len(values), *shape), dtype=np.float32)
    for start in range(0, shape[0], _SLAB):
        slab = out[:, start : start + _SLAB]
        _fill(slab, values, matrix, offset + matrix[:, 0] * start)
    return out


def _fill(slab: Array, values: Array, matrix: Array, offset: Array) -> None:
    """Sample values at matrix · index + offset for every voxel of the slab."""
    from scipy.ndimage import affine_transform

    shape = slab.shape[1:]
    inside = np.ones(shape, dtype=bool)
    index = np.ogrid[tuple(slice(n) for n in shape)]
    for row, start, size in zip(matrix, offset, values.shape[1:], strict=True):
        at = sum((weight * i for weight, i in zip(row, index, strict=True)), start)
        # A voxel reaches half a step beyond its centre; there its own value holds.
        inside &= (at >= -0.5 - 1e-6) & (at <= size - 0.5 + 1e-6)
    for value, part in zip(values, slab, strict=True):
        affine_transform(value, matrix, offset, order=1, mode="nearest", output=part)
        part[~inside] = 0
