"""What P-TAME minimises: the paper's equations 1 to 4."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta import MethodError

Fidelity = Literal["cross_entropy", "drop"]

#: Added to a map before its power is taken, whose slope at 0 would be infinite.
OFFSET = 5e-4
#: How far the terms' weights may be from adding up to one.
ROUNDING = 1e-6


class Weights(NamedTuple):
    """Of the loss's three terms; they add up to one."""

    fidelity: float
    area: float
    variation: float


def on_the_simplex(weights: Weights) -> Weights:
    """Give the weights back.

    Raises
    ------
    MethodError
        If one is negative, or they do not add up to one.
    """
    if min(weights) < 0 or abs(sum(weights) - 1) > ROUNDING:
        told = " + ".join(f"{weight:g}" for weight in weights)
        raise MethodError(
            "P-TAME's weights cross_entropy + area + variation must not be negative and add up to 1; "
            f"{told} = {sum(weights):g}"
        )
    return weights


class Subset(NamedTuple):
    """The classes that a batch's images are taken for.

    The paper's subset holds a batch's model-truth classes, twice those that occur twice. Each class once,
    with how often it occurs as weight, gives the same means for fewer maps.

    Parameters
    ----------
    classes : Tensor
        (K,) each once.
    shares : Tensor
        (K,) which part of the batch is taken for it; they add up to one.
    own : Tensor
        (N,) which of ``classes`` is that of each image.
    """

    classes: Tensor
    shares: Tensor
    own: Tensor


def subset(truth: Tensor) -> Subset:
    """The class subset of a batch whose images are taken for the classes (N,)."""
    classes, own, counts = truth.unique(return_inverse=True, return_counts=True)
    return Subset(classes, counts / len(truth), own)


def masked(images: Tensor, maps: Tensor, low: Tensor) -> Tensor:
    """Images (N, C, *spatial) where maps (N, 1, *spatial) are 1, black where they are 0.

    Black is the least value ``low`` (C,) of each channel: the paper multiplies the raw picture. So the
    images may be normalised, and the result is that of masking first.
    """
    black = low.reshape(1, -1, *[1] * (images.dim() - 2)).to(images)
    return black + maps * (images - black)


def unfaithful(after: Tensor, before: Tensor, truth: Tensor, kind: Fidelity) -> Tensor:
    """How much the classes (N,) suffer where only the map's part is shown.

    Parameters
    ----------
    after, before : Tensor
        (N, classes) the scores of the masked and of the whole images.
    kind : {"cross_entropy", "drop"}
        The softmax's cross entropy (eq. 2), or which part of the class's score is lost: for scores that
        are sums over voxels, of which a softmax is all or nothing.
    """
    if kind == "cross_entropy":
        return F.cross_entropy(after, truth)
    own = before.gather(1, truth[:, None]).squeeze(1)
    left = after.gather(1, truth[:, None]).squeeze(1)
    least = torch.finfo(own.dtype).tiny
    return ((own - left) / own.abs().clamp(min=least)).clamp(min=0).mean()


def area(maps: Tensor, shares: Tensor, power: float) -> Tensor:
    """The mean of (E + 5e-4)^power over maps (N, K, *grid), the classes by their shares (K,)."""
    return ((maps + OFFSET) ** power).flatten(2).mean(2).mv(shares).mean()


def variation(maps: Tensor, shares: Tensor) -> Tensor:
    """The squared differences of neighbours, added up along each axis, by the number of cells (eq. 3)."""
    steps = [maps.diff(dim=axis).square().flatten(2).sum(2) for axis in range(2, maps.dim())]
    return (torch.stack(steps).sum(0) / maps[0, 0].numel()).mv(shares).mean()
