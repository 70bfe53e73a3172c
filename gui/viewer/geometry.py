"""Where voxels lie: on the screen, in the file, and in the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from esegeta.errors import ImageError
from esegeta.report.orient import Affine, Grid, Plane, planes

from ..language import tr

Array = npt.NDArray[Any]
Voxel = tuple[int, int, int]
World = tuple[float, float, float]


@dataclass(frozen=True)
class View:
    """One plane of a turned volume, as it is laid out on the screen.

    Parameters
    ----------
    plane : Plane
    mirrored : bool
        Whether left and right are changed against the report's pictures, which are radiological:
        so the patient's left is on the left, the neurological convention.
    """

    plane: Plane
    mirrored: bool = False

    @property
    def axis(self) -> int:
        """The axis of the turned volume that it lies across."""
        return self.plane.axis

    @property
    def letters(self) -> dict[str, str]:
        """The anatomical direction at each side; empty where unknown."""
        letters = dict(self.plane.letters)
        if letters and self.mirrored:
            letters["left"], letters["right"] = letters["right"], letters["left"]
        return letters

    def cut(self, volume: Array, voxel: Voxel) -> Array:
        """Give the slice (K, rows, columns) of a volume (K, x, y, z) through a voxel."""
        # An index gives a view; `take` would copy, slowly where the axis is not the last in memory.
        flat = np.moveaxis(volume, self.axis + 1, 0)[voxel[self.axis]]
        laid = np.stack([self.plane.lay(one) for one in flat])
        return laid[:, :, ::-1] if self.mirrored else laid

    def size(self, shape: Voxel) -> tuple[int, int]:
        """Count rows and columns."""
        rows, columns = self.plane.across
        return shape[rows], shape[columns]

    def point(self, shape: Voxel, voxel: Voxel) -> tuple[int, int]:
        """Find the row and column at which a voxel lies."""
        row, column = self.plane.point(shape, voxel)
        return row, self.size(shape)[1] - 1 - column if self.mirrored else column

    def voxel(self, shape: Voxel, voxel: Voxel, row: int, column: int) -> Voxel:
        """Give the voxel at a row and column of the plane through `voxel`; the nearest there is."""
        height, width = self.size(shape)
        row, column = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
        column = width - 1 - column if self.mirrored else column
        found = list(voxel)
        for axis, at in zip(self.plane.across, (row, column), strict=True):
            found[axis] = shape[axis] - 1 - at if self.plane.known else at
        return cast(Voxel, tuple(found))


class Geometry:
    """The grid that image and maps share, turned to anatomical axes; a picture has one slice.

    Parameters
    ----------
    spatial : tuple of int
        As stored, two or three axes.
    affine : ndarray (4, 4) or None
        Voxel → world, mm, RAS+; None where nobody knows it.
    """

    def __init__(self, spatial: tuple[int, ...], affine: Affine | None) -> None:
        self.spatial = spatial
        self.flat = len(spatial) == 2
        self.affine = affine
        self.trouble = ""
        try:
            if affine is not None and not np.isfinite(affine).all():
                raise ImageError(tr("the affine is not finite"))
            grid = Grid(None if self.flat else affine, spatial)
        except (ImageError, ValueError, np.linalg.LinAlgError) as error:
            self.trouble, self.affine = str(error), None
            grid = Grid(None, spatial)
        self.grid = grid
        probe = np.broadcast_to(np.int8(0), spatial if not self.flat else (*spatial, 1))
        self.shape = cast(Voxel, grid.turn(probe).shape)
        self.spacing = self._spacing()
        self._back = self._to_file()
        self._turned = None if self.affine is None else self.affine @ self._back

    @property
    def known(self) -> bool:
        """Whether anatomical directions are known."""
        return self.grid.known

    def _spacing(self) -> World:
        """Give millimetres per voxel along the turned axes; 1 where unknown."""
        if self.flat and self.affine is not None:
            height, width = (float(v) for v in np.linalg.norm(self.affine[:3, :2], axis=0))
            if height and width:
                return height, width, 1.0
        return self.grid.spacing

    def turn(self, values: Array) -> Array:
        """Give a view (K, x, y, z) of values (K, *spatial)."""
        if self.flat:
            return values[..., None]
        return np.moveaxis(self.grid.turn(np.moveaxis(values, 0, -1)), -1, 0)

    def views(self, neurological: bool = False) -> tuple[View, ...]:
        """Give the planes in the order in which they are shown: axial, coronal, sagittal."""
        if self.flat:
            return (View(Plane(2, False)),)
        # Left and right are not seen in a sagittal plane: it is the same in both conventions.
        return tuple(
            View(plane, neurological and self.known and plane.axis != 0)
            for plane in planes(self.known)
        )

    @property
    def centre(self) -> Voxel:
        """The voxel in the middle."""
        return cast(Voxel, tuple(size // 2 for size in self.shape))

    def clip(self, voxel: tuple[int, ...]) -> Voxel:
        """Give the nearest voxel that there is."""
        pairs = zip(voxel, self.shape, strict=True)
        return cast(Voxel, tuple(min(max(int(at), 0), size - 1) for at, size in pairs))

    def _to_file(self) -> Affine:
        """Give the matrix from turned voxels to those of the file."""
        if self.flat or self.affine is None:
            return np.eye(4)
        from nibabel.orientations import inv_ornt_aff, io_orientation

        matrix: Affine = inv_ornt_aff(io_orientation(self.affine), self.spatial)
        return matrix

    def world(self, voxel: Voxel) -> World | None:
        """Say where a voxel lies: mm, RAS+; None where nobody knows."""
        if self._turned is None:
            return None
        x, y, z = (float(v) for v in (self._turned @ [*voxel, 1])[:3])
        return x, y, z

    def voxel(self, world: World) -> Voxel | None:
        """Give the voxel nearest to a place in the world; None where nobody knows."""
        if self._turned is None:
            return None
        at = np.linalg.solve(self._turned, [*world, 1])[:3]
        return self.clip(tuple(int(v) for v in np.round(at)))

    def turned(self, stored: tuple[int, ...]) -> Voxel:
        """Find a voxel that the file counts."""
        found = np.linalg.solve(self._back, [*(*stored, 0)[:3], 1])[:3]
        return self.clip(tuple(round(float(v)) for v in found))

    def stored(self, voxel: Voxel) -> tuple[int, ...]:
        """Give the index of a voxel in the file."""
        found = tuple(round(float(v)) for v in (self._back @ [*voxel, 1])[:3])
        return found[:2] if self.flat else found
