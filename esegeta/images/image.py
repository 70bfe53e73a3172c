"""An image on its own grid: voxels, where they lie, and labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from esegeta.errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Image:
    """An image as its file holds it.

    Parameters
    ----------
    tensor : Tensor
        (C, H, W) or (C, i, j, k), float32, axes in the order of the file.
    affine : array
        (4, 4), voxel index → world position in mm, RAS+; the identity for pictures. Where the image
        is 2D, its third column belongs to the axis across the picture.
    name : str
    path : Path, optional
    label : Tensor, optional
        Whole numbers on the same grid, without the channel axis.
    space : int
        What the world is, as a NIfTI code: 1 the scanner's, 2 another image's, 3 Talairach, 4 MNI;
        0 where the file says nothing of a world, as pictures and arrays.
    """

    tensor: Tensor = field(repr=False)
    affine: Affine
    name: str
    path: Path | None = None
    label: Tensor | None = field(default=None, repr=False)
    space: int = 0

    def __post_init__(self) -> None:
        if self.tensor.ndim not in (3, 4):
            raise ImageError(
                f"{self.name}: an image is (C, H, W) or (C, i, j, k), "
                f"but this one has shape {tuple(self.tensor.shape)}."
            )
        if self.tensor.numel() == 0:
            raise ImageError(
                f"{self.name} holds no voxels: its shape is {tuple(self.tensor.shape)}."
            )
        check_affine(self.affine, self.name)
        if self.label is not None and tuple(self.label.shape) != self.spatial:
            raise ImageError(
                f"{self.name}: the label has shape {tuple(self.label.shape)}, "
                f"the image {self.spatial}; they must be equal."
            )

    @property
    def ndim(self) -> int:
        """2 for a picture, 3 for a volume."""
        return self.tensor.ndim - 1

    @property
    def spatial(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return tuple(self.tensor.shape[1:])


def check_affine(affine: Affine, name: str) -> None:
    """Refuse an affine that places no volume in the world.

    Raises
    ------
    ImageError
        Where it is not (4, 4), not finite, or flattens an axis.
    """
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise ImageError(f"{name}: the affine must be 4 × 4 finite numbers, not {affine.tolist()}.")
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    if not sides.all() or abs(np.linalg.det(affine[:3, :3] / sides)) < 1e-6:
        raise ImageError(
            f"{name}: the affine in its header places voxels on top of each other: "
            f"{affine[:3, :3].tolist()}."
        )
