"""What images are painted with: free numbers of pixels or frequencies, in decorrelated colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta import Probe

Kind = Literal["fourier", "pixel"]

#: Standard deviation of the numbers that an ascent begins with.
FAINT = 0.01
#: Lucid's factor, by which a Fourier image answers as much to a step as one of pixels.
FOURIER = 0.25


class Canvas:
    """Makes images within the range of the given ones of numbers without bounds (Olah et al., 2017).

    The numbers are pixels, or frequencies that all weigh as much as they do in natural images; their
    colours are those along which the channels of the given image, and of the references, do not
    covary. A logistic function brings them into the range of each channel.

    Parameters
    ----------
    probe : Probe
        Whose image and references give range and colours.
    spatial : sequence of int
        The shape of the images.
    kind : {"fourier", "pixel"}
    """

    def __init__(self, probe: Probe, spatial: Sequence[int], kind: Kind) -> None:
        self.spatial, self.kind = tuple(spatial), kind
        known = torch.cat([probe.image, probe.references]).transpose(0, 1).flatten(1)
        shape = (1, -1, *[1] * len(self.spatial))
        self.low = known.amin(1).reshape(shape)
        self.high = known.amax(1).reshape(shape)
        self.colours = _colours(known)
        self._weights = _weights(self.spatial).to(probe.image)

    def start(self, count: int, rng: torch.Generator) -> Tensor:
        """Numbers for ``count`` images, faint noise."""
        channels = len(self.colours)
        shape: tuple[int, ...] = (count, channels, *self.spatial)
        if self.kind == "fourier":
            shape = (count, channels, *self._weights.shape, 2)
        return FAINT * torch.randn(shape, generator=rng).to(self.colours)

    def images(self, numbers: Tensor) -> Tensor:
        """(N, C, *spatial) in the model's input space."""
        return self.low + (self.high - self.low) * self.parts(numbers)

    def parts(self, numbers: Tensor) -> Tensor:
        """(N, C, *spatial) the same from 0 to 1, the lower and upper end of the range."""
        if self.kind == "fourier":
            axes = tuple(range(-len(self.spatial), 0))
            spectrum = torch.view_as_complex(numbers) * self._weights
            numbers = FOURIER * torch.fft.irfftn(spectrum, s=self.spatial, dim=axes)
        return torch.einsum("ck,nk...->nc...", self.colours, numbers).sigmoid()


def _colours(values: Tensor) -> Tensor:
    """(C, C) the square root of the covariance of channels (C, voxels), the largest row of length 1."""
    centred = values.double() - values.double().mean(1, keepdim=True)
    lengths, axes = torch.linalg.eigh(centred @ centred.T / centred.shape[1])
    root = (axes * lengths.clamp(min=0).sqrt()) @ axes.T
    longest = root.norm(dim=1).max()
    return (root / longest if longest > 0 else torch.eye(len(values)).to(root)).to(values)


def _weights(spatial: tuple[int, ...]) -> Tensor:
    """Of each frequency: one over its length, as natural images have it."""
    axes = [torch.fft.fftfreq(size, dtype=torch.float64) for size in spatial[:-1]]
    axes.append(torch.fft.rfftfreq(spatial[-1], dtype=torch.float64))
    squares = sum(axis.square() for axis in torch.meshgrid(*axes, indexing="ij"))
    lengths = torch.as_tensor(squares).sqrt().clamp(min=1 / max(spatial))
    return math.sqrt(math.prod(spatial)) / lengths


def sheet(tiles: Tensor, columns: int) -> Tensor:
    """Lay out tiles (n, C, *spatial), from 0 to 1, row by row, as one picture (1 or 3, H, W).

    Of cubes the central slices along the first axis are shown; of other than one or three channels,
    their mean. A white line parts the tiles.
    """
    if tiles.dim() == 5:
        tiles = tiles[:, :, tiles.shape[2] // 2]
    if tiles.shape[1] not in (1, 3):
        tiles = tiles.mean(1, keepdim=True)
    framed = F.pad(tiles, (0, 1, 0, 1), value=1.0)
    rows = framed.reshape(-1, columns, *framed.shape[1:])
    return torch.cat([torch.cat(list(row), 2) for row in rows], 1)[:, :-1, :-1]
