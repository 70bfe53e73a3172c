"""Which reader a file needs, and what is said where the file is no good."""

from __future__ import annotations

from pathlib import Path

from esegeta.errors import ImageError, dangling, nearest
from esegeta.images import arrays, dicom, nifti, pictures, tiff
from esegeta.images.pixels import Pixels

SUFFIXES = {
    "nifti": (".nii", ".nii.gz"),
    "picture": (".png", ".jpg", ".jpeg"),
    "tiff": (".tif", ".tiff"),
    "array": (".npy", ".npz"),
    "dicom": (".dcm", ".ima", ".dicom"),
}


def recognise(path: Path) -> str:
    """Tell the format, one of `SUFFIXES`, by the suffix; DICOM also by its content.

    Raises
    ------
    ImageError
        Where there is no such file, or it is empty or of no known format.
    """
    if not path.exists():
        raise ImageError(_missing(path))
    if path.is_dir():
        return "dicom"
    if not path.stat().st_size:
        raise ImageError(f"{path} is empty (0 bytes).")
    for name, suffixes in SUFFIXES.items():
        if path.name.lower().endswith(suffixes):
            return name
    if dicom.is_dicom(path):
        return "dicom"
    valid = ", ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
    raise ImageError(
        f"{path} is of no known format; valid are {valid}, and a folder that holds a DICOM series."
    )


def load(
    path: Path,
    *,
    axes: str | None = None,
    key: str | None = None,
    index: int | None = None,
    indices: bool = False,
) -> Pixels:
    """Read the values of a file as stored; `indices` takes a palette's numbers for its colours.

    Raises
    ------
    ImageError
        Whatever a damaged file makes its library raise.
    """
    name = recognise(path)
    given = {"axes": axes, "key": key, "index": index}
    idle = [option for option, value in given.items() if value is not None]
    if name != "array" and idle:
        raise ImageError(f"{path}: {' and '.join(idle)} can be given for .npy and .npz files only.")
    try:
        if name == "nifti":
            return nifti.read(path)
        if name == "dicom":
            return dicom.read(path)
        if name == "array":
            return arrays.read(path, axes=axes, key=key, index=index)
        reader = tiff.read if name == "tiff" else pictures.read
        return reader(path, indices=indices)
    except (ImageError, ImportError, MemoryError):
        raise
    except Exception as error:  # each library has its own, down to zlib.error and EOFError
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"{path} cannot be read; it may be cut short or damaged: {reason[:300]}"
        ) from error


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no file {path}; the folder {folder} does not exist either."
    link = dangling(path)
    if link is not None:
        return f"{path} is {link}."
    guess = nearest(path.name, sorted(entry.name for entry in folder.iterdir()))
    return f"there is no file {path}" + (f"; did you mean {guess!r}?" if guess else ".")
