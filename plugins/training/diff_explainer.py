"""Trains the agent of a classifier, which shows counterfactual images the way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from esegeta import Course, Learner, Param, training

from .._diff_explainer import Agent, Codec, slices_of
from .._diffusion_net import DiffusionAutoencoder
from .._teacher import Teacher, teacher_of

Objective = Literal["l1", "l2", "kl"]


class AgentLearner(Learner):
    """The agent, taught by what the teacher makes of the same images."""

    def __init__(
        self, codec: Codec, teacher: Teacher, example: Tensor, objective: Objective, rate: float
    ) -> None:
        super().__init__()
        self.settings = {
            "latent": codec.network.size,
            "slices": slices_of(codec.case, codec.one),
            "features": list(teacher.features(example).shape[1:]),
            "head": teacher.head,
        }
        self.kept = Agent(**self.settings)
        # Neither is learnt, so neither belongs into the state: only what they answer is held.
        self._latents = codec.latents
        self._features, self._scores = teacher.features, teacher.scores
        self._objective, self._rate = objective, rate

    def read(self, images: Tensor) -> Tensor:
        """The latents of images, and the teacher's features: neither changes while the agent learns."""
        return torch.cat([self._latents(images), self._features(images).flatten(1)], 1)

    def begin(self, rows: Iterable[Tensor]) -> None:
        """Learn how latents are distributed."""
        total, mean, product = 0, torch.zeros(()), torch.zeros(())
        for part in rows:
            latents = (
                part[:, : self._width].unflatten(1, (-1, self.kept.size)).flatten(0, 1).double()
            )
            total += len(latents)
            mean, product = mean + latents.sum(0), product + latents.T @ latents
        mean, product = mean / total, product / total
        self.kept.heed(mean, product - mean[:, None] * mean)

    @property
    def _width(self) -> int:
        """Columns of a row that are latents."""
        return self.kept.linear.in_features

    def optimiser(self, steps: int) -> tuple[Optimizer, LRScheduler]:
        """Adam, with a rate that rises and falls once."""
        found = Adam(self.kept.parameters(), lr=self._rate)
        return found, OneCycleLR(found, self._rate, total_steps=steps)

    def losses(self, images: Tensor, labels: Tensor | None, step: int) -> dict[str, Tensor]:
        """How far the agent's features are from the teacher's, or what it says from what that says."""
        return {"loss": self._loss(*self._pair(images))}

    def measures(self, images: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """The same; how often both decide alike; how far their probabilities are apart."""
        told, taught = self._pair(images)
        one, other = self._scores(told), self._scores(taught)
        alike = (one.argmax(1) == other.argmax(1)).float().mean()
        return {"loss": self._loss(told, taught), "agreement": alike, "kl": divergence(other, one)}

    def _pair(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        told = self.kept(rows[:, : self._width])
        return told, rows[:, self._width :].reshape(told.shape)

    def _loss(self, told: Tensor, taught: Tensor) -> Tensor:
        if self._objective == "kl":
            return divergence(self._scores(taught), self._scores(told))
        return (F.l1_loss if self._objective == "l1" else F.mse_loss)(told, taught)


def divergence(taught: Tensor, told: Tensor) -> Tensor:
    """The mean Kullback–Leibler divergence of scores (N, classes) from those that are taught."""
    one, other = taught.log_softmax(1), told.log_softmax(1)
    return (one.exp() * (one - other)).sum(1).mean()


@training(
    paper="Fang et al., 2024 (DiffExplainer)",
    method="diff_explainer",
    base="diffusion_autoencoder",
    tasks=("classification",),
)
def train_agent(
    course: Course,
    *,
    head: Annotated[
        str,
        Param(
            help="The module that makes the model's scores of its last features; by default the linear "
            "layer that it ends with"
        ),
    ] = "",
    objective: Annotated[
        Objective,
        Param(
            help="What the agent learns: the teacher's features, by their mean absolute (l1) or squared "
            "(l2) difference, or its probabilities (kl)"
        ),
    ] = "l1",
    learning_rate: Annotated[float, Param(gt=0, help="The highest of the cycle, of Adam")] = 3e-3,
) -> Learner:
    """Learn to tell what a classifier makes of an image from the image's latent.

    The agent is a linear map from the latents of a diffusion autoencoder (which is trained before, without
    any classifier) to the features that the classifier's head takes; the head is the classifier's own, and
    frozen. Its slope is the way on which an image's meaning has to change for another decision. Latents and
    features are read once, before the first epoch, so a training takes seconds.

    A classifier of several slices (as channels, or a volume) has each slice encoded by the autoencoder of
    single ones; the agent sees their latents side by side. A head that is not linear may be named: the way
    then differs from image to image.
    """
    assert course.model is not None and course.network is not None, "it is for a model"  # noqa: PT018
    assert course.wrapper is not None and course.base is not None, "it builds on a base"  # noqa: PT018
    network = cast(DiffusionAutoencoder, course.base.network(DiffusionAutoencoder, course.device))
    voxels = math.prod(course.shape)
    example = torch.linspace(0, 1, voxels, device=course.device).reshape(1, *course.shape)
    teacher = teacher_of(course.model, course.network, course.wrapper, example, head)
    return AgentLearner(Codec(network, course.shape), teacher, example, objective, learning_rate)
