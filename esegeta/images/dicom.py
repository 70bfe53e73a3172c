"""DICOM: one series in a folder, or one file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from esegeta.errors import ImageError, counted, listed
from esegeta.images.image import Affine
from esegeta.images.pixels import Pixels

_POSITION, _DESCRIPTION = "0020|0032", "0008|103e"
_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # DICOM counts to the left and to the back
_SCANNER = 1  # the world, as a NIfTI code
_UNEVEN = 0.05
"""How far one gap between slices may differ from the others, in gaps."""


def is_dicom(path: Path) -> bool:
    """Tell by the four letters behind the preamble."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def read(path: Path) -> Pixels:
    """Read (C, i, j, k) with i along the columns of a slice, rescaled as the file says (CT: HU).

    A single slice is a picture, (C, H, W). The third axis of the affine follows the slices'
    positions, so that a tilted gantry is placed right.

    Raises
    ------
    ImageError
        Where a folder holds no series or several, or slices are missing.
    """
    import SimpleITK

    with _quiet():
        files = _series(path) if path.is_dir() else [str(path)]
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(files)
        reader.MetaDataDictionaryArrayUpdateOn()
        image = reader.Execute()
    affine = _affine(image)
    if len(files) > 1:
        _follow_slices(affine, reader, files)
    values = SimpleITK.GetArrayFromImage(image)
    values = (
        values[None] if image.GetNumberOfComponentsPerPixel() == 1 else np.moveaxis(values, -1, 0)
    )
    if values.shape[1] == 1:
        return Pixels(values[:, 0], affine[:, [1, 0, 2, 3]], _SCANNER)
    return Pixels(values.transpose(0, 3, 2, 1), affine, _SCANNER)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep ITK's C++ warnings off the terminal; what matters is checked here."""
    import SimpleITK

    shown = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(shown)


def _series(folder: Path) -> list[str]:
    """Name the files of the one series, in the order of their positions."""
    from SimpleITK import ImageSeriesReader

    found = {
        uid: list(ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid))
        for uid in ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    }
    if not found:
        content = listed(sorted(entry.name for entry in folder.iterdir())) or "nothing"
        raise ImageError(f"the folder {folder} holds no DICOM series; it holds {content}.")
    if len(found) > 1:
        series = "; ".join(
            f"{_description(files[0])} ({counted(len(files), 'file')}, {uid})"
            for uid, files in found.items()
        )
        raise ImageError(
            f"the folder {folder} holds {len(found)} DICOM series: {series}. "
            "Give each a folder of its own."
        )
    return next(iter(found.values()))


def _description(file: str) -> str:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    if not reader.HasMetaDataKey(_DESCRIPTION):
        return "without description"
    return repr(reader.GetMetaData(_DESCRIPTION).strip())


def _affine(image: Any) -> Affine:
    size = image.GetDimension()
    affine = np.eye(4)
    affine[:size, :size] = np.reshape(image.GetDirection(), (size, size)) * image.GetSpacing()
    affine[:size, 3] = image.GetOrigin()
    return _RAS @ affine


def _follow_slices(affine: Affine, reader: Any, files: list[str]) -> None:
    """Set the affine's third column from the slices' positions, which must be evenly spaced."""
    if not all(reader.HasMetaDataKey(i, _POSITION) for i in range(len(files))):
        return
    positions = np.array(
        [reader.GetMetaData(i, _POSITION).split("\\") for i in range(len(files))], dtype=float
    )
    gaps = np.diff(positions, axis=0)
    usual = np.median(gaps, axis=0)
    far = np.linalg.norm(gaps - usual, axis=1) > _UNEVEN * np.linalg.norm(usual)
    if far.any():
        first = int(far.argmax())
        raise ImageError(
            f"{Path(files[0]).parent}: the slices are not evenly spaced; one is missing or there "
            f"are several of one place. From {Path(files[first]).name} to "
            f"{Path(files[first + 1]).name} it is {np.linalg.norm(gaps[first]):.3g} mm, usually "
            f"{np.linalg.norm(usual):.3g} mm."
        )
    affine[:3, 2] = _RAS[:3, :3] @ (positions[-1] - positions[0]) / (len(files) - 1)
