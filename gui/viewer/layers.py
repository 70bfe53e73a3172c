"""What can be laid over the image or shown beside it: maps, and the difference of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from esegeta.report.scale import Array, Scale, Show, fit, single

from ..language import tr
from .colours import SIGNS, Look, Sign, reduce, show
from .geometry import Geometry, View, Voxel

SAMPLE = 300_000
"""Values from which percentiles are told; the extremes are always those of all values."""


@dataclass
class Layer:
    """A map on the image's grid.

    Parameters
    ----------
    key : str
        The job's id.
    title : str
    values : ndarray (K, x, y, z)
        Turned as the image is.
    look : Look
        How it is drawn now.
    kind : str
        ``map``: laid over the image; ``image``: a picture of its own on the image's grid.
    trouble : str
        What is odd about its values, in words; nothing where all is well.
    """

    key: str
    title: str
    values: Array
    look: Look = field(default_factory=Look)
    kind: str = "map"
    trouble: str = ""
    _scales: dict[Show, Scale] = field(default_factory=dict, repr=False)
    _span: tuple[float, float] | None = None
    peak: tuple[int, ...] | None = None
    """The voxel of largest magnitude as the file counts, where it was looked for."""

    @property
    def own(self) -> bool:
        """Whether it is drawn as a picture of its own; else it is laid over the image."""
        return self.kind == "image"

    @property
    def window(self) -> tuple[float, float]:
        """The values that are black and white, of a picture of its own."""
        return self.look.low, self.look.high

    def taken(self, take: Callable[[Array], Array]) -> Array:
        """Take a part of the values (K, …) that are drawn."""
        return take(self.values)

    def turn(self, geometry: Geometry) -> None:
        """Turn it as the scene is."""
        self.values = geometry.turn(self.values[..., 0] if geometry.flat else self.values)

    def cut(self, view: View, voxel: Voxel, sign: Sign) -> Array:
        """Give the slice through a voxel, one number per pixel."""
        return reduce(self.taken(lambda values: view.cut(values, voxel)), sign)

    def value(self, voxel: Voxel, sign: Sign) -> float:
        """Give the number that is drawn at a voxel."""
        at = (slice(None), *voxel)
        return float(reduce(self.taken(lambda values: values[at])[:, None], sign)[0])

    def sample(self, sign: Sign) -> Array:
        """Give some of the values that are drawn, evenly from all of them."""
        return reduce(self.taken(thin), sign)

    def extremes(self, sign: Sign) -> tuple[float, float]:
        """Give the least and greatest finite value that is drawn."""
        if len(self.values) > 1:
            return finite_extremes(reduce(self.values, sign))
        # One channel is looked through once: large maps are opened while somebody waits.
        least, greatest = self._span = self._span or finite_extremes(self.values)
        if sign != "magnitude":
            return least, greatest
        return (0.0 if least < 0 < greatest else min(abs(least), abs(greatest))), max(
            -least, greatest
        )

    def scale(self, sign: Sign) -> Scale:
        """Give the range in which it is drawn unless somebody chose another; remembered.

        One sign alone is drawn in the colours of both, so that it is known by its colour.
        """
        kind = show(sign)
        if kind not in self._scales:
            self._scales[kind] = scale_of(self.sample(kind), self.extremes(kind))
        return self._scales[kind]

    def measure(self) -> None:
        """Find all ranges ahead, where nobody waits for them; start with the look's own."""
        for sign in SIGNS:
            self.scale(sign)
        self.signed(self.look.sign)
        self.peak = self.strongest()

    def signed(self, sign: Sign) -> None:
        """Draw it with another sign, in the range that fits it."""
        scale = self.scale(sign)
        self.look = replace(self.look, sign=sign, low=scale.low, high=scale.high)

    def strongest(self) -> Voxel:
        """Find the voxel of largest magnitude."""
        drawn = reduce(self.taken(lambda values: values), "signed")
        # In the order of the memory: what a NIfTI file holds runs along the first axis.
        ordered = drawn.T if drawn.flags.f_contiguous else drawn
        low, high = int(ordered.argmin()), int(ordered.argmax())
        flat = low if -ordered.flat[low] > ordered.flat[high] else high
        if not np.isfinite(ordered.flat[flat]):
            size = np.where(np.isfinite(ordered), np.abs(ordered), single(-1))
            flat = int(size.argmax())
        x, y, z = np.unravel_index(flat, ordered.shape)[:: -1 if ordered is not drawn else 1]
        return int(x), int(y), int(z)


