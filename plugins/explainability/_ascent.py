"""Gradient ascent on images, which the methods that make images share."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta import MethodError, Probe

#: How far images are moved at most while a unit looks at them: as parts of the sides, in degrees, and
#: as parts of the size (Olah et al., 2017, take about as much).
SHIFT, TURN, ZOOM = 1 / 16, 10.0, 0.1

#: The usual constants of Kingma & Ba.
MEMORY, SQUARES, TINY = 0.9, 0.999, 1e-8

#: Noise of this mean size is not made stronger.
LOUD = 1.0

Move = Callable[[Tensor], Tensor]


def ascend(
    unit: Probe,
    values: Tensor,
    update: Callable[[Tensor, Tensor], Tensor],
    *,
    steps: int,
    make: Move | None = None,
    move: Move | None = None,
) -> Tensor:
    """Climb: follow the gradient of a probe's score at images that are made of free values.

    Parameters
    ----------
    unit : Probe
        Whose score is to rise; each image's own.
    values : Tensor
        Where to start.
    update : callable
        ``update(values, gradient)`` gives the next values.
    make : callable, optional
        Makes images (N, C, *spatial) of values; without it they are the images.
    move : callable, optional
        Changes images before the probe sees them.
    """
    for _ in range(steps):
        with torch.inference_mode(False), torch.enable_grad():
            leaf = values.clone().requires_grad_()
            images = leaf if make is None else make(leaf)
            images = images if move is None else move(images)
            (gradient,) = torch.autograd.grad(images, leaf, unit.gradient(images.detach()))
        values = update(values, gradient)
    return values


def risen(unit: Probe, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """The scores (N,) of images after an ascent, and in which the score is above that of its beginning.

    Raises
    ------
    MethodError
        If no score has risen.
    """
    before, after = unit.score(first), unit.score(last)
    if not (after > before).any():
        raise MethodError(
            f"Gradient ascent raised nothing: the score went from {float(before[0]):g} to "
            f"{float(after[0]):g}. What was asked for does not answer to such images, or the steps are "
            "too few or too long."
        )
    return after, after > before


class Adam:
    """Steps upwards of a length that does not depend on the gradient's (Kingma & Ba, ICLR 2015).

    An image without any gradient, because a rectified unit is silent, gets its values doubled, as long as
    they are small: stronger noise may wake the unit.

    Parameters
    ----------
    rate : float
        Length of a step in each value, at first.
    steps : int, optional
        Number of steps over which the length falls to zero along a cosine; without it, it stays.
    """

    def __init__(self, rate: float, steps: int | None = None) -> None:
        self.rate = rate
        self.steps = steps
        self.taken = 0
        self._mean: Tensor | float = 0.0
        self._square: Tensor | float = 0.0

    def __call__(self, values: Tensor, gradient: Tensor) -> Tensor:
        """The next values."""
        falling = (
            1.0 if self.steps is None else 0.5 + 0.5 * math.cos(math.pi * self.taken / self.steps)
        )
        self.taken += 1
        self._mean = MEMORY * self._mean + (1 - MEMORY) * gradient
        self._square = SQUARES * self._square + (1 - SQUARES) * gradient.square()
        mean = self._mean / (1 - MEMORY**self.taken)
        square = self._square / (1 - SQUARES**self.taken)
        ahead = values + self.rate * falling * mean / (square.sqrt() + TINY)
        silent = ~gradient.flatten(1).any(1) & (values.flatten(1).abs().mean(1) < LOUD)
        return torch.where(silent.reshape(-1, *[1] * (values.dim() - 1)), 2 * values, ahead)


def rolled(rng: torch.Generator, part: float = 1.0) -> Move:
    """Rolls images by a random offset each time, of up to a part of each side either way."""

    def move(images: Tensor) -> Tensor:
        axes = tuple(range(2, images.dim()))
        reach = [max(1, int(part * size)) for size in images.shape[2:]]
        shifts = [int(torch.randint(-far, far + 1, (1,), generator=rng)) for far in reach]
        return images.roll(shifts, axes)

    return move


def shaken(rng: torch.Generator, strength: float) -> Move | None:
    """Shifts, turns and zooms images at random each time, all of a batch alike; None for no strength.

    Turns are about any axis. What comes in from outside is the image reflected.
    """
    if strength == 0:
        return None
    shift = rolled(rng, strength * SHIFT)

    def move(images: Tensor) -> Tensor:
        ndim = images.dim() - 2
        angle = math.radians(TURN) * strength
        turn = (2 * torch.rand((ndim, ndim), generator=rng, dtype=torch.float64) - 1) * angle
        zoom = 1 + ZOOM * strength * (2 * float(torch.rand(1, generator=rng)) - 1)
        matrix = torch.linalg.matrix_exp(turn.triu(1) - turn.triu(1).T) / max(zoom, ZOOM)
        # The grid's coordinates begin with the last axis, and go from −1 to 1 whatever its length.
        sides = torch.tensor(images.shape[:1:-1], dtype=torch.float64)
        matrix = matrix * sides / sides[:, None]
        affine = torch.cat([matrix, torch.zeros(ndim, 1)], 1).to(images)[None]
        grid = F.affine_grid(affine, [1, 1, *images.shape[2:]], align_corners=False)
        grid = grid.expand(len(images), *grid.shape[1:])
        return F.grid_sample(shift(images), grid, padding_mode="reflection", align_corners=False)

    return move
