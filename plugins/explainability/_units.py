"""What in a layer an image can be made for, beside a channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from esegeta import Layer, MethodError, Probe

#: How much more an activation counts that points the wanted way: the power of the cosine between them
#: (Carter et al., 2019), and the least cosine that counts.
SHARPNESS, LEAST = 2, 0.1

Reader = Callable[[Tensor, slice], Tensor]


def average(values: Tensor, images: slice) -> Tensor:
    """(n, K) a layer's values (n, K, *grid), averaged over its grid."""
    return values.reshape(*values.shape[:2], -1).mean(2)


def at(position: Sequence[int] | None) -> Reader:
    """Read (n, K) a layer's values at a position of its grid, or in the middle of it."""

    def read(values: Tensor, images: slice) -> Tensor:
        grid = values.shape[2:]
        place = [size // 2 for size in grid] if position is None else list(position)
        if len(place) != len(grid) or any(not 0 <= p < n for p, n in zip(place, grid, strict=True)):
            raise MethodError(f"The layer's grid {tuple(grid)} has no position {place}.")
        for index in place:
            values = values[:, :, index]
        return values

    return read


def toward(directions: Tensor, where: Reader | None = None) -> Reader:
    """Read (n, 1) how far a layer's values point in the direction of each image, (N, K) in all.

    Averaged over the grid: the scalar product times a power of the cosine, so that a value that is
    merely large does not count. Or in one place, where `where` reads it.
    """

    def read(values: Tensor, images: slice) -> Tensor:
        wanted = directions[images].to(values)
        values = values if where is None else where(values, images)
        values = values.reshape(*values.shape[:2], -1)
        products = torch.einsum("nk,nkp->np", wanted, values)
        lengths = wanted.norm(dim=1, keepdim=True) * values.norm(dim=1)
        cosines = products / lengths.clamp(min=torch.finfo(values.dtype).tiny)
        return (products * cosines.clamp(min=LEAST) ** SHARPNESS).mean(1, keepdim=True)

    return read


def most_telling(probe: Probe, layer: Layer) -> int:
    """The layer's channel whose activation varies most over the image; without a grid, the most active.

    A channel that answers alike everywhere tells nothing of the image, and may be a bias.
    """

    def spread(values: Tensor, images: slice) -> Tensor:
        flat = values.reshape(*values.shape[:2], -1)
        return flat.std(2) if flat.shape[2] > 1 else flat.mean(2)

    return int(probe.reading(layer.name, spread).scores(probe.image)[0].argmax())
