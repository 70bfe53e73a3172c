"""What is on the screen: the image, the maps over it, and the voxel that everything goes through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from esegeta.report.flat import DIM, LUMA
from esegeta.report.orient import Affine
from esegeta.report.scale import Array, grey, single, window

from ..language import tr
from .colours import NOT_A_NUMBER, Pixels, Sign, paint
from .geometry import Geometry, View, Voxel, World
from .layers import Difference, Layer, thin

BLACK, WHITE = 0.0, 1.0


class Scene:
    """One image and its maps, all on one grid, cut at one voxel.

    Parameters
    ----------
    spatial : tuple of int
        The grid, as stored.
    affine : ndarray (4, 4) or None
    """

    def __init__(self, spatial: tuple[int, ...], affine: Affine | None = None) -> None:
        self.geometry = Geometry(spatial, affine)
        self.voxel: Voxel = self.geometry.centre
        self.image: Array | None = None
        self.window = (BLACK, WHITE)
        self.full = (BLACK, WHITE)
        """The window that the image has of itself."""
        self.layers: dict[str, Layer] = {}
        self.neurological = False
        self.maps = True
        """Whether maps are drawn, or only the image."""
        self._grounds: dict[View, tuple[object, Array]] = {}

    @property
    def views(self) -> tuple[View, ...]:
        """The planes: axial, coronal and sagittal, or the picture."""
        return self.geometry.views(self.neurological)

    def fits(self, values: Array) -> bool:
        """Whether (C, *spatial) lies on this grid."""
        return values.shape[1:] == self.geometry.spatial

    def take_image(self, values: Array, window: tuple[float, float] | None = None) -> None:
        """Show an image (C, *spatial) below the maps, in its own window where none is given.

        Raises
        ------
        ValueError
            Where it lies on another grid.
        """
        if not self.fits(values):
            raise ValueError(
                tr("the image is on a grid of %s, the maps on one of %s")
                % (" × ".join(map(str, values.shape[1:])), " × ".join(map(str, self.grid)))
            )
        self.image = self.geometry.turn(values)
        self.window = self.full = window or window_of(self.image)

    @property
    def grid(self) -> tuple[int, ...]:
        """Voxels along the axes, as stored."""
        return self.geometry.spatial

    def add(self, layer: Layer) -> None:
        """Hold a map; one of the same key is replaced."""
        self.layers[layer.key] = layer

    def subtract(self, one: str, other: str, relative: bool = True) -> Difference:
        """Hold the difference of two maps that are there."""
        made = Difference.of(self.layers[one], self.layers[other], relative)
        self.add(made)
        return made

    # What is drawn

    def ground(self, view: View, dim: float = 1.0) -> Array:
        """Give the image's slice (rows, columns, 3) in [0, 1]; black where there is no image.

        The last one of each plane is remembered: maps side by side have the same.
        """
        key = (self.voxel[view.axis], self.window, dim, self.image is None)
        known = self._grounds.get(view)
        if known is None or known[0] != key:
            known = self._grounds[view] = (key, self._ground(view, dim))
        return known[1]

    def _ground(self, view: View, dim: float) -> Array:
        if self.image is None:
            return np.zeros((*view.size(self.geometry.shape), 3), np.float32)
        flat = grey(view.cut(self.image, self.voxel), self.window)
        if self.geometry.flat and len(flat) == 3:
            colours: Array = flat.transpose(1, 2, 0)
            if dim == 1:
                return colours
            flat = (colours @ LUMA)[None]
        return single(np.repeat(dim * flat[0][..., None], 3, axis=2))

    def picture(self, view: View, key: str | None) -> Pixels:
        """Draw a plane (rows, columns, 3): a map over the image, or the image alone."""
        layer = self.layers.get(key or "")
        if layer is not None and layer.own:
            return self._own(view, layer)
        if layer is None or not self.maps:
            return shades(self.ground(view))
        values = layer.cut(view, self.voxel, layer.look.sign)
        # Darker below a map, so that its light colours are lighter still.
        return paint(self.ground(view, DIM), values, layer.look)

    def _own(self, view: View, layer: Layer) -> Pixels:
        """Draw a picture that a method made, in its own window."""
        cut = view.cut(layer.values, self.voxel)
        flat = grey(cut, layer.window)
        colour = len(flat) == 3 and self.geometry.flat
        drawn = shades(flat.transpose(1, 2, 0) if colour else np.repeat(flat[0][..., None], 3, 2))
        odd = ~np.isfinite(cut).all(axis=0)
        if odd.any():
            drawn[odd] = NOT_A_NUMBER
        return drawn

    # Where

    def point(self, view: View) -> tuple[int, int]:
        """Find the row and column of the voxel in a plane."""
        return view.point(self.geometry.shape, self.voxel)

    def go(self, view: View, row: int, column: int) -> None:
        """Go to a place in a plane."""
        self.voxel = view.voxel(self.geometry.shape, self.voxel, row, column)

    def scroll(self, view: View, by: int) -> None:
        """Go to a slice further on: towards the patient's head, front or left side."""
        voxel = list(self.voxel)
        voxel[view.axis] += by
        self.voxel = self.geometry.clip(tuple(voxel))

    def go_to_world(self, world: World) -> None:
        """Go to the voxel nearest to a place in the world, where that is known."""
        found = self.geometry.voxel(world)
        if found is not None:
            self.voxel = found

    def slice_of(self, view: View) -> tuple[int, int]:
        """Give the number of a plane's slice, from 1, and how many there are."""
        return self.voxel[view.axis] + 1, self.geometry.shape[view.axis]

    # What is said

    def readings(self) -> dict[str, Any]:
        """Tell the voxel, as the file counts, its place in the world, and the image's values there."""
        values = None
        if self.image is not None:
            values = [float(v) for v in self.image[_at(self.voxel)]]
        world = self.geometry.world(self.voxel)
        return {"voxel": self.geometry.stored(self.voxel), "world": world, "image": values}

    def value(self, key: str) -> float | None:
        """Give a map's number at the voxel."""
        layer = self.layers.get(key)
        if layer is None:
            return None
        if layer.own:
            return float(layer.values[_at(self.voxel)][0])
        return layer.value(self.voxel, layer.look.sign)

    # Looks

    def dress(self, key: str, every: bool = True, **changes: Any) -> None:
        """Change how a map, or every one, is drawn: entries of `Look` and what they become."""
        for layer in self.layers.values():
            if layer.kind == "map" and (every or layer.key == key):
                layer.look = replace(layer.look, **changes)

    def sign(self, key: str, sign: Sign, every: bool = True) -> None:
        """Draw a map, or every one, with another sign, in the range that fits it."""
        for layer in self.layers.values():
            if layer.kind == "map" and (every or layer.key == key):
                layer.signed(sign)


def _at(voxel: Voxel) -> tuple[slice, int, int, int]:
    """Index all channels of a voxel."""
    x, y, z = voxel
    return slice(None), x, y, z


def shades(ground: Array) -> Pixels:
    """Turn [0, 1] into bytes; what is no number is black."""
    pixels: Pixels = (np.nan_to_num(ground).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels


def window_of(values: Array) -> tuple[float, float]:
    """Find the window of an image (C, x, y, z) or (C, H, W) from some of its finite values."""
    values = values if values.ndim == 4 else values[..., None]
    some = thin(values)
    finite = some[np.isfinite(some)]
    return window(finite) if finite.size else (BLACK, WHITE)
