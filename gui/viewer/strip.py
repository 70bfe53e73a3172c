"""Images that a method made along ways: one of them at a time, or what changed up to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from esegeta.report.canvas import number
from esegeta.report.scale import Array, Scale, Show

from ..language import tr
from .colours import Sign, reduce, show
from .geometry import Geometry
from .layers import Layer, finite_extremes, scale_of, thin
from .scene import window_of

SHOWS: tuple[Show, ...] = ("signed", "magnitude")


@dataclass
class Way:
    """The images towards one class, and away from it.

    Parameters
    ----------
    name : str
        The class.
    images : ndarray (A · C, x, y, z)
        All channels of the first position, then those of the next.
    probabilities : list of float
        What the model gives the class at each position.
    predicted : list of str
        What it predicts there.
    at : int
        The position that is looked at.
    """

    name: str
    images: Array
    probabilities: list[float]
    predicted: list[str]
    at: int
    scales: dict[Show, Scale] = field(default_factory=dict, repr=False)

    def image(self, at: int) -> Array:
        """Give the image (C, x, y, z) at a position."""
        channels = len(self.images) // len(self.predicted)
        return self.images[channels * at : channels * (at + 1)]


@dataclass
class Strip(Layer):
    """Images along ways, drawn as the change from the origin, or as they are.

    Its `values` are the image that is looked at.

    Parameters
    ----------
    along : str
        What a position is, with its unit.
    positions : list of float
        0 is among them.
    ways : list of Way
    chosen : int
        The way that is looked at.
    changed : bool
        Whether what changed is drawn; else the image.
    """

    along: str = ""
    positions: list[float] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    chosen: int = 0
    changed: bool = True
    limits: tuple[float, float] = (0.0, 1.0)
    """Of all images, so that their greys do not jump."""

    @property
    def way(self) -> Way:
        """The way that is looked at."""
        return self.ways[self.chosen]

    @property
    def origin(self) -> int:
        """The number of the position that is 0."""
        return self.positions.index(0)

    @property
    def own(self) -> bool:
        """Whether it is drawn as a picture of its own."""
        return not self.changed

    @property
    def window(self) -> tuple[float, float]:
        """The values that are black and white, of a picture of its own."""
        return self.limits

    def choose(
        self, way: int | None = None, at: int | None = None, changed: bool | None = None
    ) -> None:
        """Look at another way, at another position of it, or at it in another manner."""
        if changed is not None:
            self.changed = changed
        if way is not None and way != self.chosen:
            self.chosen = way
            self.signed(self.look.sign)  # each way has a range of its own
        if at is not None:
            self.way.at = min(max(at, 0), len(self.positions) - 1)
        self.values = self.way.image(self.way.at)

    def told(self) -> str:
        """Say where one is, and what the model makes of the image there."""
        way = self.way
        place = f"{self.along.split(',')[0]} = {number(self.positions[way.at])}"
        chance = f"{way.name} {number(way.probabilities[way.at])}"
        return f"{place}: {chance}, " + tr("predicted %s") % way.predicted[way.at]

    def taken(self, take: Callable[[Array], Array]) -> Array:
        """Take a part of what changed."""
        return take(self.values) - take(self.way.image(self.origin))

    def turn(self, geometry: Geometry) -> None:
        """Turn all images as the scene is."""
        for way in self.ways:
            way.images = geometry.turn(way.images[..., 0] if geometry.flat else way.images)
        self.choose()

    def scale(self, sign: Sign) -> Scale:
        """Give the range of all changes along the way, so that colours do not jump; remembered."""
        kind, way = show(sign), self.way
        if kind not in way.scales:
            way.scales[kind] = self._scale(way, kind)
        return way.scales[kind]

    def _scale(self, way: Way, kind: Show) -> Scale:
        first = way.image(self.origin)
        images = [way.image(at) for at in range(len(self.positions))]
        least, greatest = zip(
            *(finite_extremes(reduce(image - first, kind)) for image in images), strict=True
        )
        some = np.stack([reduce(thin(image) - thin(first), kind) for image in images])
        return scale_of(some, (min(least), max(greatest)))

    def measure(self) -> None:
        """Find all ranges ahead, where nobody waits for them; start with the look's own."""
        for way in self.ways:
            way.scales = {kind: self._scale(way, kind) for kind in SHOWS}
        self.limits = window_of(self.ways[0].image(self.origin))
        self.signed(self.look.sign)
