"""Figures of two-dimensional images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from esegeta.report import canvas
from esegeta.report.orient import Affine
from esegeta.report.scale import Array, Scale, grey, window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL = 3.6
"""Inches that the longer side of a picture takes."""
SHEET = 7.2
"""Inches that the width of a sheet takes."""
MARGIN, GAP, HEAD, BAR, LEAST = 0.2, 0.16, 0.76, 1.05, 5.4
DIM = 0.72
"""How light white is under a map, so that the map's light colours are lighter still."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def pixels(affine: Affine | None) -> tuple[float, float]:
    """Give the height and width of a pixel in mm; a square of one where unknown."""
    if affine is None:
        return 1.0, 1.0
    height, width = np.linalg.norm(affine[:3, :2], axis=0)
    return float(height), float(width)


def face(image: Array) -> tuple[Array, str]:
    """Give the picture to show of an image (C, H, W), (H, W[, 3]) in [0, 1], and its caption."""
    limits = window(image)
    colour = len(image) == 3
    shown = grey(image if colour else image[:1], limits)
    words = (
        "" if limits == (0, 1) else f"  {canvas.number(limits[0])} to {canvas.number(limits[1])}"
    )
    if not colour and len(image) > 1:
        words += f"  channel 1 of {len(image)}"
    return (shown.transpose(1, 2, 0) if colour else shown[0]), words


def lay_out(
    shape: tuple[int, ...], spacing: tuple[float, float], bar: float
) -> tuple[float, float, float]:
    """Give width and height of a panel, and the width of a figure with two of them, in inches."""
    height, width = shape[0] * spacing[0], shape[1] * spacing[1]
    scale = PANEL / max(height, width)
    across, down = max(width * scale, 0.8), max(height * scale, 0.8)
    return across, down, max(2 * (MARGIN + across) + GAP + bar, LEAST)


def draw(image: Array, values: Array, scale: Scale, affine: Affine | None, title: str) -> Figure:
    """Draw the image (C, H, W) beside itself with the map (H, W) over it."""
    spacing = pixels(affine)
    across, down, width = lay_out(values.shape, spacing, BAR)
    note = canvas.range_note(scale)
    paper = canvas.Canvas(width, HEAD + down + canvas.foot(note, width - 2 * MARGIN))
    paper.title(MARGIN, title)
    picture, words = face(image)
    ground = picture @ LUMA if picture.ndim == 3 else picture
    pair = ((f"image{words}", picture), ("map over the image", scale.blend(DIM * ground, values)))
    for at, (caption, panel) in enumerate(pair):
        left = MARGIN + at * (across + GAP)
        paper.text(left, HEAD - 0.2, caption)
        canvas.show(paper.axes(left, HEAD, across, down), panel, spacing)
    paper.bar(scale, MARGIN + 2 * (across + GAP), HEAD - 0.1, down + 0.2)
    paper.note(MARGIN, HEAD + down + 0.12, note)
    return paper.figure


def pair(image: Array, result: Array, affine: Affine | None, title: str) -> Figure:
    """Draw the image (C, H, W) beside the picture a method made of it (C, H, W)."""
    spacing = pixels(affine)
    across, down, width = lay_out(image.shape[1:], spacing, 0)
    paper = canvas.Canvas(width, HEAD + down + MARGIN)
    paper.title(MARGIN, title)
    for at, (name, data) in enumerate((("image", image), ("result", result))):
        left = MARGIN + at * (across + GAP)
        picture, words = face(data)
        paper.text(left, HEAD - 0.2, f"{name}{words}")
        canvas.show(paper.axes(left, HEAD, across, down), picture, spacing)
    return paper.figure


def sheet(values: Array, title: str) -> Figure:
    """Draw a picture (1 or 3, H, W), from 0 to 1, as wide as a figure."""
    across = max(SHEET, LEAST - 2 * MARGIN)
    down = across * values.shape[1] / values.shape[2]
    paper = canvas.Canvas(across + 2 * MARGIN, HEAD + down + MARGIN)
    paper.title(MARGIN, title)
    shown = values.transpose(1, 2, 0) if len(values) == 3 else values[0]
    canvas.show(paper.axes(MARGIN, HEAD, across, down), shown, (1.0, 1.0))
    return paper.figure
