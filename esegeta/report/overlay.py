"""A map over its image, and a made picture beside it, as figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from esegeta.files import replacing
from esegeta.report import flat, volume
from esegeta.report.orient import Affine
from esegeta.report.scale import Show, fit, heat, to_array

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

__all__ = ["heat", "overlay", "picture", "save_figure", "sheet"]


def overlay(
    image: Tensor | NDArray[Any],
    map: Tensor | NDArray[Any],
    *,
    affine: Affine | None = None,
    show: Show = "signed",
    title: str = "",
) -> Figure:
    """Draw a map over its image.

    Parameters
    ----------
    image : (C, *spatial)
        Two or three spatial axes, as stored. Three channels in 2D are red, green and blue; of
        other channels the first is shown.
    map : (K, *spatial)
        On the image's grid; its channels are reduced by `heat`.
    affine : ndarray (4, 4), optional
        Voxel → world, mm, RAS+. A volume without one is drawn as stored, without directions.
    show : "signed" or "magnitude"
        Whether the map or its magnitude is drawn.
    title : str

    Returns
    -------
    Figure
        2D: the image, and the map over it. 3D: three slices through the strongest voxel, and three
        projections of the largest magnitude, in radiological convention.

    Raises
    ------
    MethodError
        Where the map is zero or constant, or holds NaN or infinity.
    ValueError
        Where image and map lie on different grids.
    """
    background, values = to_array(image), heat(map, show)
    _same_grid(background.shape[1:], values.shape)
    draw = flat.draw if values.ndim == 2 else volume.draw
    return draw(background, values, fit(values), _checked(affine), title)


def picture(
    image: Tensor | NDArray[Any],
    result: Tensor | NDArray[Any],
    *,
    affine: Affine | None = None,
    title: str = "",
) -> Figure:
    """Draw an image (C, *spatial) and the picture a method made of it (C, *spatial) side by side.

    Each is shown in its own window: a result may be in the model's units rather than the file's.
    Volumes show their three middle slices.

    Raises
    ------
    ValueError
        Where the two lie on different grids.
    """
    first, second = to_array(image), to_array(result)
    _same_grid(first.shape[1:], second.shape[1:])
    draw = flat.pair if first.ndim == 3 else volume.pair
    return draw(first, second, _checked(affine), title)


def sheet(values: Tensor | NDArray[Any], *, title: str = "") -> Figure:
    """Draw a picture (1 or 3, height, width), from 0 to 1, that is on no image's grid."""
    return flat.sheet(to_array(values), title)


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, by rename, so that a reader never meets half a file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    with replacing(path) as temporary:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        # Without the opacity channel, which says nothing here, the file is a seventh smaller.
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        # Harder compression takes twice as long for a file a twentieth smaller at best.
        Image.fromarray(pixels).save(temporary, format="PNG")
    return path


def _same_grid(image: tuple[int, ...], map: tuple[int, ...]) -> None:
    if image != map or len(image) not in (2, 3):
        raise ValueError(f"the image is on a grid of {image}, what is drawn with it on {map}")


def _checked(affine: Affine | None) -> Affine | None:
    return None if affine is None else np.asarray(affine, dtype=np.float64).reshape(4, 4)
