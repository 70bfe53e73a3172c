"""A figure of images and, below, what methods say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER, INK = "#0d1014", "#f2f4f7"


def rows_of_maps(images: Sequence[Tensor], maps: Mapping[str, Sequence[Tensor]]) -> Figure:
    """Draw images (C, *spatial) side by side, and below each its map (*spatial) by every method.

    Maps with both signs are blue below zero and red above; others go from their least to their largest
    value. Of volumes the slice is drawn in which the first method's map is farthest from its mean.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    slices = [_slice(one) for one in next(iter(maps.values()))]
    across, down = len(images), 1 + len(maps)
    figure = Figure((1.5 * across + 1.2, 1.5 * down), facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    rows = {"image": [one.mean(0) for one in images], **maps}
    for line, (name, row) in enumerate(rows.items()):
        for column, (values, place) in enumerate(zip(row, slices, strict=True)):
            panel = figure.add_subplot(down, across, line * across + column + 1)
            panel.set_xticks([])
            panel.set_yticks([])
            shown = values[place] if values.dim() == 3 else values
            panel.imshow(shown.numpy(), **_colours(shown, line == 0))
            if column == 0:
                panel.set_ylabel(name, color=INK, fontsize=8)
    return figure


def _slice(values: Tensor) -> int:
    if values.dim() < 3:
        return 0
    return int((values - values.mean()).abs().flatten(1).amax(1).argmax())


def _colours(values: Tensor, image: bool) -> dict[str, object]:
    if image:
        return {"cmap": "gray"}
    if float(values.min()) < 0:
        most = float(values.abs().max())
        return {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    return {"cmap": "inferno"}
