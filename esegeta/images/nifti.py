"""NIfTI files, axes left in the order of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from esegeta.errors import ImageError
from esegeta.images.image import Array
from esegeta.images.pixels import Pixels


def read(path: Path) -> Pixels:
    """Read (X, Y), (X, Y, Z), (X, Y, Z, C) or (X, Y, Z, 1, C); one slice makes a 2D image.

    Raises
    ------
    ImageError
        Where the voxels are complex numbers or records, or there are more axes.
    """
    import nibabel

    file = nibabel.load(path)
    kind = file.get_data_dtype()
    if kind.kind == "c":
        raise ImageError(
            f"{path} holds complex numbers ({kind}); save magnitude or phase, which are real."
        )
    if kind.kind not in "iuf":
        raise ImageError(
            f"{path} holds records of several values per voxel ({kind.names}); "
            "save the channels along a fourth axis."
        )
    values = np.asarray(file.get_fdata(dtype=np.float32, caching="unchanged"))
    code = int(file.header["sform_code"]) or int(file.header["qform_code"]) or 1
    return Pixels(_channels_first(values, path), np.asarray(file.affine, dtype=float), code)


def _channels_first(values: Array, path: Path) -> Array:
    shape = values.shape
    if values.ndim == 5 and shape[3] == 1:  # where NIfTI itself puts vectors
        values = values[:, :, :, 0]
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4:
        raise ImageError(
            f"{path} has shape {shape}; valid are (X, Y), (X, Y, Z), (X, Y, Z, C) and "
            "(X, Y, Z, 1, C)."
        )
    values = np.moveaxis(values, 3, 0)
    return values[..., 0] if values.shape[3] == 1 else values
