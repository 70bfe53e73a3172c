"""Figures of volumes: orthogonal slices and projections, the right way round."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from esegeta.report import canvas
from esegeta.report.orient import Affine, Grid, Plane, planes, project, strongest
from esegeta.report.scale import Array, Scale, grey, single, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, TALLEST, NARROWEST = 7.8, 3.2, 1.5
"""Inches the three panels of a row take together, the most a row may be high, and the least that
a panel with its caption takes across."""
MARGIN, GAP, HEAD, BAR = 0.2, 0.14, 0.95, 1.05
CAPTION = 0.24
DIM = 0.8
PLACES = {
    "top": (0.5, 0.985, "center", "top"),
    "bottom": (0.5, 0.015, "center", "bottom"),
    "left": (0.015, 0.5, "left", "center"),
    "right": (0.985, 0.5, "right", "center"),
}


class Sheet:
    """Two rows of three panels, all at one scale: axial, coronal, sagittal."""

    def __init__(self, grid: Grid, shape: tuple[int, ...], bar: float, note: str) -> None:
        self.grid, self.shape = grid, shape
        self.planes = planes(grid.known)
        sizes = [self.size(plane) for plane in self.planes]
        self.inch = min(
            (WIDTH - 2 * GAP) / sum(width for _, width in sizes),
            TALLEST / max(height for height, _ in sizes),
        )
        self.row = max(height for height, _ in sizes) * self.inch
        across = sum(max(width * self.inch, NARROWEST) + GAP for _, width in sizes)
        self.right, self.bottom = MARGIN + across, HEAD + 2 * self.row + CAPTION
        width, note = self.right + bar, f"{convention(grid)}\n{note}"
        self.paper = canvas.Canvas(width, self.bottom + canvas.foot(note, width - 2 * MARGIN))
        self.paper.note(MARGIN, self.bottom + 0.12, note)

    def size(self, plane: Plane) -> tuple[float, float]:
        """Give height and width of a plane in mm."""
        down, across = (self.shape[axis] * self.grid.spacing[axis] for axis in plane.across)
        return down, across

    def spacing(self, plane: Plane) -> tuple[float, float]:
        """Give height and width of a plane's pixels in mm."""
        down, across = (self.grid.spacing[axis] for axis in plane.across)
        return down, across

    def fill(
        self, row: int, draw: Callable[[Plane], Array], name: Callable[[Plane], str]
    ) -> list[Axes]:
        """Draw one row of panels, each with its caption, and give their axes."""
        left, top, drawn = MARGIN, HEAD + row * (self.row + CAPTION), []
        for plane in self.planes:
            down, across = (length * self.inch for length in self.size(plane))
            self.paper.text(left, top - 0.19, name(plane))
            cell = max(across, NARROWEST)
            centred = left + (cell - across) / 2, top + (self.row - down) / 2
            axes = self.paper.axes(*centred, across, down)
            canvas.show(axes, draw(plane), self.spacing(plane))
            letter(axes, plane)
            drawn.append(axes)
            left += cell + GAP
        return drawn

    def mark(self, axes: Axes, plane: Plane, voxel: tuple[int, ...]) -> None:
        """Hint at a voxel by lines from the edges that stop well before it."""
        (row, column), (high, wide) = plane.point(self.shape, voxel), self.spacing(plane)
        down, across = self.size(plane)
        y, x = (row + 0.5) * high, (column + 0.5) * wide
        gap = 0.06 * max(down, across)
        style: dict[str, Any] = {"color": canvas.INK, "linewidth": 0.6, "alpha": 0.4}
        axes.hlines([y, y], [0, x + gap], [x - gap, across], **style)
        axes.vlines([x, x], [0, y + gap], [y - gap, down], **style)
        axes.set(xlim=(0, across), ylim=(down, 0))


def convention(grid: Grid) -> str:
    """State which way round the pictures are."""
    if not grid.known:
        return "Orientation unknown: planes as stored, voxels drawn as cubes."
    side = "Radiological convention: the patient's right is on the left of the picture."
    if grid.tilt <= 1:
        return side
    return f"{side} The grid is oblique by up to {grid.tilt:.0f}°: letters name the nearest axes."


