"""TIFF pictures, and volumes as pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from esegeta.errors import ImageError
from esegeta.images.image import Array
from esegeta.images.pictures import channels_first, note_alpha, plain, through_itk
from esegeta.images.pixels import Pixels

if TYPE_CHECKING:
    import tifffile


def read(path: Path, *, indices: bool = False) -> Pixels:
    """Read a TIFF upright, without alpha: (C, H, W), or (C, pages, H, W) where it has pages.

    Raises
    ------
    ImageError
        Where pages differ in size, or there are axes beside channel, page, row and column.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        if len(file.series) > 1:
            shapes = ", ".join(str(series.shape) for series in file.series[:4])
            raise ImageError(
                f"{path} holds {len(file.series)} images of different shapes ({shapes}); "
                "save the one to explain by itself."
            )
        series, page = file.series[0], file.pages.first
        note_alpha(path, bool(page.extrasamples))
        if _as_stored(page):
            return Pixels(_ordered(series.asarray(), series.axes, page, path))
        deep = page.bitspersample > 8 and page.samplesperpixel > 1
        # Pillow turns white-is-zero round for eight bits, not for sixteen.
        negative = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and page.bitspersample == 16
        count = len(series.pages)
    if deep:
        values = through_itk(path)
        return Pixels(channels_first(values) if count == 1 else _stack(list(values)))
    values = _by_pillow(path, count, indices)
    return Pixels(np.iinfo(np.uint16).max - values if negative else values)


def _as_stored(page: tifffile.TiffPage) -> bool:
    """Tell whether tifffile alone gives the picture: upright, no palette, no odd compression."""
    from tifffile import COMPRESSION, PHOTOMETRIC

    upright = "Orientation" not in page.tags or page.tags["Orientation"].value == 1
    plain_colours = page.photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)
    readable = (
        COMPRESSION.NONE,
        COMPRESSION.DEFLATE,
        COMPRESSION.ADOBE_DEFLATE,
        COMPRESSION.PACKBITS,
    )
    return upright and plain_colours and page.compression in readable


def _ordered(values: Array, axes: str, page: tifffile.TiffPage, path: Path) -> Array:
    """Bring axes as tifffile names them (S, C: channels) to (C, H, W) or (C, page, H, W)."""
    kept = [i for i, name in enumerate(axes) if name in "YX" or values.shape[i] > 1]
    values = values.reshape([values.shape[i] for i in kept])
    names = ["C" if axes[i] in "SC" else axes[i] if axes[i] in "YX" else "Z" for i in kept]
    if len(set(names)) < len(names):
        raise ImageError(
            f"{path} has the axes {axes} with shape {values.shape}; valid are channel, page, row "
            "and column, each once."
        )
    values = values.transpose([names.index(name) for name in "CZYX" if name in names])
    if "C" not in names:
        values = values[None]
    alpha = len(page.extrasamples) if "S" in axes else 0
    return values[: len(values) - alpha]


def _by_pillow(path: Path, count: int, indices: bool) -> Array:
    import PIL.Image
    import PIL.ImageOps

    pages = []
    with PIL.Image.open(path) as picture:
        for number in range(count):
            picture.seek(number)
            pages.append(plain(PIL.ImageOps.exif_transpose(picture), indices))
    return channels_first(pages[0]) if count == 1 else _stack(pages)


def _stack(pages: list[Array]) -> Array:
    """Turn pages into (C, page, H, W)."""
    return np.stack([channels_first(page) for page in pages], axis=1)
