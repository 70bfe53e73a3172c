"""Masks for perturbation: random smooth ones, and boxes that slide over the image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from esegeta.probe.resample import resample

#: A box of voxels: one slice per spatial axis.
Box = tuple[slice, ...]


def random_masks(
    spatial: Sequence[int],
    count: int,
    grid: int,
    keep: float,
    generator: torch.Generator,
    batch: int,
) -> Iterator[Tensor]:
    """Smooth random masks: a coarse grid of on and off, enlarged and shifted (Petsiuk et al., 2018).

    The masks do not depend on the batch. They are made on the CPU, as they are needed.

    Parameters
    ----------
    spatial : sequence of int
        The image's shape.
    grid : int
        Cells per side before the enlargement.
    keep : float
        Chance that a cell is on.

    Yields
    ------
    Tensor
        (n, 1, *spatial) in [0, 1], n ≤ ``batch``; ``count`` masks in all.
    """
    ndim = len(spatial)
    cell = [math.ceil(size / grid) for size in spatial]
    # Enlarging is even only away from the rim of the grid. So there is a cell more on each side, and
    # one for the shift by up to a cell.
    cells = torch.rand((count, 1, *[grid + 3] * ndim), generator=generator) < keep
    shifts = torch.stack(
        [torch.randint(side, 2 * side, (count,), generator=generator) for side in cell], dim=1
    ).tolist()
    large = [(grid + 3) * side for side in cell]
    for start in range(0, count, batch):
        chosen = cells[start : start + batch].float()
        enlarged = resample(chosen, large)
        yield torch.stack(
            [
                _cut(mask, shift, spatial)
                for mask, shift in zip(enlarged, shifts[start : start + batch], strict=True)
            ]
        )


def _cut(mask: Tensor, shift: Sequence[int], spatial: Sequence[int]) -> Tensor:
    for axis, (start, size) in enumerate(zip(shift, spatial, strict=True), start=1):
        mask = mask.narrow(axis, start, size)
    return mask


def sliding_boxes(
    spatial: Sequence[int], window: Sequence[int], stride: Sequence[int]
) -> list[Box]:
    """Boxes that cover the whole image; the last one of each axis is shifted back to the edge."""
    starts = []
    for size, side, step in zip(spatial, window, stride, strict=True):
        side = min(side, size)
        steps = list(range(0, size - side + 1, step))
        starts.append(steps if steps[-1] == size - side else [*steps, size - side])
    sides = [min(side, size) for side, size in zip(window, spatial, strict=True)]
    return [
        tuple(slice(a, a + side) for a, side in zip(corner, sides, strict=True))
        for corner in itertools.product(*starts)
    ]
