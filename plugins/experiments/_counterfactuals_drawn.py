"""The figure of the experiment on counterfactual images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from esegeta.experiments import COLOURS, dress, legend, sheet

from ._tiles import grey, signed, tile, where_most

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

CURVES, TILE = 3.2, 1.4
"""Inches: of the curves, and of a row of pictures."""
ROWS = 3
"""Of an image: moved; what changes in it; beside maps of methods."""


@dataclass(frozen=True, eq=False)
class Shown:
    """An image moved along a way, and what methods say of it.

    Parameters
    ----------
    name : str
    image : Tensor
        (C, *spatial).
    moved : Tensor
        (A, C, *spatial) of each position.
    words : sequence of str
        What is said of each.
    maps : mapping
        (K, *spatial) by name.
    """

    name: str
    image: Tensor
    moved: Tensor
    words: Sequence[str]
    maps: Mapping[str, Tensor]


def draw(
    curves: Mapping[str, Sequence[float]],
    positions: Sequence[float],
    title: str,
    shown: Sequence[Shown],
) -> Figure:
    """Draw mean probabilities against α; counterfactuals; and the change beside other methods' maps.

    Parameters
    ----------
    curves : mapping
        By name, a value per position.
    positions : sequence of float
    title : str
        Of the curves.
    shown : sequence of Shown
    """
    across = max(len(positions), *(1 + len(one.maps) for one in shown))
    tall = TILE * ROWS * len(shown)
    figure = sheet(1.25 * across + 0.8, CURVES + tall)
    above, below = figure.subfigures(2, 1, height_ratios=[CURVES, tall], facecolor="none")
    panel = dress(above.add_subplot(), title)
    for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
        panel.plot(positions, values, "o-", color=colour, label=name, markersize=3)
    panel.set_xlabel("α, standard deviations of the latents")
    legend(panel)
    place = (ROWS * len(shown), across)
    for number, one in enumerate(shown):
        _moved(below, place, 2 * number, one, list(positions).index(0))
        _compared(below, place, 2 * len(shown) + number, one)
    return figure


def _moved(figure: SubFigure, place: tuple[int, int], row: int, one: Shown, origin: int) -> None:
    """Draw an image at every position, and below what has changed."""
    first = one.moved[origin].mean(0)
    change = (one.moved - one.moved[origin]).sum(1)
    cut, most = where_most(change[-1]), float(change.abs().max())
    for at, words in enumerate(one.words):
        above, below = (
            figure.add_subplot(*place, (row + line) * place[1] + at + 1) for line in (0, 1)
        )
        tile(above, one.moved[at].mean(0), cut, grey(first), words, "" if at else one.name)
        tile(below, change[at], cut, signed(most), "", "" if at else "change")


def _compared(figure: SubFigure, place: tuple[int, int], row: int, one: Shown) -> None:
    """Draw an image and its maps side by side, each map in its own range."""
    maps = {name: values.sum(0) for name, values in one.maps.items()}
    image, cut = one.image.mean(0), where_most(next(iter(maps.values())))
    panels = [figure.add_subplot(*place, row * place[1] + at + 1) for at in range(1 + len(maps))]
    tile(panels[0], image, cut, grey(image), "image", one.name)
    for panel, (name, values) in zip(panels[1:], maps.items(), strict=True):
        tile(panel, values, cut, signed(float(values.abs().max())), name)
