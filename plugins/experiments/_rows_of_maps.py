"""A figure of images and, below, what methods say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from esegeta.experiments import sheet

from ._tiles import Colours, grey, signed, tile, where_most

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rows_of_maps(images: Sequence[Tensor], maps: Mapping[str, Sequence[Tensor]]) -> Figure:
    """Draw images (C, *spatial) side by side, and below each its map (*spatial) by every method.

    Maps with both signs are blue below zero and red above; others go from their least to their largest
    value. Of volumes the slice is drawn in which the first method's map is farthest from its mean.
    """
    cuts = [where_most(one) for one in next(iter(maps.values()))]
    across, down = len(images), 1 + len(maps)
    figure = sheet(1.5 * across + 1.2, 1.5 * down)
    rows = {"image": [one.mean(0) for one in images], **maps}
    for line, (name, row) in enumerate(rows.items()):
        for column, (values, cut) in enumerate(zip(row, cuts, strict=True)):
            panel = figure.add_subplot(down, across, line * across + column + 1)
            shown = values[cut] if values.dim() == 3 else values
            colours = _colours(shown) if line else grey(shown)
            tile(panel, shown, 0, colours, beside="" if column else name)
    return figure


def _colours(values: Tensor) -> Colours:
    if float(values.min()) < 0:
        return signed(float(values.abs().max()))
    return {"cmap": "inferno"}
