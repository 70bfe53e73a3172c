"""Images along ways as pictures: all beside each other, and one tile each to be leafed through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from esegeta.files import replacing
from esegeta.report import canvas
from esegeta.report.flat import DIM, LUMA, pixels
from esegeta.report.measures import HEIGHT, plot
from esegeta.report.orient import Affine, Grid, planes, strongest
from esegeta.report.scale import Array, Scale, fit, grey, heat, to_array, window

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from esegeta.strip import Strip, Way

TILE, GAP, MARGIN, HEAD, ROW = 0.95, 0.06, 0.2, 0.76, 0.34
"""Inches of a picture, between pictures, about them, and of the words above a row."""
SMALLEST = 140
"""Pixels of a tile's picture, along its longer side, at least."""

Picture = tuple[Array, tuple[float, float]]
"""A picture (H, W[, 3]), and its pixels' height and width."""


@dataclass(frozen=True)
class Face:
    """What is shown of images: a picture whole, of a volume slices through one voxel.

    Parameters
    ----------
    grid : Grid, optional
        Of a volume.
    voxel : tuple of int
        Of the turned volume.
    spacing : tuple of float
        Of a picture's pixels.
    limits : tuple of float
        The values that are black and white.
    """

    grid: Grid | None
    voxel: tuple[int, ...]
    spacing: tuple[float, float]
    limits: tuple[float, float]

    def pictures(self, values: Array) -> list[Picture]:
        """Cut what is shown out of values (*spatial[, 3]); each with its pixels' height and width."""
        if self.grid is None:
            return [(values, self.spacing)]
        volume, found = self.grid.turn(values), []
        for plane in planes(self.grid.known):
            down, across = (self.grid.spacing[axis] for axis in plane.across)
            found.append((plane.cut(volume, self.voxel), (down, across)))
        return found

    def image(self, image: Array) -> list[Picture]:
        """Show an image (C, *spatial)."""
        shown = grey(image, self.limits)
        colour = self.grid is None and len(image) == 3
        return self.pictures(np.moveaxis(shown, 0, -1) if colour else shown[0])

    def change(self, image: Array, change: Array, scale: Scale | None) -> list[Picture]:
        """Show a change (*spatial) over an image; nothing where there is none."""
        found = []
        for (ground, spacing), (values, _) in zip(
            self.image(image), self.pictures(change), strict=True
        ):
            flat = DIM * (ground @ LUMA if ground.ndim == 3 else ground)
            drawn = (
                np.repeat(flat[..., None], 3, -1) if scale is None else scale.blend(flat, values)
            )
            found.append((drawn, spacing))
        return found


def face_of(image: Tensor, map: Tensor, affine: Affine | None) -> Face:
    """Choose what is shown: of a volume the slices through the map's strongest voxel."""
    values, change = to_array(image), heat(map)
    limits = window(values)
    if change.ndim == 2:
        return Face(None, (), pixels(affine), limits)
    grid = Grid(affine, change.shape)
    return Face(grid, strongest(grid.turn(change)), (1, 1), limits)


def changes(strip: Strip, way: Way) -> tuple[list[Array], Scale | None]:
    """Give the change (*spatial) from the origin to each position, and one scale for them all."""
    first = way.images[strip.origin]
    found = [heat(image - first) for image in way.images]
    every = np.stack(found)
    return found, fit(every) if every.min() < every.max() else None