@dataclass
class Difference(Layer):
    """One map less another, each in parts of its own range or as it is.

    Methods have units of their own; as parts of their ranges (their ends are 1) maps can be compared.
    """

    first: Layer | None = None
    second: Layer | None = None
    relative: bool = True

    @classmethod
    def of(cls, first: Layer, second: Layer, relative: bool = True) -> Difference:
        """Subtract the second from the first."""
        title = f"{first.title} − {second.title}"
        made = cls(
            "difference",
            title,
            first.values,
            first.look,
            first=first,
            second=second,
            relative=relative,
        )
        made.signed("signed")
        return made

    def _less(self, one: Array, other: Array) -> Array:
        assert self.first is not None
        assert self.second is not None
        ends = (_end(self.first), _end(self.second)) if self.relative else (1.0, 1.0)
        return single(one / ends[0] - other / ends[1])

    def _both(self) -> tuple[Layer, Layer]:
        assert self.first is not None
        assert self.second is not None
        return self.first, self.second

    def cut(self, view: View, voxel: Voxel, sign: Sign) -> Array:
        """Give the slice through a voxel."""
        one, other = (part.cut(view, voxel, part.look.sign) for part in self._both())
        return reduce(self._less(one, other)[None], sign)

    def value(self, voxel: Voxel, sign: Sign) -> float:
        """Give the difference at a voxel."""
        one, other = (single([part.value(voxel, part.look.sign)]) for part in self._both())
        return float(reduce(self._less(one, other)[None], sign)[0])

    def sample(self, sign: Sign) -> Array:
        """Give some of the differences."""
        one, other = (part.sample(part.look.sign) for part in self._both())
        return reduce(self._less(one, other)[None], sign)

    def extremes(self, sign: Sign) -> tuple[float, float]:
        """Give the least and greatest of some differences: all would take too long to wait for."""
        return finite_extremes(self.sample(sign))

    def strongest(self) -> Voxel:
        """Find the voxel where the two differ most."""
        one, other = (
            reduce(part.taken(lambda values: values), part.look.sign) for part in self._both()
        )
        return Layer("", "", self._less(one, other)[None]).strongest()


def _end(layer: Layer) -> float:
    """Give the largest magnitude in a map's colours."""
    scale = layer.scale(layer.look.sign)
    return max(abs(scale.low), abs(scale.high)) or 1.0


def thin(values: Array) -> Array:
    """Take at most about `SAMPLE` voxels of (K, x, y, z), from a regular grid."""
    step = max(1, round((values[0].size / SAMPLE) ** (1 / 3)))
    return values[:, ::step, ::step, ::step] if min(values.shape[1:]) > step else values


def finite_extremes(values: Array) -> tuple[float, float]:
    """Give the least and greatest finite value; zeros where there is none."""
    least, greatest = float(values.min()), float(values.max())
    if np.isfinite([least, greatest]).all():
        return least, greatest
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def scale_of(sample: Array, extremes: tuple[float, float]) -> Scale:
    """Find the range as the report does, from some values and the extremes of all.

    A map that says nothing (constant) gets a range about its value, so that it can be looked at.
    """
    least, greatest = extremes
    if least == greatest:
        return Scale(least - 1.0, greatest + 1.0, least, greatest)
    finite = sample[np.isfinite(sample)]
    return fit(np.append(finite, single(extremes)))


def oddities(values: Array) -> str:
    """Say what is odd about the values of a map; nothing where all is well."""
    least, greatest = float(values.min()), float(values.max())
    if np.isfinite([least, greatest]).all():
        return tr("the same value everywhere") if least == greatest else ""
    count = values.size - int(np.isfinite(values).sum())
    if count == values.size:
        return tr("no value is a number")
    return tr("%d values are NaN or infinite, drawn in magenta") % count
