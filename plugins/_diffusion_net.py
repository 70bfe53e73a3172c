"""A diffusion autoencoder: what an image means as a vector, and a U-Net that takes noise off it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
LAYOUTS = {2: torch.channels_last, 3: torch.channels_last_3d}
"""In which a CPU convolves fastest."""


def normalisation(channels: int) -> nn.GroupNorm:
    """Normalise groups of at least four channels, 32 groups at most."""
    most = max(1, min(32, channels // 4))
    groups = next(count for count in range(most, 0, -1) if channels % count == 0)
    return nn.GroupNorm(groups, channels)


class Block(nn.Module):
    """Two convolutions beside a shortcut; conditioned, where there are conditions, on time and meaning.

    As in DiffAE: the normalised features are scaled and shifted by the time, then scaled by the latent.
    """

    def __init__(
        self, ndim: int, inputs: int, outputs: int, time: int = 0, latent: int = 0
    ) -> None:
        super().__init__()
        convolution = CONVOLUTIONS[ndim]
        self.first = nn.Sequential(
            normalisation(inputs), nn.SiLU(), convolution(inputs, outputs, 3, padding=1)
        )
        self.norm = normalisation(outputs)
        self.last = convolution(outputs, outputs, 3, padding=1)
        self.shortcut = convolution(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.of_time = nn.Linear(time, 2 * outputs) if time else None
        self.of_latent = nn.Linear(latent, outputs) if latent else None
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(
        self, x: Tensor, time: Tensor | None = None, latent: Tensor | None = None
    ) -> Tensor:
        """Give features (N, outputs, *spatial)."""
        found = self.norm(self.first(x))
        beside = [1] * (x.dim() - 2)
        if self.of_time is not None and time is not None:
            scale, shift = self.of_time(F.silu(time)).reshape(len(x), -1, *beside).chunk(2, 1)
            found = found * (1 + scale) + shift
        if self.of_latent is not None and latent is not None:
            found = found * (1 + self.of_latent(F.silu(latent)).reshape(len(x), -1, *beside))
        return self.shortcut(x) + self.last(F.silu(found))


class Encoder(nn.Module):
    """Images to latents: the first half of a U-Net, and the mean over what is left."""

    def __init__(self, ndim: int, channels: int, widths: Sequence[int], latent: int) -> None:
        super().__init__()
        convolution = CONVOLUTIONS[ndim]
        self.stem = convolution(channels, widths[0], 3, padding=1)
        levels = [Block(ndim, widths[0], widths[0])]
        for width, wider in itertools.pairwise(widths):
            levels += [convolution(width, wider, 3, stride=2, padding=1), Block(ndim, wider, wider)]
        self.levels = nn.Sequential(*levels)
        self.norm = normalisation(widths[-1])
        self.out = nn.Linear(widths[-1], latent)

    def forward(self, x: Tensor) -> Tensor:
        """(N, latent)."""
        found = F.silu(self.norm(self.levels(self.stem(x))))
        return self.out(found.flatten(2).mean(2))


class Denoiser(nn.Module):
    """A U-Net that tells the noise in images, given the time and what the image means."""

    def __init__(self, ndim: int, channels: int, widths: Sequence[int], latent: int) -> None:
        super().__init__()
        convolution, time = CONVOLUTIONS[ndim], 4 * widths[0]
        self.width = widths[0]
        self.time = nn.Sequential(nn.Linear(widths[0], time), nn.SiLU(), nn.Linear(time, time))
        self.stem = convolution(channels, widths[0], 3, padding=1)
        self.down, self.smaller = nn.ModuleList(), nn.ModuleList()
        self.up, self.larger = nn.ModuleList(), nn.ModuleList()
        for width, wider in itertools.pairwise([*widths, widths[-1]]):
            self.down.append(Block(ndim, width, width, time, latent))
            self.up.append(Block(ndim, width + wider, width, time, latent))
        for width, wider in itertools.pairwise(widths):
            self.smaller.append(convolution(width, wider, 3, stride=2, padding=1))
            self.larger.append(convolution(wider, wider, 3, padding=1))
        self.middle = Block(ndim, widths[-1], widths[-1], time, latent)
        self.out = nn.Sequential(
            normalisation(widths[0]), nn.SiLU(), convolution(widths[0], channels, 3, padding=1)
        )
        nn.init.zeros_(self.out[-1].weight)
        nn.init.zeros_(self.out[-1].bias)

    def forward(self, x: Tensor, time: Tensor, latent: Tensor) -> Tensor:
        """(N, C, *spatial) the noise in images at times (N,) of latents (N, latent)."""
        known = self.time(waves(time, self.width)), latent
        found, kept = self.stem(x), []
        for level, block in enumerate(self.down):
            found = self.smaller[level - 1](found) if level else found
            found = block(found, *known)
            kept.append(found)
        found = self.middle(found, *known)
        for level in reversed(range(len(self.up))):
            found = self.up[level](torch.cat([found, kept[level]], 1), *known)
            if level:
                found = self.larger[level - 1](F.interpolate(found, scale_factor=2))
        return self.out(found)


def waves(time: Tensor, width: int) -> Tensor:
    """(N, width) sines and cosines of times (N,), from one a step to one in ten thousand."""
    half = width // 2
    rates = torch.exp(-math.log(10_000) * torch.arange(half, device=time.device) / half)
    phases = time.float()[:, None] * rates
    return torch.cat([phases.sin(), phases.cos()], 1)


class DiffusionAutoencoder(nn.Module):
    """Encoder and denoiser, for images of one shape and range.

    Parameters
    ----------
    channels : int
    spatial : sequence of int
        Two or three sides.
    widths : sequence of int
        Channels of each level; each next one has half the sides.
    latent : int
        Numbers in a latent.
    low, high : sequence of float
        Per channel, what stands for −1 and 1.
    """

    def __init__(
        self,
        channels: int,
        spatial: Sequence[int],
        widths: Sequence[int],
        latent: int,
        low: Sequence[float],
        high: Sequence[float],
    ) -> None:
        super().__init__()
        self.channels, self.spatial, self.size = channels, tuple(spatial), latent
        ndim = len(self.spatial)
        self.encoder = Encoder(ndim, channels, widths, latent)
        self.denoiser = Denoiser(ndim, channels, widths, latent)
        factor = 2 ** (len(widths) - 1)
        self._margins = [side for size in reversed(self.spatial) for side in (0, -size % factor)]
        beside = [1] * ndim
        centre = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        reach = [(b - a) / 2 or 1.0 for a, b in zip(low, high, strict=True)]
        self.register_buffer("centre", torch.tensor(centre).reshape(1, -1, *beside), False)
        self.register_buffer("reach", torch.tensor(reach).reshape(1, -1, *beside), False)
        self.to(memory_format=LAYOUTS[ndim])

    def scaled(self, images: Tensor) -> Tensor:
        """Images from −1 to 1, their borders repeated until every level can halve them."""
        found = (images - self.centre) / self.reach
        return F.pad(found, self._margins, mode="replicate") if any(self._margins) else found

    def images(self, x: Tensor) -> Tensor:
        """The way back from `scaled`."""
        inside = (slice(None), slice(None), *(slice(size) for size in self.spatial))
        return x[inside] * self.reach + self.centre

    def latents(self, images: Tensor) -> Tensor:
        """(N, latent) what images mean."""
        return self.encoder(self.scaled(images))
