"""NumPy arrays, alone (npy) or several (npz)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from esegeta.errors import ImageError, listed, unknown
from esegeta.images.image import Array
from esegeta.images.pixels import Pixels

AXES = ("HW", "HWC", "CHW", "DHW", "CDHW", "DHWC")
_COLOURS = (1, 3, 4)


def read(path: Path, *, axes: str | None, key: str | None, index: int | None) -> Pixels:
    """Read an array, or one entry of a data set, values as stored.

    Parameters
    ----------
    axes : str, optional
        What the axes are, one of `AXES`. Without it, (a, b) is HW; (a, b, c) is HWC where c is
        1, 3 or 4 and the others are larger, else DHW; (a, b, c, d) is CDHW where a ≤ 4, else DHWC
        where d ≤ 4.
    key : str, optional
        The array of an npz; needed where it holds several.
    index : int, optional
        The entry along the first axis, where the array holds many images.

    Raises
    ------
    ImageError
        Where one of them does not fit the file.
    """
    return pixels(_entry(array(path, key), index, path), axes=axes, name=str(path))


def pixels(values: Array, *, axes: str | None, name: str) -> Pixels:
    """Bring an array's axes into order; see `read`.

    Raises
    ------
    ImageError
        Where the axes do not fit it, or it holds no real numbers.
    """
    if values.dtype.kind not in "biuf":
        raise ImageError(f"{name} holds {values.dtype} values; an image needs real numbers.")
    order = axes or _guess(values.shape, name)
    if len(order) != values.ndim:
        raise ImageError(
            f"{name}: the axes {order!r} name {len(order)}, but the array has shape {values.shape}"
            + (
                "; where it holds many images, `index` takes one."
                if len(order) < values.ndim
                else "."
            )
        )
    if "C" not in order:
        values, order = values[None], "C" + order
    values = np.moveaxis(values, order.index("C"), 0)
    return Pixels(values[:, 0] if values.ndim == 4 and values.shape[1] == 1 else values)


def array(path: Path, key: str | None) -> Array:
    """Read a whole array of a file; see `read`."""
    if path.suffix.lower() == ".npy":
        if key is not None:
            raise ImageError(f"{path} holds one array without a name; leave out `key` ({key!r}).")
        whole: Array = np.load(path, allow_pickle=False)
        return whole
    with np.load(path, allow_pickle=False) as arrays:
        if key is None and len(arrays.files) != 1:
            raise ImageError(
                f"{path} holds {len(arrays.files)} arrays; `key` says which: "
                f"{listed(arrays.files)}."
            )
        if key is not None and key not in arrays.files:
            raise ImageError(f"{path}: {unknown('array', key, arrays.files)}.")
        entry: Array = arrays[key or arrays.files[0]]
        return entry


def _entry(values: Array, index: int | None, path: Path) -> Array:
    if index is None:
        return values
    count = len(values) if values.ndim else 0
    if not 0 <= index < count:
        raise ImageError(f"{path} has no entry {index}; it holds {count}, counted from 0.")
    entry: Array = values[index]
    return entry


def _guess(shape: tuple[int, ...], name: str) -> str:
    if len(shape) == 2:
        return "HW"
    if len(shape) == 3:
        return "HWC" if shape[2] in _COLOURS and min(shape[:2]) > shape[2] else "DHW"
    if len(shape) == 4 and shape[0] <= 4:
        return "CDHW"
    if len(shape) == 4 and shape[3] <= 4:
        return "DHWC"
    raise ImageError(
        f"{name} has shape {shape}, from which its axes cannot be told; "
        f"give `axes` ({listed(AXES)})"
        + (", or `index` where it holds many images." if len(shape) > 2 else ".")
    )
