"""How patches lie in a volume: where they start, and how much each says of a voxel or a layer's cell.

Places and weights are those of torchio's ``GridSampler`` and ``GridAggregator``. All of it is a product
over the axes, so one axis is described at a time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta.errors import ImageError, listed

Blend = Literal["hann", "average", "crop"]


@dataclass(frozen=True)
class Patches:
    """What the user says of patches.

    Parameters
    ----------
    size : int or sequence of int
        Voxels per side, one for all axes or one per axis.
    overlap : int or sequence of int, optional
        Voxels that neighbours share; by default a quarter of the size. An odd number is made even: one
        more, or one less where one more would be the whole patch.
    blend : {"hann", "average", "crop"}
        How patches are joined where they overlap: weighted by a Hann window, by equal weights, or each
        cut in the middle of the overlap.
    batch : int, optional
        The most patches that pass at once; by default as many as memory takes.
    """

    size: int | Sequence[int]
    overlap: int | Sequence[int] | None = None
    blend: Blend = "hann"
    batch: int | None = None


class Tiling:
    """A volume cut into patches.

    Parameters
    ----------
    spatial : sequence of int
        The volume's shape. An axis shorter than a patch is padded with zeros on both sides.
    patches : Patches

    Attributes
    ----------
    size, overlap : tuple of int
        One per axis; the overlap is even.
    places : list of tuple of int
        Of each patch, which of its axes' starts it has; in torchio's order.

    Raises
    ------
    ImageError
        Where the sizes do not fit the volume's axes, or the overlap is not below the size.
    """

    def __init__(self, spatial: Sequence[int], patches: Patches) -> None:
        self.spatial = tuple(spatial)
        self.size = _per_axis(patches.size, len(self.spatial), "size")
        asked = tuple(2 * (size // 8) for size in self.size)
        if patches.overlap is not None:
            asked = _per_axis(patches.overlap, len(self.spatial), "overlap")
        if patches.blend not in get_args(Blend):
            raise ImageError(
                f"There is no blend {patches.blend!r}; there are {listed(get_args(Blend))}."
            )
        for size, overlap in zip(self.size, asked, strict=True):
            if not 0 <= overlap < size:
                raise ImageError(
                    f"The overlap of patches, {overlap}, must be below their size, {size}."
                )
        self.overlap = tuple(map(_even, asked, self.size))
        self.blend = patches.blend
        self.notes = (
            {"note": f"the overlap {list(asked)} was made even"} if asked != self.overlap else {}
        )
        self.axes = [
            Axis(*facts, self.blend)
            for facts in zip(self.spatial, self.size, self.overlap, strict=True)
        ]
        self.places = list(itertools.product(*(range(len(axis.starts)) for axis in self.axes)))
        self._grids: dict[tuple[int, ...], Grid] = {}

    def __len__(self) -> int:
        return len(self.places)

    def cut(self, volume: Tensor, patch: int) -> Tensor:
        """The patch (N, C, *size) of a volume (N, C, *spatial)."""
        inside, margins = [], []
        for axis, place in zip(self.axes, self.places[patch], strict=True):
            start = axis.starts[place]
            stop = start + axis.size
            inside.append(slice(max(0, start), min(axis.length, stop)))
            margins.append((max(0, -start), max(0, stop - axis.length)))
        cut = volume[_last(inside)]
        if any(map(any, margins)):
            # (F.pad counts the axes from the last.)
            cut = F.pad(cut, [width for margin in reversed(margins) for width in margin])
        return cut

    def touched(self, marked: Tensor) -> list[int]:
        """Which patches hold a voxel that is marked in a boolean volume (C, *spatial)."""
        # One axis after the other, from the first: the maximum of whole rows is many times faster
        # than looking into each patch.
        found = marked.to(torch.uint8).amax(0)
        for number, axis in enumerate(self.axes):
            inside = [axis.span(start)[0] for start in axis.starts]
            spans = [found.narrow(number, own.start, own.stop - own.start) for own in inside]
            found = torch.stack([span.amax(number) for span in spans], number)
        hits: list[int] = found.flatten().nonzero().flatten().tolist()
        return hits

    def share(self, box: Sequence[slice]) -> float:
        """Which part of all patches holds some of a box of voxels."""
        touching = [
            axis.touching(side.start, side.stop) for axis, side in zip(self.axes, box, strict=True)
        ]
        return math.prod(touching) / len(self)

    def grid(self, cells: Sequence[int]) -> Grid:
        """How grids of so many cells per patch (a layer's; the voxels themselves) are put together."""
        key = tuple(cells)
        if key not in self._grids:
            self._grids[key] = Grid(self, key)
        return self._grids[key]


@dataclass(frozen=True)
class Axis:
    """One axis of a volume with its patches.

    Parameters
    ----------
    length, size, overlap : int
        Voxels of the volume, of a patch, and shared by neighbours.
    blend : {"hann", "average", "crop"}
    """

    length: int
    size: int
    overlap: int
    blend: Blend

    @cached_property
    def starts(self) -> list[int]:
        """Where patches start; the last is shifted back to the end; negative where one is padded."""
        if self.length <= self.size:
            return [-((self.size - self.length) // 2)]
        end = self.length - self.size
        starts = list(range(0, end + 1, self.size - self.overlap))
        return starts if starts[-1] == end else [*starts, end]

    def touching(self, start: int, stop: int) -> int:
        """How many patches hold one of these voxels."""
        return sum(at < stop and start < at + self.size for at in self.starts)

    @cached_property
    def weights(self) -> Tensor:
        """(patches, size) how much each patch says of its voxels; over all patches 1 for each voxel."""
        shares = torch.stack([self._share(number) for number in range(len(self.starts))])
        whole = torch.zeros(self.length, dtype=torch.float64)
        spans = [self.span(start) for start in self.starts]
        for share, (inside, own) in zip(shares, spans, strict=True):
            whole[inside] += share[own]
        for share, (inside, own) in zip(shares, spans, strict=True):
            share[own] /= whole[inside]
            share[: own.start] = 0
            share[own.stop :] = 0
        return shares

    def span(self, start: int) -> tuple[slice, slice]:
        """The voxels of the volume that a patch covers, and which of its own they are."""
        inside = slice(max(0, start), min(self.length, start + self.size))
        return inside, slice(inside.start - start, inside.stop - start)

    def _share(self, number: int) -> Tensor:
        if self.blend == "average":
            return torch.ones(self.size, dtype=torch.float64)
        if self.blend == "hann":
            # In single precision, as torchio has it.
            return torch.hann_window(self.size + 2, periodic=False)[1:-1].double()
        share = torch.ones(self.size, dtype=torch.float64)
        if number > 0:
            share[: self.overlap // 2] = 0
        if number + 1 < len(self.starts):
            share[self.size - self.overlap // 2 :] = 0
            # Of two that keep a voxel the later is taken.
            kept = self.starts[number + 1] + self.overlap // 2 - self.starts[number]
            share[kept:] = 0
        return share


@dataclass(frozen=True)
class Strip:
    """How a patch's cells along one axis lie among the volume's.

    Parameters
    ----------
    inside : slice
        The volume's cells that it touches.
    own : slice
        Its cells that lie in the volume.
    place, blend : Tensor
        What each of the volume's cells takes of each of its own: as a matrix (inside, own), or as a
        factor per cell where each lies on one of the volume's. ``place`` leaves the sum over cells as
        it is (for gradients); ``blend`` is weighted, so that over all patches it takes 1 (for values).
    """

    inside: slice
    own: slice
    place: Tensor
    blend: Tensor


class Grid:
    """Puts grids of cells over patches together to one over the volume, and takes them apart.

    Cells are as large in the volume as in the patch, or nearly so where the volume is no multiple.
    Where a patch's cells do not fall on the volume's, they are shared linearly among neighbours. Of a
    patch that is padded those cells count that reach into the volume.

    Attributes
    ----------
    shape : tuple of int
        Cells of the volume.
    """

    def __init__(self, tiling: Tiling, cells: tuple[int, ...]) -> None:
        self._places = tiling.places
        self.cells = cells
        self.shape = tuple(map(_cells, tiling.axes, cells))
        self._strips = [
            _strips(axis, own, whole)
            for axis, own, whole in zip(tiling.axes, cells, self.shape, strict=True)
        ]

    def add(self, whole: Tensor, part: Tensor, patch: int, *, blend: bool) -> None:
        """Add a patch's grid (…, *cells) to the volume's (…, *shape): values, or else gradients."""
        strips = self._of(patch)
        part = part[_last(strip.own for strip in strips)]
        for axis, strip in enumerate(strips, start=part.dim() - len(strips)):
            part = _along(part, strip.blend if blend else strip.place, axis)
        whole[_last(strip.inside for strip in strips)] += part

    def take(self, whole: Tensor, patch: int) -> Tensor:
        """(…, *cells) a patch's part of the gradient at blended values (…, *shape)."""
        strips = self._of(patch)
        part = whole[_last(strip.inside for strip in strips)]
        for axis, strip in enumerate(strips, start=part.dim() - len(strips)):
            part = _along(part, strip.blend.mT if strip.blend.dim() == 2 else strip.blend, axis)
        full = part.new_zeros((*part.shape[: -len(strips)], *self.cells))
        full[_last(strip.own for strip in strips)] = part
        return full

    def _of(self, patch: int) -> list[Strip]:
        return [
            strips[place] for strips, place in zip(self._strips, self._places[patch], strict=True)
        ]


def _strips(axis: Axis, cells: int, whole: int) -> list[Strip]:
    """The strips of every patch along an axis, with ``cells`` of its own and ``whole`` in the volume."""
    pitch, large = axis.size / cells, axis.length / whole
    shares = F.adaptive_avg_pool1d(axis.weights, cells)
    found: list[tuple[slice, slice, Tensor]] = []
    total = torch.zeros(whole, dtype=torch.float64)
    for start, share in zip(axis.starts, shares, strict=True):
        centres = start + (torch.arange(cells, dtype=torch.float64) + 0.5) * pitch
        reach = pitch / 2 - 1e-6
        used = torch.nonzero((centres > -reach) & (centres < axis.length + reach)).flatten()
        own = slice(int(used[0]), int(used[-1]) + 1)
        at = (centres[own] / large - 0.5).clamp(0, whole - 1)
        aligned = bool((at - at.round()).abs().max() < 1e-6)
        low = (at.round() if aligned else at.floor()).long()
        inside = slice(int(low[0]), min(whole, int(low[-1]) + (1 if aligned else 2)))
        rows = torch.arange(inside.start, inside.stop)[:, None]
        matrix = (1 - (rows - (low.double() if aligned else at)).abs()).clamp(min=0)
        total[inside] += matrix @ share[own]
        found.append((inside, own, matrix))
    strips = []
    for (inside, own, matrix), share in zip(found, shares, strict=True):
        blend = matrix * share[own] / total[inside, None]
        if torch.equal(matrix, torch.eye(len(matrix), dtype=matrix.dtype)):
            matrix, blend = matrix.diagonal(), blend.diagonal()
        strips.append(Strip(inside, own, matrix, blend))
    return strips


def _along(values: Tensor, factor: Tensor, axis: int) -> Tensor:
    """Multiply along an axis: by a number per cell, or by a matrix."""
    zeros = not factor.all()
    factor = factor.to(values)
    if factor.dim() == 1:
        factor = factor.view(-1, *[1] * (values.dim() - axis - 1))
        # A logit of −∞ that is cut away must not leave a NaN.
        return (values * factor).where(factor != 0, 0) if zeros else values * factor
    return (values.movedim(axis, -1) @ factor.mT).movedim(-1, axis)


def _last(slices: Iterable[slice]) -> Any:
    """An index of a tensor's last axes."""
    return (..., *slices)


def _cells(axis: Axis, cells: int) -> int:
    return max(1, round(axis.length * cells / axis.size))


def _even(overlap: int, size: int) -> int:
    if overlap % 2 == 0:
        return overlap
    return overlap + 1 if overlap + 1 < size else overlap - 1


def _per_axis(number: int | Sequence[int], axes: int, name: str) -> tuple[int, ...]:
    numbers = (number,) * axes if isinstance(number, int) else tuple(number)
    if len(numbers) != axes:
        raise ImageError(
            f"The {name} of patches has {len(numbers)} numbers; the image has {axes} axes."
        )
    if min(numbers) < (1 if name == "size" else 0):
        raise ImageError(f"The {name} of patches must be positive, not {list(numbers)}.")
    return numbers
