"""What an experiment found: rows of a table and a figure, and their files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esegeta.report.canvas import FAINT, INK, dress, legend, sheet
from esegeta.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from esegeta.experiments.registry import Experiment

Row = Mapping[str, str | int | float | None]

COLOURS = ("#9fb3c8", "#f2c14e", "#5aa9e6", "#f25f5c", "#7fd1ae", "#c792ea")
"""Of the first, second, … thing that is compared."""
DPI = 140


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Parameters
    ----------
    rows : sequence of mapping
        Of the table, with the same keys each.
    figure : matplotlib Figure
    """

    rows: Sequence[Row]
    figure: Figure

    def write(self, folder: Path, made: Experiment, parameters: Mapping[str, Any]) -> list[Path]:
        """Write ``table.csv``, ``table.json`` and ``figure.png`` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        table, record, figure = (folder / n for n in ("table.csv", "table.json", "figure.png"))
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)
        told = {
            "experiment": made.name,
            "paper": made.paper,
            "esegeta": __version__,
            "parameters": dict(parameters),
            "rows": [dict(row) for row in self.rows],
        }
        record.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
        self.figure.savefig(figure, dpi=DPI)
        return [table, record, figure]


def standard_error(values: Tensor) -> float | None:
    """The standard error of the mean of (N,) values; None of a single one."""
    return float(values.std() / math.sqrt(len(values))) if len(values) > 1 else None


def bootstrap(values: Tensor, resamples: int = 1000, seed: int = 0) -> tuple[float, float, float]:
    """The mean of (N,) values, and what holds 95 % of the means of resampled ones."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(values), (resamples, len(values)), generator=generator)
    means = values.double()[drawn].mean(1)
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return float(values.double().mean()), low, high


def _panels(
    titles: Sequence[str], across: int, title: str, width: float = 3.6
) -> tuple[Figure, list[Axes]]:
    down = -(-len(titles) // across)
    figure = sheet(width * across, 3.0 * down + 0.5)
    figure.suptitle(title, color=INK, fontsize=11)
    axes = [
        dress(figure.add_subplot(down, across, number + 1), words)
        for number, words in enumerate(titles)
    ]
    return figure, axes


def _legend(figure: Figure, panel: Axes) -> None:
    handles, names = panel.get_legend_handles_labels()
    legend(figure, handles, names, size=8, loc="outside lower center", ncols=len(names))


def lines(
    title: str,
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    *,
    across: int,
    below: str,
) -> Figure:
    """Draw curves: per panel and name, the points (x, y).

    Parameters
    ----------
    title : str
    panels : mapping
    across : int
        Panels side by side.
    below : str
        What the horizontal axis holds; it is logarithmic.
    """
    figure, axes = _panels(list(panels), across, title)
    for panel, curves in zip(axes, panels.values(), strict=True):
        for colour, (name, points) in zip(COLOURS, curves.items(), strict=False):
            x, y = zip(*points, strict=True)
            panel.plot(x, y, marker="o", markersize=3, color=colour, label=name)
        panel.set_xscale("log")
        panel.set_xlabel(below)
        panel.axhline(0, color=FAINT, linewidth=0.5)
    _legend(figure, axes[0])
    return figure


def bars(
    title: str,
    panels: Mapping[str, Mapping[str, Mapping[str, float]]],
    *,
    across: int,
    width: float = 3.6,
    slanted: bool = False,
) -> Figure:
    """Draw groups of bars: per panel and group, the values by name.

    Parameters
    ----------
    title : str
    panels : mapping
    across : int
        Panels side by side.
    width : float
        Of a panel, in inches.
    slanted : bool
        Whether the groups' names are slanted, so that many have room.
    """
    figure, axes = _panels(list(panels), across, title, width)
    for panel, groups in zip(axes, panels.values(), strict=True):
        names = list(next(iter(groups.values())))
        broad = 0.8 / len(names)
        for number, name in enumerate(names):
            places = [place + (number + 0.5) * broad - 0.4 for place in range(len(groups))]
            heights = [values[name] for values in groups.values()]
            colour = COLOURS[number % len(COLOURS)]
            panel.bar(places, heights, broad * 0.9, color=colour, label=name)
        turned: dict[str, Any] = {"rotation": 20, "ha": "right"} if slanted else {}
        panel.set_xticks(range(len(groups)), list(groups), fontsize=7, **turned)
    told = [panel.get_legend_handles_labels()[1] for panel in axes]
    if all(labels == told[0] for labels in told):
        _legend(figure, axes[0])
    else:
        for panel in axes:
            legend(panel, size=8)
    return figure
