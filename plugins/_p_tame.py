"""The network of P-TAME: features of an image in, a map per class out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from esegeta import resample

from ._p_tame_features import auxiliary, convolution, norm

Readout = Literal["sigmoid", "minmax"]

#: What keeps a constant map from being divided by zero where it is brought from 0 to 1.
LEAST = 1e-8


class Branch(nn.Module):
    """A 1 × 1 convolution and its norm, added to the feature it was made of, rectified."""

    def __init__(self, width: int, ndim: int) -> None:
        super().__init__()
        self.convolution = convolution(width, width, ndim, kernel_size=1)
        self.norm = norm(width, ndim)

    def forward(self, feature: Tensor) -> Tensor:
        """(N, width, *grid), of the same shape."""
        made: Tensor = (feature + self.norm(self.convolution(feature))).relu()
        return made


class Attention(nn.Module):
    """Combines features of several layers to a map per class (the paper's figure 3).

    Parameters
    ----------
    widths : sequence of int
        Channels of each feature.
    classes, ndim : int
    cells : int
        The most cells of a map along an axis.
    """

    def __init__(self, widths: Sequence[int], classes: int, ndim: int, cells: int) -> None:
        super().__init__()
        self.widths, self.cells = list(widths), cells
        self.branches = nn.ModuleList(Branch(width, ndim) for width in widths)
        bound = sum(widths) ** -0.5  # that of a convolution
        self.fusion = nn.Parameter(torch.empty(classes, sum(widths)).uniform_(-bound, bound))

    def forward(self, features: Sequence[Tensor], classes: Tensor) -> Tensor:
        """(N, K, *grid) the maps of the wanted classes (K,), before the sigmoid.

        The paper enlarges what the branches give, and fuses. Both are linear, so fusing first gives the
        same; and there are fewer maps to enlarge than channels.
        """
        sides = zip(*(feature.shape[2:] for feature in features), strict=True)
        grid = [min(max(sizes), self.cells) for sizes in sides]
        weights = self.fusion[classes].split(self.widths, dim=1)
        maps = [
            resample(torch.einsum("kc,nc...->nk...", weight, branch(feature)), grid)
            for weight, branch, feature in zip(weights, self.branches, features, strict=True)
        ]
        return torch.stack(maps).sum(0)


class PTame(nn.Module):
    """The attention, with the auxiliary network whose features it takes.

    Parameters
    ----------
    attention : Attention
    auxiliary : nn.Module, optional
        Images to features; without, features are those of the model's own layers (T-TAME).
    """

    learnt: Tensor
    """(classes,) how many training images each class was explained on."""

    def __init__(self, attention: Attention, auxiliary: nn.Module | None = None) -> None:
        super().__init__()
        self.attention = attention
        self.auxiliary = auxiliary
        counts = torch.zeros(len(attention.fusion), dtype=torch.int64)
        self.register_buffer("learnt", counts)

    def forward(
        self, images: Tensor, classes: Tensor, features: Sequence[Tensor] | None = None
    ) -> Tensor:
        """(N, K, *grid) the maps of the wanted classes (K,), before the sigmoid."""
        if features is None:
            assert self.auxiliary is not None, "without one the features are given"
            features = self.auxiliary(images)
        maps: Tensor = self.attention(features, classes)
        return maps


def build(
    *,
    classes: int,
    cells: int,
    channels: int = 1,
    spatial: Sequence[int] = (),
    auxiliary_network: str = "own",
    width: int = 16,
    layers: Sequence[str] = (),
    widths: Sequence[int] = (),
    ndim: int = 2,
) -> PTame:
    """Build the network anew from an artifact's settings.

    Parameters
    ----------
    classes, cells, channels, spatial, auxiliary_network, width
        Of P-TAME; see `Attention` and `auxiliary`.
    layers, widths, ndim
        Of T-TAME: whose layers' features are taken, and their channels.
    """
    if layers:
        return PTame(Attention(widths, classes, ndim, cells))
    network = auxiliary(auxiliary_network, channels, spatial, width=width, cells=cells)
    return PTame(Attention(network.widths, classes, len(spatial), cells), network)


def read_out(maps: Tensor, readout: Readout) -> Tensor:
    """Maps (N, K, *grid) from 0 to 1.

    By the sigmoid they were trained with, so that their size tells; or each from its minimum to its
    maximum, without the sigmoid, as the paper's tables were made.
    """
    if readout == "sigmoid":
        return maps.sigmoid()
    flat = maps.flatten(2)
    low, high = flat.amin(2), flat.amax(2)
    shape = (*low.shape, *[1] * (maps.dim() - 2))
    return (maps - low.reshape(shape)) / (high - low + LEAST).reshape(shape)