class Pictures:
    """What is shown of a strip, cut out once for its figure and its tiles.

    Parameters
    ----------
    image : Tensor
        (C, *spatial) that is explained, on the grid of the strip's images.
    strip : Strip
    affine : ndarray (4, 4), optional
        Of a volume, or a slice of one.
    """

    def __init__(self, image: Tensor, strip: Strip, affine: Affine | None = None) -> None:
        face, own = face_of(image, strip.map, affine), to_array(image)
        self._strip, self._image = strip, face.image(own)
        self._rows: list[list[tuple[list[Picture], list[Picture]]]] = []
        self._errors: list[list[Picture]] = []
        for way in strip.ways:
            found, scale = changes(strip, way)
            moved = [to_array(one) for one in way.images]
            pairs = zip(moved, found, strict=True)
            self._rows.append([(face.image(a), face.change(a, c, scale)) for a, c in pairs])
            self._errors.append(face.change(own, heat(strip.floor), scale))

    def figure(self, title: str = "") -> Figure:
        """Draw the images of every way, what changes in them, and the model's probabilities."""
        strip = self._strip
        (shape, spacing), *_ = self._image
        tall = TILE * shape.shape[0] * spacing[0] / (shape.shape[1] * spacing[1])
        width = 2 * MARGIN + (len(strip.positions) + 1) * (TILE + GAP)
        block = 2 * (tall + GAP) + ROW + 0.1
        below = HEAD + len(strip.ways) * block
        paper = canvas.Canvas(width, below + HEIGHT + MARGIN)
        paper.title(MARGIN, title, f"reconstruction at 0; {strip.along}")
        for number, (way, row, error) in enumerate(
            zip(strip.ways, self._rows, self._errors, strict=True)
        ):
            top = HEAD + number * block + ROW
            _column(paper, 0, top, tall, ["image", "error of 0"], self._image[0], error[0])
            for at, (position, (image, change)) in enumerate(
                zip(strip.positions, row, strict=True), 1
            ):
                chance = f"{way.name} {float(way.probabilities[at - 1]):.2f}"
                words = [canvas.number(position), chance]
                _column(paper, at, top, tall, words, image[0], change[0])
        curves = {
            way.name: [
                (p, float(v)) for p, v in zip(strip.positions, way.probabilities, strict=True)
            ]
            for way in strip.ways
        }
        plot(paper, curves, (strip.along, "probability"), below)
        return paper.figure

    def write_tiles(self, path: Path) -> None:
        """Write one tile per way (downwards) and position (across): the image, and below what changed."""
        from PIL import Image

        rows = [
            np.concatenate(
                [np.concatenate([_tile(image), _tile(change)]) for image, change in row], 1
            )
            for row in self._rows
        ]
        tiles = (np.concatenate(rows) * 255).round().astype(np.uint8)
        with replacing(path) as temporary:
            Image.fromarray(tiles).save(temporary, format="PNG")


def _column(
    paper: canvas.Canvas,
    number: int,
    top: float,
    tall: float,
    words: Sequence[str],
    *pictures: Picture,
) -> None:
    left = MARGIN + number * (TILE + GAP)
    for line, said in enumerate(words):
        paper.text(left, top - ROW + 0.03 + 0.15 * line, said, size=6.5)
    for row, (picture, spacing) in enumerate(pictures):
        canvas.show(paper.axes(left, top + row * (tall + GAP), TILE, tall), picture, spacing)


def _tile(pictures: Sequence[Picture]) -> Array:
    """Put the pictures of one image side by side, their pixels square and large enough."""
    longest = max(max(p.shape[0] * s[0], p.shape[1] * s[1]) for p, s in pictures)
    scale = max(SMALLEST / longest, 1 / min(min(s) for _, s in pictures))
    sized = [_sized(p, (s[0] * scale, s[1] * scale)) for p, s in pictures]
    tall = max(one.shape[0] for one in sized)
    return np.concatenate(
        [np.pad(one, ((0, tall - one.shape[0]), (0, 2), (0, 0))) for one in sized], axis=1
    )


def _sized(picture: Array, factors: tuple[float, float]) -> Array:
    """Repeat the rows and columns of a picture (H, W[, 3]); in colour."""
    rows, columns = (
        (np.arange(round(count * factor)) / factor).astype(int).clip(0, count - 1)
        for count, factor in zip(picture.shape[:2], factors, strict=True)
    )
    found = picture[rows][:, columns]
    return np.repeat(found[..., None], 3, -1) if found.ndim == 2 else found
