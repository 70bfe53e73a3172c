"""Reading an image of any format, with its label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from esegeta.errors import ImageError
from esegeta.images.formats import load, recognise
from esegeta.images.grid import apart
from esegeta.images.image import Affine, Array, Image
from esegeta.images.pixels import Pixels

if TYPE_CHECKING:
    from torch import Tensor

_APART = 0.1
"""How far a label's voxels may lie from the image's, in voxels: what rounding in headers makes."""


def read(
    path: str | Path,
    *,
    axes: str | None = None,
    key: str | None = None,
    index: int | None = None,
    label: str | Path | None = None,
    name: str | None = None,
) -> Image:
    """Read an image; a folder is one DICOM series.

    Pictures of whole numbers are scaled to [0, 1] by the largest number of their type; all else
    keeps its values. One slice of a volume is a 2D image.

    Parameters
    ----------
    path : path
    axes, key, index : optional
        For npy and npz only: what the axes are, which array, which entry; see `arrays.read`.
    label : path, optional
        Whole numbers on the image's grid, in any of the formats.
    name : str, optional
        Else the file's, with `key` and `index`.

    Raises
    ------
    ImageError
        Where a file is missing, damaged, of no known format or empty, or the label does not fit.
    """
    path = Path(path)
    pixels = scaled(path, axes=axes, key=key, index=index)
    image = Image(
        tensor=_tensor(pixels.values, np.float32),
        affine=pixels.affine,
        name=name or _name(path, key, index),
        path=path,
        space=pixels.space,
    )
    return image if label is None else replace(image, label=_label(Path(label), image))


def scaled(
    path: Path, *, axes: str | None = None, key: str | None = None, index: int | None = None
) -> Pixels:
    """Read the values of an image as `read` does, as an array; needs no torch."""
    pixels = load(path, axes=axes, key=key, index=index)
    values = pixels.values
    if recognise(path) in ("picture", "tiff") and values.dtype.kind in "iu":
        values = values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
    return replace(pixels, values=values)


def _label(path: Path, image: Image) -> Tensor:
    """Read a label, (*spatial) int64: whole numbers, one channel, on the image's grid."""
    axes = {2: "HW", 3: "DHW"}[image.ndim] if recognise(path) == "array" else None
    pixels = load(path, axes=axes, indices=True)
    values = pixels.values
    if len(values) > 1 and (values == values[:1]).all():  # a mask that was saved as a grey RGB
        values = values[:1]
    if len(values) != 1:
        raise ImageError(f"the label {path} has {len(values)} channels; a label has one.")
    values = values[0]
    if values.shape != image.spatial or apart(values.shape, pixels.affine, image.affine) > _APART:
        raise ImageError(
            f"the label {path} lies on another grid than {image.name}: "
            f"{_grid(values.shape, pixels.affine)}; the image {_grid(image.spatial, image.affine)}."
        )
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64)
    odd = values[whole != values]
    if odd.size:
        those = "1 is not:" if odd.size == 1 else f"{odd.size} are not, such as"
        raise ImageError(f"the label {path} must hold whole numbers, but {those} {odd[0]}.")
    return _tensor(whole, np.int64)


def _grid(shape: tuple[int, ...], affine: Affine) -> str:
    rows = "; ".join(" ".join(f"{value:.4g}" for value in row) for row in affine[:3])
    return f"{' × '.join(map(str, shape))} voxels, affine [{rows}]"


def _name(path: Path, key: str | None, index: int | None) -> str:
    if path.is_dir():
        return path.resolve().name
    name = path.name[:-7] if path.name.lower().endswith(".nii.gz") else path.stem
    return "-".join(part for part in (name, key, index if index is None else str(index)) if part)


def _tensor(values: Array, kind: Any) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, dtype=kind))
