"""Small pictures in the figures of experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from esegeta.experiments import dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Colours = Mapping[str, Any]


def tile(
    panel: Axes, values: Tensor, cut: int, colours: Colours, title: str = "", beside: str = ""
) -> None:
    """Draw values (*spatial), of a volume the slice ``cut`` along its first axis."""
    dress(panel, title, size=7)
    panel.imshow((values[cut] if values.dim() == 3 else values).numpy(), **colours)
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_ylabel(beside, fontsize=7)


def where_most(values: Tensor) -> int:
    """In which slice along its first axis a volume (D, H, W) is farthest from its mean."""
    if values.dim() < 3:
        return 0
    return int((values - values.mean()).abs().flatten(1).amax(1).argmax())


def grey(image: Tensor) -> Colours:
    """From an image's least to its largest value."""
    return {"cmap": "gray", "vmin": float(image.min()), "vmax": float(image.max())}


def signed(most: float) -> Colours:
    """Blue below zero, red above."""
    return {"cmap": "RdBu_r", "vmin": -(most or 1.0), "vmax": most or 1.0}
