"""Layers of vision transformers as grids: tokens and channels-last features become channels first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

#: Class, distillation and register tokens stand before the patches: few, beside their number.
EXTRA_TOKENS = 5


def grid_of(output: Tensor, spatial: Sequence[int]) -> tuple[int, ...] | None:
    """The spatial grid of a layer's output, or None where it has none.

    Parameters
    ----------
    output : Tensor
        (N, C, *grid), (N, *grid, C) or (N, tokens, C).
    spatial : sequence of int
        The image's spatial shape.
    """
    ndim = len(spatial)
    if output.dim() == ndim + 2:
        first, last = output.shape[2:], output.shape[1:-1]
        return tuple(last if _prefers(last, first, spatial) else first)
    if output.dim() == 3:
        return _token_grid(output.shape[1], spatial)
    return None


def as_grid(output: Tensor, spatial: Sequence[int]) -> Tensor | None:
    """The layer's output as (N, C, *grid), class and register tokens dropped; None without a grid."""
    grid = grid_of(output, spatial)
    if grid is None:
        return None
    if output.dim() == len(spatial) + 2:
        return output if tuple(output.shape[2:]) == grid else output.movedim(-1, 1)
    patches = output[:, output.shape[1] - math.prod(grid) :]
    return patches.transpose(1, 2).reshape(len(patches), -1, *grid)


def _prefers(last: Sequence[int], first: Sequence[int], spatial: Sequence[int]) -> bool:
    """Whether only a channels-last reading keeps the image's proportions (Swin's layers do so)."""
    return _distortion(last, spatial) < 1.1 and 1.2 * _distortion(last, spatial) < _distortion(
        first, spatial
    )


def _distortion(grid: Sequence[int], spatial: Sequence[int]) -> float:
    """How differently the axes of the grid were reduced: 1 where all were by the same factor.

    An axis reduced to one or two cells says nothing about its factor, so each factor is only known to
    lie between size / (cells + 1) and size / max(cells - 1, ½).
    """
    low = [size / (cells + 1) for size, cells in zip(spatial, grid, strict=True)]
    high = [size / max(cells - 1, 0.5) for size, cells in zip(spatial, grid, strict=True)]
    return max(low) / min(high)


def _token_grid(tokens: int, spatial: Sequence[int]) -> tuple[int, ...] | None:
    """The grid of square patches that divide the image, and leave the fewest tokens over."""
    for patch in range(1, min(spatial) + 1):
        grid = tuple(size // patch for size in spatial)
        extra = tokens - math.prod(grid)
        divides = all(size % patch == 0 for size in spatial)
        if (
            divides
            and math.prod(grid) > 1
            and 0 <= extra <= max(EXTRA_TOKENS, math.prod(grid) // 16)
        ):
            return grid
    return None
