"""From a map's values to colours over the image: range, threshold, sign and opacity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from esegeta.report.scale import GAMMA, OPACITY, Array, Show, colour_map, heat, single

Sign = Literal["signed", "magnitude", "positive", "negative"]
SIGNS: tuple[Sign, ...] = ("signed", "magnitude", "positive", "negative")
REPORT = "report"
"""The colours of the report's pictures."""
DIVERGING = ("coolwarm", "RdBu_r", "PiYG")
SEQUENTIAL = ("viridis", "cividis", "magma", "gray", "hot")
COLOURS = (REPORT, *SEQUENTIAL, *DIVERGING)
STEPS = 511
"""Odd, so that zero has a colour of its own."""
NOT_A_NUMBER = (255, 0, 255)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """How a map is drawn.

    Parameters
    ----------
    low, high : float
        The values at the ends of the colours. Where `low` is negative, zero is in the middle.
    sign : str
        ``signed`` as it is, its ``magnitude``, or only the ``positive`` or ``negative`` part.
    colours : str
        One of `COLOURS`.
    opacity : float
        Of the strongest value, 0 to 1.
    threshold : float
        Values of less magnitude are not drawn; a part of the range, 0 to 1.
    even : bool
        Whether all that is drawn is equally opaque; else opacity grows with strength.
    """

    low: float = 0.0
    high: float = 1.0
    sign: Sign = "signed"
    colours: str = REPORT
    opacity: float = OPACITY
    threshold: float = 0.0
    even: bool = False

    @property
    def centred(self) -> bool:
        """Whether zero has the middle of the colours."""
        return self.low < 0 < self.high

    @property
    def least(self) -> float:
        """The magnitude from which on values are drawn."""
        return self.threshold * max(abs(self.low), abs(self.high))


def show(sign: Sign) -> Show:
    """Say how channels are reduced for a sign."""
    return "magnitude" if sign == "magnitude" else "signed"


def reduce(channels: Array, sign: Sign) -> Array:
    """Reduce a map (K, *spatial) to the one number per voxel that is drawn."""
    values = heat(channels, show(sign))
    if sign == "positive":
        return np.maximum(values, 0)
    return np.minimum(values, 0) if sign == "negative" else values


def position(values: Array, look: Look) -> Array:
    """Place values on the colours, 0 to 1; zero at one half where colours are centred."""
    if look.centred:
        side = np.where(values < 0, single(-look.low), single(look.high))
        return single(np.clip(0.5 + values / (2 * side), 0, 1))
    width = look.high - look.low
    return single(np.clip((values - look.low) / (width or 1.0), 0, 1))


@cache
def table(name: str, centred: bool) -> Array:
    """Give `STEPS` colours (red, green, blue), 0 to 1."""
    import matplotlib

    chosen = colour_map(centred) if name == REPORT else matplotlib.colormaps[name]
    return single(chosen(np.linspace(0, 1, STEPS))[:, :3])


def strength(look: Look, steps: Array) -> Array:
    """Say how strong the values at positions on the colours are, 0 to 1."""
    if look.centred:
        return abs(2 * steps - 1)
    # Of negative values alone the least is the strongest.
    return 1 - steps if look.high <= 0 else steps


@cache
def _layers(look: Look) -> tuple[Array, Array]:
    """Give, for each step of the colours, what they add and what they leave of the ground."""
    steps = np.linspace(0, 1, STEPS, dtype=np.float32)
    strong = strength(look, steps)
    alpha = look.opacity * ((strong > 0) if look.even else strong**GAMMA)
    alpha = single(alpha)[:, None]
    return table(look.colours, look.centred) * alpha, 1 - alpha


def paint(ground: Array, values: Array, look: Look) -> Pixels:
    """Lay a map (H, W) over a ground in [0, 1], (H, W, 3); what is no number is magenta."""
    finite = np.isfinite(values)
    whole = bool(finite.all())
    if not whole:
        values = np.where(finite, values, single(0))
    index = (position(values, look) * (STEPS - 1) + 0.5).astype(np.int16)
    adds, leaves = _layers(look)
    drawn = ground * leaves[index] + adds[index]
    if look.threshold > 0:
        hidden = abs(values) < look.least
        drawn[hidden] = ground[hidden]
    pixels: Pixels = (np.clip(drawn, 0, 1) * 255 + 0.5).astype(np.uint8)
    if not whole:
        pixels[~finite] = NOT_A_NUMBER
    return pixels


def strip(look: Look, floor: float = 0.16) -> Pixels:
    """Give the colour bar (1, STEPS, 3): the colours as they look over a dark image."""
    low, high = sorted((look.low, look.high))
    values = np.linspace(low, high, STEPS, dtype=np.float32)[None]
    if look.centred:  # the two sides may be of different length; zero stays in the middle
        half = np.linspace(0, 1, STEPS // 2 + 1, dtype=np.float32)
        values = np.concatenate([(1 - half[:-1]) * low, half * high])[None]
    return paint(np.full((1, STEPS, 3), floor, np.float32), values, look)
