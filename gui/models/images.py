"""The images page: files and labels; and slices of what a helper process wrote."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..document import Document
from ..language import tr
from ..paths import found, written
from .catalogue import Catalogue

ENDINGS = (".nii", ".nii.gz", ".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy", ".npz")
"""What counts as an image where a folder is taken."""

Values = npt.NDArray[Any]


class ImagesModel:
    """Edits images."""

    def __init__(self, document: Document, catalogue: Catalogue | None = None) -> None:
        self.document = document
        self.catalogue = catalogue or Catalogue()

    def titles(self) -> list[str]:
        """Name each entry."""
        return [self._title(entry) for entry in self.document.entries("images")]

    def _title(self, entry: Any) -> str:
        if not isinstance(entry, dict):
            return "?"
        path = str(entry.get("path") or "")
        text = entry.get("name") or Path(path).name or entry.get("factory") or tr("new image")
        where = [str(entry[key]) for key in ("key", "index") if key in entry]
        return " · ".join([str(text), *([] if entry.get("name") else where)])

    def add(self, paths: Sequence[Path]) -> str:
        """Add files, and of folders the images in them; give what to tell the user, or nothing."""
        new, empty = [], []
        for path in paths:
            files = images_in(path) if path.is_dir() else [path]
            new += files
            empty += [] if files else [path]
        known = {
            str(found(str(entry.get("path")), self.document.base))
            for entry in self.document.entries("images")
            if isinstance(entry, dict) and entry.get("path")
        }
        fresh = [path for path in new if str(path.absolute()) not in known]
        if fresh:
            entries = [{"path": self._written(path)} for path in fresh]
            self.document.set(("images",), [*self.document.entries("images"), *entries])
        told = [tr("%s holds no image") % path for path in empty]
        if len(fresh) < len(new):
            told.append(tr("%d were there already") % (len(new) - len(fresh)))
        return "; ".join(told)

    def _written(self, path: Path) -> str:
        return written(path, self.document.base, saved=self.document.file is not None)

    def set_path(self, index: int, key: str, path: Path) -> None:
        """Set a path of an image to a file that was picked."""
        self.document.set(("images", index, key), self._written(path))

    def remove(self, index: int) -> None:
        """Take an image away; its file stays."""
        self.document.remove(("images", index))

    def request(self, index: int, folder: Path, model: int | None = None) -> dict[str, Any]:
        """Say which image is to be shown, and for which model; else one with steps of its own."""
        wanted = {"config": self.document.named, "base": str(self.document.base), "image": index}
        if model is not None:
            return {**wanted, "model": model, "folder": str(folder)}
        models = self.document.entries("models")
        chosen = self.document.get("images", index, "models")
        for number, entry in enumerate(models):
            name = entry.get("name") if isinstance(entry, dict) else None
            own = isinstance(entry, dict) and isinstance(entry.get("preprocess"), list)
            if own and (not isinstance(chosen, list) or name in chosen):
                wanted["model"] = number
                break
        return {**wanted, "folder": str(folder)}


def images_in(folder: Path) -> list[Path]:
    """Find the images in a folder; DICOM files in one folder are one image, the folder."""
    files = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        images = sorted(name for name in names if name.lower().endswith(ENDINGS))
        if any(name.lower().endswith(".dcm") for name in images):
            files.append(Path(root))
        files += [Path(root) / name for name in images if not name.lower().endswith(".dcm")]
    return files


@dataclass(frozen=True)
class Window:
    """The values that are drawn black and white."""

    low: float
    high: float

    @property
    def level(self) -> float:
        """Their middle."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """Their distance."""
        return self.high - self.low


def window_of(values: Values) -> Window:
    """Choose a window in which most values differ: percentiles 0.5 and 99.5 of the finite ones."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Window(0.0, 1.0)
    thin = finite.reshape(-1)[:: max(1, finite.size // 200_000)]
    low, high = (float(v) for v in np.percentile(thin, (0.5, 99.5)))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    return Window(low, high) if high > low else Window(low - 0.5, low + 0.5)


def plane(values: Values, axis: int, index: int) -> Values:
    """Cut a slice (H, W, C) out of (C, *spatial), upright: the last axis of a volume points up."""
    if values.ndim == 3:
        upright: Values = np.moveaxis(values, 0, -1)
        return upright
    cut: Values = np.take(values, index, axis=axis + 1)
    standing: Values = np.moveaxis(cut, 0, -1).transpose(1, 0, 2)[::-1]
    return standing


def grey(cut: Values, window: Window) -> npt.NDArray[np.uint8]:
    """Turn a slice (H, W, C) into RGB; what is not a number is drawn in magenta."""
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = (cut.astype(np.float32) - window.low) / max(window.width, 1e-30)
        shades = (np.nan_to_num(scaled).clip(0, 1) * 255).astype(np.uint8)
    rgb = shades[..., :3] if shades.shape[-1] >= 3 else np.repeat(shades[..., :1], 3, axis=-1)
    rgb = np.ascontiguousarray(rgb)
    rgb[~np.isfinite(cut).all(axis=-1)] = (255, 0, 255)
    return rgb


def tinted(rgb: npt.NDArray[np.uint8], cut: Values, colour: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Lay the voxels of a mask or label (H, W, 1) over a picture."""
    over: npt.NDArray[np.uint8] = rgb.copy()
    inside = cut[..., 0] > 0
    over[inside] = (0.55 * over[inside] + 0.45 * np.asarray(colour)).astype(np.uint8)
    return over
