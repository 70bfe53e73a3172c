"""Anatomical planes of a volume: which way up, which way round, and how many millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esegeta.errors import ImageError
from esegeta.report.scale import Array, single

Affine = NDArray[np.float64]
LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
"""The negative and the positive end of each axis of a RAS+ grid."""
NAMES = ("sagittal", "coronal", "axial")
"""The plane across each axis of a RAS+ grid."""


@dataclass(frozen=True)
class Grid:
    """A volume's grid turned to the nearest anatomical axes (RAS+).

    Parameters
    ----------
    affine : ndarray (4, 4) or None
        Voxel of the stored volume → world, mm, RAS+; None where nobody knows the orientation.
    shape : tuple of int
        The stored volume's.

    Raises
    ------
    ImageError
        For an affine that maps the volume onto less than three dimensions.
    """

    affine: Affine | None
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.affine is None:
            return
        sizes = np.linalg.norm(self.affine[:3, :3], axis=0)
        if not sizes.all() or abs(np.linalg.det(self.affine[:3, :3] / sizes)) < 1e-6:
            raise ImageError(f"the affine maps the volume onto a plane: {self.affine.tolist()}")

    @property
    def known(self) -> bool:
        """Whether directions and millimetres are known."""
        return self.affine is not None

    def turn(self, volume: Array) -> Array:
        """Give a view of the volume with its axes in the order and sense of RAS+."""
        from nibabel.orientations import apply_orientation, io_orientation

        if self.affine is None:
            return volume
        return np.asarray(apply_orientation(volume, io_orientation(self.affine)))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres per voxel along the turned axes; 1 where unknown."""
        from nibabel.orientations import io_orientation

        if self.affine is None:
            return 1.0, 1.0, 1.0
        sizes = np.linalg.norm(self.affine[:3, :3], axis=0)
        x, y, z = (float(sizes[axis]) for axis in np.argsort(io_orientation(self.affine)[:, 0]))
        return x, y, z

    def world(self, voxel: tuple[int, ...]) -> tuple[float, float, float]:
        """Say where a voxel of the turned volume lies: mm, RAS+ (its index where unknown)."""
        from nibabel.orientations import inv_ornt_aff, io_orientation

        if self.affine is None:
            return float(voxel[0]), float(voxel[1]), float(voxel[2])
        stored = inv_ornt_aff(io_orientation(self.affine), self.shape) @ [*voxel, 1]
        x, y, z, _ = (float(v) for v in self.affine @ stored)
        return x, y, z

    @property
    def tilt(self) -> float:
        """The largest angle between an axis of the grid and its nearest anatomical axis, degrees."""
        from nibabel.affines import obliquity

        return 0.0 if self.affine is None else float(np.degrees(obliquity(self.affine)).max())


@dataclass(frozen=True)
class Plane:
    """One way of looking at a turned volume: across `axis`.

    With known orientation a plane is laid out in radiological convention: the patient's right is
    on the left of axial and coronal pictures, anterior on the left of sagittal ones, and superior
    (anterior in axial ones) on top. Otherwise it is laid out as it is stored.
    """

    axis: int
    known: bool

    @property
    def across(self) -> tuple[int, int]:
        """The axes of the volume along the picture's rows (downwards) and columns."""
        first, second = (axis for axis in range(3) if axis != self.axis)
        return (second, first) if self.known else (first, second)

    @property
    def name(self) -> str:
        """Its name in anatomy."""
        return NAMES[self.axis] if self.known else f"across axis {self.axis + 1}"

    @property
    def letters(self) -> dict[str, str]:
        """The anatomical direction at each side of the picture; empty where unknown."""
        if not self.known:
            return {}
        rows, columns = self.across
        (bottom, top), (right, left) = LETTERS[rows], LETTERS[columns]
        return {"top": top, "bottom": bottom, "left": left, "right": right}

    def lay(self, flat: Array) -> Array:
        """Turn the two remaining axes, in the volume's order, into a picture (rows, columns)."""
        return flat.T[::-1, ::-1] if self.known else flat

    def cut(self, volume: Array, voxel: tuple[int, ...]) -> Array:
        """Give the slice through a voxel as a picture."""
        return self.lay(single(volume.take(voxel[self.axis], axis=self.axis)))

    def point(self, shape: tuple[int, ...], voxel: tuple[int, ...]) -> tuple[int, int]:
        """Find the row and column of the picture at which a voxel lies."""
        row, column = (
            shape[axis] - 1 - voxel[axis] if self.known else voxel[axis] for axis in self.across
        )
        return row, column


def planes(known: bool) -> tuple[Plane, Plane, Plane]:
    """Give the three planes in the order they are drawn: axial, coronal, sagittal."""
    return Plane(2, known), Plane(1, known), Plane(0, known)


def strongest(values: Array) -> tuple[int, ...]:
    """Find the index of the value with the largest magnitude."""
    low, high = int(values.argmin()), int(values.argmax())
    flat = low if -values.flat[low] > values.flat[high] else high
    return tuple(int(i) for i in np.unravel_index(flat, values.shape))


def project(values: Array, axis: int) -> Array:
    """Keep the value of largest magnitude, with its sign, along an axis."""
    high, low = values.max(axis=axis), values.min(axis=axis)
    return single(np.where(-low > high, low, high))
