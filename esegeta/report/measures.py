"""Figures of what metrics found: curves, and maps side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from esegeta.report import canvas
from esegeta.report.orient import planes
from esegeta.report.scale import Array, Show, fit, heat

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

Curves = Mapping[str, Sequence[tuple[float, float] | tuple[float, float, float, float]]]

WIDTH, HEIGHT = 6.4, 3.5
MARGIN, HEAD, GAP = 0.2, 0.76, 0.1
LEFT, BOTTOM = 0.6, 0.5
TILE, ROW = 1.45, 6
"""Inches of a map in a row of them, and how many stand in a row."""
COLOURS = ["#3fb4f4", "#f98e1d", "#8bd17c", "#e377c2", "#ffe066", "#a9b2bd"]


def curves(found: Curves, *, axes: tuple[str, str] = ("", ""), title: str = "") -> Figure:
    """Draw named curves of points (x, y) or, with a band, (x, y, low, high) into one figure."""
    paper = canvas.Canvas(WIDTH, HEAD + HEIGHT + MARGIN)
    paper.title(MARGIN, title)
    plot(paper, found, axes, HEAD)
    return paper.figure


def strip(
    maps: Mapping[str, Tensor],
    found: Curves,
    *,
    axes: tuple[str, str] = ("", ""),
    show: Show = "signed",
    title: str = "",
) -> Figure:
    """Draw maps (K, *spatial) side by side, each in its own range, and curves below them.

    Of volumes the slices through the first map's strongest voxel are shown.
    """
    names = list(maps)
    pictures = _faces([heat(maps[name], show) for name in names])
    rows = -(-len(names) // ROW)
    tall = max(picture.shape[0] / picture.shape[1] for picture in pictures) * TILE
    cell = min(tall, 2 * TILE) + 0.3
    width = max(WIDTH, 2 * MARGIN + min(len(names), ROW) * (TILE + GAP))
    below = HEIGHT if found else 0
    paper = canvas.Canvas(width, HEAD + rows * cell + below + MARGIN)
    paper.title(MARGIN, title)
    for number, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        row, column = divmod(number, ROW)
        left, top = MARGIN + column * (TILE + GAP), HEAD + row * cell
        words = canvas.fold(name, TILE)
        paper.text(left, top - 0.16, words[0] if words else "", size=canvas.NOTE)
        tile = paper.axes(left, top, TILE, cell - 0.3)
        tile.imshow(_coloured(picture), interpolation="nearest")
        tile.set_anchor("N")
    if found:
        plot(paper, found, axes, HEAD + rows * cell + 0.1)
    return paper.figure


def _faces(values: Sequence[Array]) -> list[Array]:
    """Give what is shown of maps: a picture whole, of volumes the same slice of each."""
    if values[0].ndim == 2:
        return list(values)
    strongest = np.unravel_index(np.abs(values[0]).argmax(), values[0].shape)
    first = planes(False)[0]
    return [np.moveaxis(one, first.axis, 0)[strongest[first.axis]] for one in values]


def _coloured(picture: Array) -> Array:
    """Give a map's colours over black; grey where it has no range."""
    if picture.min() == picture.max():
        return np.full((*picture.shape, 3), canvas.FLOOR, dtype=np.float32)
    return fit(picture).blend(np.full_like(picture, canvas.FLOOR), picture)


def plot(paper: canvas.Canvas, found: Curves, names: tuple[str, str], top: float) -> None:
    """Draw curves below what is there, `HEIGHT` inches tall; names are those of the axes."""
    axes = paper.axes(
        MARGIN + LEFT, top + 0.1, WIDTH - 2 * MARGIN - LEFT - 1.4, HEIGHT - BOTTOM - 0.1
    )
    axes.set_axis_on()
    axes.set_facecolor(canvas.PAPER)
    for number, (name, points) in enumerate(found.items()):
        x, y, *ends = zip(*points, strict=True)
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(x, y, color=colour, linewidth=1.6, marker="o", markersize=3, label=name)
        if ends:
            low, high = ends
            axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set_xlabel(names[0], color=canvas.FAINT, fontsize=8)
    axes.set_ylabel(names[1], color=canvas.FAINT, fontsize=8)
    _style(axes)


def _style(axes: Axes) -> None:
    axes.tick_params(colors=canvas.FAINT, labelsize=8, length=2.5, width=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(canvas.FAINT)
    axes.grid(color=canvas.FAINT, alpha=0.15, linewidth=0.6)
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=8,
        labelcolor=canvas.INK,
    )
