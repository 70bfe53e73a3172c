"""What a map's numbers look like: its reduction to one channel, its range, colours and opacity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from esegeta.errors import MethodError

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float32]
Show = Literal["signed", "magnitude"]

PERCENTILE = 99.5
REACH = 2
"""The colours end at that percentile of |map| where the largest value is this many times as large:
it would leave hardly a colour to the rest. Elsewhere they span the whole map."""
OPACITY = 0.85
"""Of the strongest value; less than one, so that the anatomy shows through everywhere."""
GAMMA = 0.8
"""Below 1, middling values are lifted out of the anatomy."""
NEGLIGIBLE = 0.05
"""An unsigned map whose least value is below this part of its range starts at zero."""

# Blue and orange stay apart in every common colour blindness; lightness grows from the centre to
# both ends, so that the strongest values stand out of a dark image.
COLD = ["#8ff0ff", "#3fb4f4", "#2463d1", "#1a2a6c"]
WARM = ["#6e1a12", "#d0401b", "#f98e1d", "#ffe066"]
ZERO = "#20202a"


def single(data: Any) -> Array:
    """Give an array as float32, uncopied where it is that already."""
    return np.asarray(data, dtype=np.float32)


def to_array(data: Tensor | NDArray[Any]) -> Array:
    """Give tensor or array as float32 in main memory, uncopied where it is that already."""
    if isinstance(data, np.ndarray):
        return single(data)
    return single(data.detach().float().cpu().numpy())


def heat(map: Tensor | NDArray[Any], show: Show = "signed") -> Array:
    """Reduce a map (K, *spatial) to the one number per voxel that is drawn, (*spatial).

    ``signed`` sums the channels, ``magnitude`` takes the largest magnitude among them.
    """
    values = to_array(map)
    if show == "magnitude":
        # max and -min together are max |.| without a copy of |map|
        return single(np.maximum(values.max(axis=0), -values.min(axis=0)))
    return single(values[0] if len(values) == 1 else values.sum(axis=0))


@dataclass(frozen=True)
class Scale:
    """From values to colours.

    Parameters
    ----------
    low, high : float
        The values at the ends of the colour bar; ``low == -high`` where the map is signed.
    least, greatest : float
        The map's own extremes; what lies beyond the ends is drawn in the end's colour.
    """

    low: float
    high: float
    least: float
    greatest: float

    @property
    def signed(self) -> bool:
        """Whether the map has negative values: zero-centred colours, else sequential ones."""
        return self.least < 0

    @property
    def clipped(self) -> str:
        """Which ends values lie beyond, in the words of matplotlib's colour bar."""
        below, above = self.least < self.low, self.greatest > self.high
        return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]

    def position(self, values: Array) -> Array:
        """Place values on the colour map, 0 to 1."""
        return grey(values, (self.low, self.high))

    def opacity(self, values: Array) -> Array:
        """Give the opacity of values: nothing at zero (or the least), most at the range's end."""
        strength = abs(2 * self.position(values) - 1) if self.signed else self.position(values)
        return single(OPACITY * strength**GAMMA)

    def blend(self, background: Array, values: Array) -> Array:
        """Lay the coloured values (H, W) over a grey background (H, W) in [0, 1]: (H, W, 3)."""
        alpha = self.opacity(values)[..., None]
        colours = colour_map(self.signed)(self.position(values))[..., :3]
        return single(background[..., None] * (1 - alpha) + colours * alpha)


def fit(values: Array) -> Scale:
    """Find the scale of a map (*spatial).

    Signed maps get a range symmetric about zero; others start at zero, or at their least value
    where that is far from it.

    Raises
    ------
    MethodError
        Where there is nothing to draw: NaN or infinite values, or the same value everywhere.
    """
    least, greatest = float(values.min()), float(values.max())
    if not np.isfinite([least, greatest]).all():
        count = int(values.size - np.isfinite(values).sum())
        raise MethodError(f"the map holds {count} values that are NaN or infinite: not drawn")
    if least == greatest:
        what = "zero" if least == 0 else f"{least:.4g}"
        raise MethodError(f"the map is {what} everywhere: there is nothing to draw")
    # Zeros (outside a mask or a field of view) say nothing about how large the values are;
    # "higher" names a value of the map, and the largest one in maps of up to 200 values.
    magnitude = values[values != 0]
    np.abs(magnitude, out=magnitude)
    usual = float(np.percentile(magnitude, PERCENTILE, method="higher"))
    largest = max(greatest, -least)
    high = usual if largest > REACH * usual else largest
    if least < 0:
        return Scale(-high, high, least, greatest)
    return Scale(0.0 if least < NEGLIGIBLE * high else least, high, least, greatest)


@cache
def colour_map(signed: bool) -> Any:
    """Give the colours: zero-centred blue–orange, or a sequential perceptual map."""
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    if signed:
        return LinearSegmentedColormap.from_list("cold_warm", [*COLD, ZERO, *WARM], N=511)
    return matplotlib.colormaps["inferno"]


def window(image: Array) -> tuple[float, float]:
    """Find the values (black, white) between which an image is shown.

    Pictures in [0, 1] are shown as they are; others, and pictures that use less than half of that
    range (12 bits stored in 16), between their 1st and 99th percentile.
    """
    least, greatest = float(image.min()), float(image.max())
    if least >= 0 and 0.5 <= greatest <= 1:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(image, (1, 99)))
    if low == high:
        low, high = least, greatest
    return (low, high) if low < high else (low, low + 1)


def grey(image: Array, limits: tuple[float, float]) -> Array:
    """Bring image values into [0, 1], the window's ends at 0 and 1."""
    low, high = limits
    return single(np.clip((image - low) / (high - low), 0, 1))
