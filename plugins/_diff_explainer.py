"""What DiffExplainer is made of: slices of a case, their codes, the agent, and the ways it points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from esegeta import Artifact, MethodError, Probe

from ._diffusion import decoded, inverted
from ._diffusion_net import DiffusionAutoencoder
from ._teacher import Teacher

LEAST = 1e-7
"""Of the largest variance of latents: what varies less counts as rounding."""
AT_ONCE = 2**18
"""Voxels that are decoded in one batch."""

Scores = Callable[[Tensor], Tensor]
"""The teacher's class scores (N, classes) of its features."""


def slices_of(case: Sequence[int], one: Sequence[int]) -> int:
    """How many slices of shape ``one`` (c, *spatial) a case (C, *spatial) is made of.

    They are the case itself, its channels, or what lies along a volume's first axis.

    Raises
    ------
    MethodError
        If it is not made of such slices.
    """
    case, one = tuple(case), tuple(one)
    if case == one:
        return 1
    if case[1:] == one[1:] and case[0] % one[0] == 0:
        return case[0] // one[0]
    if len(case) == 4 and len(one) == 3 and (case[0], *case[2:]) == one:
        return case[1]
    raise MethodError(
        f"the autoencoder was trained on images of shape {one}; one of shape {case} is neither such an "
        "image, nor a stack of them (as channels, or along the first axis of a volume)"
    )


def cut(cases: Tensor, one: Sequence[int]) -> Tensor:
    """(N · m, c, *spatial) the slices of cases (N, C, *spatial), those of a case side by side."""
    if cases.dim() - 1 > len(one):
        cases = cases.transpose(1, 2)
    return cases.reshape(-1, *one)


def joined(slices: Tensor, case: Sequence[int]) -> Tensor:
    """(N, C, *spatial) the cases that were `cut`."""
    if len(case) < slices.dim():
        return slices.reshape(-1, *case)
    return slices.reshape(-1, case[1], case[0], *case[2:]).transpose(1, 2)


class Agent(nn.Module):
    """From latents to the teacher's features, by one linear map.

    Numbers of a latent say the same again and again, so the way on which they change is told in their own
    terms: they are made independent, of variance one, before they are mapped. A step of length one is
    then a standard deviation of what is found in images, in whatever direction; a gradient towards the
    latents as they are would leave what the decoder knows.

    Parameters
    ----------
    latent : int
        Numbers in the latent of a slice.
    slices : int
        In a case.
    features : sequence of int
        Shape of the features that the teacher's head takes.
    head : str
        The teacher's module that makes its scores of them.
    """

    mean: Tensor
    whiten: Tensor
    colour: Tensor

    def __init__(self, latent: int, slices: int, features: Sequence[int], head: str) -> None:
        super().__init__()
        self.size, self.shape, self.head = latent, tuple(features), head
        self.linear = nn.Linear(slices * latent, math.prod(features))
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("whiten", torch.eye(latent))
        self.register_buffer("colour", torch.eye(latent))

    def forward(self, latents: Tensor) -> Tensor:
        """Features (N, …) of latents (N, slices · latent)."""
        return self.linear(self.independent(latents)).reshape(-1, *self.shape)

    def independent(self, latents: Tensor) -> Tensor:
        """(N, slices · latent) independent numbers of variance one."""
        return ((latents.unflatten(1, (-1, self.size)) - self.mean) @ self.whiten).flatten(1)

    def step(self, independent: Tensor) -> Tensor:
        """(N, slices · latent) how latents change where the independent numbers change so."""
        return (independent.unflatten(1, (-1, self.size)) @ self.colour).flatten(1)

    def slope(self, latents: Tensor) -> Tensor:
        """(N, slices · latent) the slope towards the independent numbers, of one towards the latents."""
        return (latents.unflatten(1, (-1, self.size)) @ self.colour.T).flatten(1)

    @torch.no_grad()
    def heed(self, mean: Tensor, covariance: Tensor) -> None:
        """Learn how the latents (latent,) of slices are distributed; what hardly varies is left out."""
        values, vectors = torch.linalg.eigh(covariance.double())
        spread = values.clamp(0).sqrt()
        varies = values > LEAST * values[-1]
        inverse = torch.where(varies, 1 / spread.clamp(1e-12), 0.0)
        self.mean.copy_(mean)
        self.whiten.copy_(vectors * inverse)
        self.colour.copy_((vectors * torch.where(varies, spread, 0.0)).T)


