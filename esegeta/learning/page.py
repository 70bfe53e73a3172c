"""The losses of a training as a figure, and a page that shows them beside its card."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from esegeta.files import replacing
from esegeta.learning.learner import LOSSES, MEASURED
from esegeta.report.canvas import FAINT, dress, legend, sheet
from esegeta.report.markup import Markup, join, number, picture, tag

FIGURE, PAGE = "losses.png", "report.html"
COLOURS = ("#5aa9e6", "#f2c14e", "#f25f5c", "#7fd1ae", "#c792ea", "#9fb3c8")
HIDDEN = ("settings", "class_names", "version")


def write(folder: Path, card: Mapping[str, Any]) -> None:
    """Draw the losses and write the page, both into the folder that holds them."""
    with (folder / LOSSES).open(newline="", encoding="utf-8") as file:
        rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    _draw(rows, int(card["best_epoch"]), folder / FIGURE)
    style = resources.files("esegeta.report").joinpath("style.css").read_text(encoding="utf-8")
    title = card["training"]
    if card["model"] is not None:
        title += f" for {card['model']['name']}"
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    page = tag(
        "html",
        tag(
            "head",
            Markup('<meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
            tag("title", title),
            tag("style", Markup(style)),
        ),
        tag(
            "body",
            tag("h1", title),
            tag("p", card["paper"]),
            picture((folder / FIGURE).read_bytes(), "losses of each epoch"),
            tag("table", join(*(_row(key, value) for key, value in _facts(card)))),
        ),
        lang="en",
    )
    with replacing(folder / PAGE) as temporary:
        temporary.write_text(f"<!doctype html>{page}", encoding="utf-8")


def _facts(card: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The card as lines; what stands in it by name becomes a line each."""
    found: list[tuple[str, Any]] = []
    for key, value in card.items():
        if key in HIDDEN:
            continue
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        found += [(f"{key} {name}".strip(), one) for name, one in inner if one is not None]
    return found


def _row(key: str, value: Any) -> Markup:
    return tag("tr", tag("th", key.replace("_", " ")), tag("td", number(value)))


def _draw(rows: list[dict[str, float]], best: int, path: Path) -> None:
    """Draw every number over the epochs, a panel each; of validation dashed in the same panel."""
    from matplotlib.ticker import MaxNLocator

    names = [n.removeprefix(MEASURED) for row in rows for n in row if n != "epoch"]
    panels = list(dict.fromkeys(names))
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    figure = sheet(3.6 * across, 2.6 * down)
    for place, name in enumerate(panels):
        axes = dress(figure.add_subplot(down, across, place + 1), name.replace("_", " "))
        for key, style in ((name, "o-"), (MEASURED + name, "s--")):
            points = [(row["epoch"], row[key]) for row in rows if key in row]
            if points:
                colour = COLOURS[place % len(COLOURS)]
                label = "validation" if key.startswith(MEASURED) else "training"
                x, y = zip(*points, strict=True)
                axes.plot(x, y, style, color=colour, markersize=3, linewidth=1, label=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.axvline(best, color=FAINT, linewidth=0.6)
        legend(axes, size=6)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
