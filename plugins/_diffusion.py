"""Deterministic diffusion (DDIM) there and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

TIMES = 1000
"""Steps of the noise that is learnt."""

Noise = Callable[[Tensor, Tensor], Tensor]
"""The noise in scaled images, at times (N,)."""


@cache
def _kept() -> Tensor:
    return (1 - torch.linspace(1e-4, 0.02, TIMES, dtype=torch.float64)).cumprod(0)


def kept(times: Tensor, like: Tensor) -> Tensor:
    """(N, 1, …) ᾱ: the share of the image, squared, in what it is at each of the times (N,)."""
    return _kept().to(times.device)[times].to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def noised(x: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """What images are at times (N,) under this noise."""
    share = kept(times, x)
    return share.sqrt() * x + (1 - share).sqrt() * noise


def _ladder(steps: int) -> list[tuple[int, float, float]]:
    """From the image on: the time of a step, ᾱ there, and ᾱ before."""
    times = torch.linspace(0, TIMES - 1, steps).round().long()
    shares = _kept()[times].tolist()
    return list(zip(times.tolist(), shares, [1.0, *shares[:-1]], strict=True))


@torch.no_grad()
def inverted(x: Tensor, noise: Noise, steps: int, again: int = 1) -> Tensor:
    """x_T: that noise which `decoded` makes these images of.

    Each step backwards has to know the noise where it leads; a first guess takes that of where it is.

    Parameters
    ----------
    again : int
        How often the guess is mended.
    """
    for time, share, before in _ladder(steps):
        scale = (before / share) ** 0.5
        weight = (1 - before) ** 0.5 - scale * (1 - share) ** 0.5
        at = x.new_full((len(x),), time, dtype=torch.int64)
        found = x
        for _ in range(1 + again):
            found = (x - weight * noise(found, at)) / scale
        x = found
    return x


@torch.no_grad()
def decoded(x: Tensor, noise: Noise, steps: int) -> Tensor:
    """The scaled images that noise x_T becomes.

    Only the last is cut to the range: cut at every step, as samplers do, the way down would be another
    than that up, and images that touch the ends of their range would come back changed.
    """
    for time, share, before in reversed(_ladder(steps)):
        told = noise(x, x.new_full((len(x),), time, dtype=torch.int64))
        image = (x - (1 - share) ** 0.5 * told) / share**0.5
        x = before**0.5 * image + (1 - before) ** 0.5 * told
    return x.clamp(-1, 1)