@dataclass(frozen=True, eq=False)
class Codec:
    """Cases to codes and back.

    Parameters
    ----------
    network : DiffusionAutoencoder
    case : tuple of int
        (C, *spatial) of a case.
    steps : int
        From image to noise, and back.
    """

    network: DiffusionAutoencoder
    case: tuple[int, ...]
    steps: int = 50

    @property
    def one(self) -> tuple[int, ...]:
        """(c, *spatial) of a slice."""
        return self.network.channels, *self.network.spatial

    def scaled(self, cases: Tensor) -> Tensor:
        """The slices of cases, as they are diffused."""
        return self.network.scaled(cut(cases, self.one))

    @torch.no_grad()
    def latents(self, cases: Tensor) -> Tensor:
        """(N, latent) what cases (N, C, *spatial) mean, the latents of their slices side by side."""
        return self.network.latents(cut(cases, self.one)).reshape(len(cases), -1)

    def noise(self, cases: Tensor, latents: Tensor) -> Tensor:
        """x_T of cases: what is left of them beside what they mean, (N · m, …)."""
        return self._along(partial(inverted, steps=self.steps), self.scaled(cases), latents)

    def decode(self, noise: Tensor, latents: Tensor) -> Tensor:
        """Cases (N, C, *spatial) of latents (N, latent) and x_T (N · m, …)."""
        found = self._along(partial(decoded, steps=self.steps), noise, latents)
        return joined(self.network.images(found), self.case)

    def _along(self, way: Callable[..., Tensor], x: Tensor, latents: Tensor) -> Tensor:
        """Take slices from image to noise, or back, in batches."""
        each = latents.reshape(len(x), self.network.size)
        batch = max(1, AT_ONCE // x[0].numel())
        return torch.cat(
            [
                way(part, lambda at, time, known=known: self.network.denoiser(at, time, known))
                for part, known in zip(x.split(batch), each.split(batch), strict=True)
            ]
        )


def sweep(
    codec: Codec, noise: Tensor, latents: Tensor, ways: Tensor, positions: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Decode cases as they are and moved along ways, all in the same batches.

    Parameters
    ----------
    noise : Tensor
        (N · m, …) x_T.
    latents : Tensor
        (N, latent).
    ways : Tensor
        (N, R, latent) a step of one.
    positions : sequence of float
        How far; nothing is moved to 0.

    Returns
    -------
    Tensor, Tensor
        (N, C, *spatial) and (N, R, A, C, *spatial), of A positions other than 0.
    """
    moved = [at for at in positions if at]
    far = torch.tensor(moved, dtype=latents.dtype, device=latents.device)[:, None]
    codes = latents[:, None, None] + far * ways[:, :, None]
    every = torch.cat([latents[:, None], codes.flatten(1, 2)], 1)
    count = every.shape[1]
    again = noise.unflatten(0, (len(latents), -1)).repeat_interleave(count, 0).flatten(0, 1)
    images = codec.decode(again, every.flatten(0, 1)).unflatten(0, (len(latents), count))
    return images[:, 0], images[:, 1:].unflatten(1, (-1, len(moved)))


def with_origin(origin: Tensor, moved: Tensor, positions: Sequence[float]) -> Tensor:
    """(N, R, A + 1, …) what a `sweep` gives, or is said of it, at rising positions, 0 among them."""
    before = sum(at < 0 for at in positions)
    middle = origin[:, None, None].expand(-1, moved.shape[1], *[-1] * (moved.dim() - 2))
    return torch.cat([moved[:, :, :before], middle, moved[:, :, before:]], 2)


def psnr(codec: Codec, one: Tensor, other: Tensor) -> Tensor:
    """(N,) how alike cases are, in dB of the range that the autoencoder knows."""
    error = (codec.scaled(one) - codec.scaled(other)).unflatten(0, (len(one), -1))
    return 10 * torch.log10(4 / error.square().flatten(1).mean(1).clamp(1e-12))


def margin(scores: Tensor, index: int) -> Tensor:
    """(N,) how far a class is ahead: its log-odds against all others, of scores (N, classes)."""
    others = torch.cat([scores[:, :index], scores[:, index + 1 :]], 1)
    return scores[:, index] - others.logsumexp(1)


def direction(agent: Agent, scores: Scores, latents: Tensor, index: int) -> Tensor:
    """(N, latent) the way on which the agent's margin of a class grows fastest, a deviation long.

    Raises
    ------
    MethodError
        Where it grows on none.
    """
    with torch.enable_grad():
        at = latents.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(margin(scores(agent(at)), index).sum(), at)
    slope = agent.slope(slope)
    length = slope.norm(dim=1, keepdim=True)
    if not (length > 0).all():
        raise MethodError(
            f"the agent's margin of class {index} has no slope: it would be the same for every image"
        )
    return agent.step(slope / length)


@dataclass(frozen=True, eq=False)
class Explainer:
    """A trained agent with the model that it was trained for, and what makes images of latents.

    Parameters
    ----------
    teacher : Teacher
    agent : Agent
    codec : Codec
    """

    teacher: Teacher
    agent: Agent
    codec: Codec

    @classmethod
    def of(cls, probe: Probe, artifact: Artifact, steps: int) -> Explainer:
        """Open what was trained for a probe's model."""
        device = probe.image.device
        network = cast(DiffusionAutoencoder, artifact.base.network(DiffusionAutoencoder, device))
        agent = cast(Agent, artifact.network(Agent, device))
        teacher = Teacher(probe.model, probe.network, probe.target.wrapper, agent.head)
        return cls(teacher, agent, Codec(network, tuple(probe.image.shape[1:]), steps))

    def ways(self, latents: Tensor, index: int) -> Tensor:
        """(N, latent) the `direction` of a class."""
        return direction(self.agent, self.teacher.scores, latents, index)

    @torch.no_grad()
    def told(self, latents: Tensor) -> Tensor:
        """(N, classes) the agent's probabilities."""
        return self.teacher.scores(self.agent(latents)).softmax(1)


def turning(positions: Sequence[float], predicted: Sequence[int], index: int) -> float | None:
    """The position nearest to 0 where the decision changes: to a class, or away from it.

    Parameters
    ----------
    predicted : sequence of int
        What is predicted at each position.
    """
    own = predicted[list(positions).index(0)] == index
    found = [
        at
        for at, now in zip(positions, predicted, strict=True)
        if (at < 0 and now != index if own else at > 0 and now == index)
    ]
    return min(found, key=abs, default=None)
