"""Writing a map so that its voxels lie where the image's do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from esegeta.errors import ImageError
from esegeta.files import replacing
from esegeta.images.grid import apart
from esegeta.images.image import Affine, Array, Image

if TYPE_CHECKING:
    from torch import Tensor


def write_map(map: Tensor, image: Image, folder: str | Path, stem: str = "map") -> Path:
    """Write a map beside its image's voxels, and give the file's path.

    A volume's map becomes ``stem.nii.gz`` with the image's affine, (i, j, k) or (i, j, k, K), and so
    does that of one slice of NIfTI or DICOM, (i, j, 1) or (i, j, 1, K); a picture's or an array's
    in 2D becomes ``stem.npy``, (H, W) or (K, H, W). The file appears whole or not at all.

    Parameters
    ----------
    map : Tensor
        (K, *spatial of the image).

    Raises
    ------
    ImageError
        Where the folder cannot be written to.
    """
    if tuple(map.shape[1:]) != image.spatial:
        raise ValueError(f"a map of shape {tuple(map.shape)} is not on the grid {image.spatial}")
    values = map.detach().to("cpu").numpy().astype(np.float32, copy=False)
    flat = image.ndim == 2 and not image.space
    path = Path(folder) / f"{stem}{'.npy' if flat else '.nii.gz'}"
    with _writing(path) as unfinished:
        if flat:
            np.save(unfinished, values[0] if len(values) == 1 else values)
        else:
            _nifti(values, image.affine, image.space or 1, unfinished)
    return path


def write_array(map: Tensor, folder: str | Path, stem: str = "map") -> Path:
    """Write what lies on no image's grid, (K, …), as ``stem.npy``; of one channel without its axis.

    Raises
    ------
    ImageError
        Where the folder cannot be written to.
    """
    values = map.detach().to("cpu").numpy().astype(np.float32, copy=False)
    path = Path(folder) / f"{stem}.npy"
    with _writing(path) as unfinished:
        np.save(unfinished, values[0] if len(values) == 1 else values)
    return path


def read_map(path: Path, ndim: int) -> Tensor:
    """Read a map (K, *spatial) that `write_map` or `write_array` has written.

    Parameters
    ----------
    path : Path
    ndim : int
        Spatial axes of the image.
    """
    import nibabel
    import torch

    if path.suffix == ".npy":
        values = np.load(path, allow_pickle=False)
    else:
        file: Any = nibabel.load(path)
        values = np.asarray(file.dataobj, dtype=np.float32)
        values = values[:, :, 0] if ndim == 2 else values
        values = np.moveaxis(values, -1, 0) if values.ndim > ndim else values
    values = values if values.ndim > ndim else values[None]
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    try:
        with replacing(path) as unfinished:
            yield unfinished
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {error.strerror or error}.") from error


def _nifti(values: Array, affine: Affine, space: int, path: Path) -> None:
    import nibabel

    values = values if values.ndim == 4 else values[..., None]
    values = values[0] if len(values) == 1 else np.moveaxis(values, 0, -1)
    file = nibabel.Nifti1Image(values, affine)
    file.header.set_xyzt_units("mm")
    file.set_sform(affine, space)
    # Viewers differ in which of the two they follow, so both say the same; the qform cannot shear.
    file.set_qform(affine, space)
    if apart(values.shape[:3], file.get_qform(), affine) > 0.01:
        file.set_qform(affine, 0)
    nibabel.save(file, path)
