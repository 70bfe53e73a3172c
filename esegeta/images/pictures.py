"""PNG and JPEG pictures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from esegeta.errors import ImageError
from esegeta.images.image import Array
from esegeta.images.pixels import Pixels

if TYPE_CHECKING:
    import PIL.Image

_log = logging.getLogger(__name__)
_GREY = {2: 1, 4: 3}  # channels with alpha → without


def read(path: Path, *, indices: bool = False) -> Pixels:
    """Read a picture upright, without alpha; `indices` keeps the numbers of a palette."""
    import PIL.Image
    import PIL.ImageOps

    if _deep_colour(path):
        values = through_itk(path)
        note_alpha(path, values.shape[-1] == 4)
        return Pixels(channels_first(values))
    with PIL.Image.open(path) as picture:
        picture.load()
        note_alpha(path, picture.mode in ("LA", "PA", "RGBA"))
        return Pixels(channels_first(plain(PIL.ImageOps.exif_transpose(picture), indices)))


def note_alpha(path: Path, there: bool) -> None:
    """Log that a picture had an alpha channel, where there was one: it explains a channel too few."""
    if there:
        _log.info("%s: its alpha channel is left out", path)


def plain(picture: PIL.Image.Image, indices: bool) -> Array:
    """Give the values of one picture, (H, W) or (H, W, C): palettes resolved, colours as RGB."""
    if picture.mode in ("P", "PA") and indices:
        return np.asarray(picture.getchannel(0) if picture.mode == "PA" else picture)
    if picture.mode == "LA":
        picture = picture.convert("L")
    elif picture.mode not in ("1", "L", "I", "F", "RGB") and not picture.mode.startswith("I;16"):
        picture = picture.convert("RGB")
    return np.asarray(picture)


def through_itk(path: Path) -> Array:
    """Give 16-bit colours, which Pillow would cut to eight bits."""
    import SimpleITK

    values: Array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))
    return values


def channels_first(values: Array) -> Array:
    """Turn (H, W) or (H, W, C) into (C, H, W), an alpha channel dropped."""
    if values.ndim == 2:
        return values[None]
    return np.moveaxis(values[..., : _GREY.get(values.shape[-1])], -1, 0)


def _deep_colour(path: Path) -> bool:
    """Tell whether this is a PNG of 16-bit colours, by its first chunk."""
    with path.open("rb") as stream:
        head = stream.read(26)
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[24:25] != b"\x10":
        return False
    if head[25:26] == b"\4":
        raise ImageError(
            f"{path} is 16-bit grey with an alpha channel, of which no reader here keeps all bits; "
            "save it without alpha."
        )
    return head[25:26] != b"\0"
