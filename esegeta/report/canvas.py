"""The drawing both kinds of figure share: paper, panels, letters, colour bar."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from esegeta.report.scale import PERCENTILE, Array, Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = "#0d1014"
INK = "#f2f4f7"
FAINT = "#a9b2bd"
FLOOR = 0.16
"""How light the bar's ground is, over which its colours are laid as over the image."""
DPI = 110
NOTE = 7.5
"""Size of small type, points."""
LETTER = {"normal": 0.0079, "bold": 0.0094}
"""Inches that a letter takes on average, per point of its size."""


def sheet(width: float, height: float) -> Figure:
    """Give an empty figure, in inches, that needs no screen and finds room for its panels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, title: str = "", size: float = 9) -> Axes:
    """Colour a panel as the paper and its letters, and write its title."""
    axes.set_facecolor(PAPER)
    axes.set_title(title, color=INK, fontsize=size)
    axes.tick_params(which="both", colors=FAINT, labelsize=7)
    axes.spines[:].set_color(FAINT)
    axes.xaxis.label.set(color=FAINT, fontsize=8)
    axes.yaxis.label.set(color=INK, fontsize=8)
    return axes


def legend(place: Axes | Figure, *named: Any, size: float = 7, **options: Any) -> None:
    """Name a panel's lines in it, or, as handles and labels, in the figure."""
    place.legend(*named, fontsize=size, labelcolor=INK, facecolor=PAPER, edgecolor=FAINT, **options)


class Canvas:
    """A figure whose parts are placed in inches from the top left corner."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure: Figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes without ticks or frame."""
        bottom = self.height - top - height
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(box)
        axes.set_axis_off()
        return axes

    def text(self, left: float, top: float, words: str, size: float = 8, **style: Any) -> None:
        """Write words whose first line begins at a place."""
        style = {"color": FAINT, "ha": "left", "va": "top", "parse_math": False, **style}
        x, y = left / self.width, 1 - top / self.height
        self.figure.text(x, y, words, fontsize=size, **style)

    def title(self, left: float, words: str, below: str = "") -> None:
        """Write the title, as large as its length allows, and the line below it."""
        room = (self.width - 2 * left) / LETTER["bold"]
        size = max(6.0, min(11.5, room / max(len(words), 1)))
        self.text(left, 0.16, words, size=size, color=INK, weight="bold")
        self.text(left, 0.42, below, size=8.5)

    def note(self, left: float, top: float, words: str) -> None:
        """Write sentences in small type of `fold`ed lines."""
        self.text(
            left, top, "\n".join(fold(words, self.width - 2 * left)), size=NOTE, linespacing=1.5
        )

    def bar(self, scale: Scale, left: float, top: float, height: float) -> None:
        """Draw the colour bar: the colours as they look over a dark image, the range in numbers."""
        axes = self.axes(left, top + 0.2, 0.16, height - 0.4)
        axes.set_axis_on()
        steps = np.linspace(scale.low, scale.high, 256, dtype=np.float32)[:, None]
        strip = scale.blend(np.full_like(steps, FLOOR), steps)
        ends = (0, 1, scale.low, scale.high)
        axes.imshow(strip, extent=ends, origin="lower", aspect="auto", interpolation="bilinear")
        axes.yaxis.tick_right()
        ticks = np.linspace(scale.low, scale.high, 5)
        axes.set_yticks(ticks, [number(t) for t in ticks])
        axes.set_xticks([])
        axes.tick_params(colors=INK, labelsize=8, length=2.5, width=0.6, color=FAINT)
        axes.spines[:].set_visible(False)
        self.text(left, top + 0.06, beyond(scale, "max"), size=7.5, va="center")
        self.text(left, top + height - 0.08, beyond(scale, "min"), size=7.5, va="center")


def fold(words: str, width: float) -> list[str]:
    """Break sentences in small type into lines of at most `width` inches."""
    letters = int(width / (NOTE * LETTER["normal"]))
    return [line for part in words.split("\n") for line in wrap(part, letters)]


def foot(words: str, width: float) -> float:
    """Give the inches that such lines take below what is drawn."""
    return 0.3 + len(fold(words, width)) * NOTE * 1.8 / 72


def show(axes: Axes, picture: Array, spacing: tuple[float, float] = (1, 1)) -> None:
    """Draw a picture (H, W) or (H, W, 3) in [0, 1], its pixels as large as `spacing` says."""
    height, width = picture.shape[0] * spacing[0], picture.shape[1] * spacing[1]
    axes.imshow(
        picture,
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(0, width, height, 0),
        interpolation="antialiased",
    )


def number(value: float) -> str:
    """Write a number briefly, three digits, with a true minus sign."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def beyond(scale: Scale, end: str) -> str:
    """Say how far the map goes beyond an end of the bar; nothing where it does not."""
    if scale.clipped not in (end, "both"):
        return ""
    return f"▲ to {number(scale.greatest)}" if end == "max" else f"▼ to {number(scale.least)}"


def range_note(scale: Scale) -> str:
    """Say in words what the colours mean."""
    colours = "Blue below zero, orange above; " if scale.signed else ""
    ends = "the colours span the whole range"
    if scale.clipped != "neither":
        ends = f"the colours end at the {PERCENTILE:g}th percentile of |map|, ▲▼ name its extremes"
    note = f"{colours}{ends}. Opacity grows with strength."
    return note[0].upper() + note[1:]