def letter(axes: Axes, plane: Plane) -> None:
    """Write the anatomical directions at the panel's edges."""
    from matplotlib.patheffects import withStroke

    for side, name in plane.letters.items():
        x, y, ha, va = PLACES[side]
        axes.text(
            x,
            y,
            name,
            transform=axes.transAxes,
            ha=ha,
            va=va,
            fontsize=8.5,
            color=canvas.INK,
            weight="bold",
            path_effects=[withStroke(linewidth=1.6, foreground="black")],
        )


def draw(image: Array, values: Array, scale: Scale, affine: Affine | None, title: str) -> Figure:
    """Draw slices through the map's strongest voxel, and its projections, over the image.

    `image` is (C, i, j, k), `values` (i, j, k), both as stored; `affine` is voxel → world.
    """
    grid = Grid(affine, values.shape)
    volume, values = grid.turn(image[0]), grid.turn(values)
    limits, voxel = window(volume), strongest(values)
    sheet = Sheet(grid, values.shape, BAR, canvas.range_note(scale))
    position = grid.world(voxel)

    def slices(plane: Plane) -> Array:
        ground = DIM * grey(plane.cut(volume, voxel), limits)
        return scale.blend(ground, plane.cut(values, voxel))

    def projections(plane: Plane) -> Array:
        ground = DIM * plane.lay(through(volume, plane.axis))
        return scale.blend(ground, plane.lay(project(values, plane.axis)))

    def caption(plane: Plane) -> str:
        if not grid.known:
            return f"{plane.name}, at {voxel[plane.axis]}"
        return f"{plane.name}  {'xyz'[plane.axis]} = {millimetres(position[plane.axis])} mm"

    for axes, plane in zip(sheet.fill(0, slices, caption), sheet.planes, strict=True):
        sheet.mark(axes, plane, voxel)
    sheet.fill(1, projections, lambda plane: f"{plane.name} projection")
    sheet.paper.title(MARGIN, title, strongest_words(grid, voxel, float(values[voxel])))
    sheet.paper.bar(scale, sheet.right, HEAD, sheet.bottom - HEAD)
    return sheet.paper.figure


def through(volume: Array, axis: int) -> Array:
    """Look through a volume as a grey background in [0, 1].

    Half mean, which shows the anatomy as an X-ray does, half maximum, which keeps thin bright
    structures such as vessels.
    """
    mean, most = volume.mean(axis=axis, dtype=np.float32), volume.max(axis=axis)
    return single((grey(mean, window(mean)) + grey(most, window(most))) / 2)


def strongest_words(grid: Grid, voxel: tuple[int, ...], value: float) -> str:
    """Say where the strongest voxel lies and what it holds."""
    if grid.known:
        place = f"({', '.join(millimetres(v) for v in grid.world(voxel))}) mm, RAS+"
    else:
        place = f"index {voxel}"
    return f"Strongest voxel {canvas.number(value)} at {place}"


def millimetres(value: float) -> str:
    """Write a coordinate with a true minus sign."""
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


def pair(image: Array, result: Array, affine: Affine | None, title: str) -> Figure:
    """Draw the middle slices of the image (C, i, j, k) and of what a method made of it."""
    grid = Grid(affine, image.shape[1:])
    first, second = grid.turn(image[0]), grid.turn(result[0])
    sheet = Sheet(grid, first.shape, MARGIN, "")
    voxel = tuple(length // 2 for length in first.shape)
    for row, (name, volume) in enumerate((("image", first), ("result", second))):
        _middle(sheet, row, name, volume, voxel)
    sheet.paper.title(MARGIN, title, "Slices through the middle of the volume")
    return sheet.paper.figure


def _middle(sheet: Sheet, row: int, name: str, volume: Array, voxel: tuple[int, ...]) -> None:
    """Draw a row of slices, in the volume's own window."""
    limits = window(volume)
    span = f"{canvas.number(limits[0])} to {canvas.number(limits[1])}"
    sheet.fill(
        row,
        lambda plane: grey(plane.cut(volume, voxel), limits),
        lambda plane: f"{name}, {plane.name}  {span}",
    )
