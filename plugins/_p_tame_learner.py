"""The attention of P-TAME in training, and before it the auxiliary network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from esegeta import Course, Learner, MethodError, resample

from ._p_tame import build
from ._p_tame_losses import Fidelity, Weights, area, masked, subset, unfaithful, variation

#: The usual one-cycle schedule (Smith & Topin, 2018): which part of it rises, and how far below its peak
#: the learning rate begins, and ends below that.
RISE, BEGINS, ENDS = 0.3, 25, 1e4


class PTameLearner(Learner):
    """The attention in training, and before it the auxiliary network.

    Parameters
    ----------
    course : Course
    settings : dict
        Of `build`.
    weights : Weights
        Of the loss's terms.
    power : float
        Of the maps in the area.
    fidelity : {"cross_entropy", "drop"}
    segments : bool
        Whether the model is a segmentation network.
    truth : int, optional
        The class that every image is taken for; without, the predicted one.
    rates : (float, float)
        Learning rate and weight decay.
    teaching : int
        Steps for which the auxiliary network learns what the model says.
    """

    steps_done: Tensor

    def __init__(
        self,
        course: Course,
        settings: dict[str, Any],
        *,
        weights: Weights,
        power: float,
        fidelity: Fidelity,
        segments: bool,
        truth: int | None,
        rates: tuple[float, float],
        teaching: int,
    ) -> None:
        super().__init__()
        self.course, self.settings = course, settings
        self.weights, self.power, self.fidelity = weights, power, fidelity
        self.segments, self.truth = segments, truth
        self.rates, self.teaching = rates, teaching
        self.kept = build(**settings)
        self.head = nn.Linear(self.kept.attention.widths[-1], course.classes) if teaching else None
        self.register_buffer("steps_done", torch.zeros((), dtype=torch.int64))

    def optimiser(self, steps: int) -> tuple[Optimizer, LRScheduler | None]:
        """AdamW, a cycle for the auxiliary network and then one for the attention."""
        rate, decay = self.rates
        taught = self.teaching
        groups: list[dict[str, Any]] = [{"params": list(self.kept.attention.parameters())}]
        cycles = [lambda step: one_cycle(step - taught, steps - taught)]
        if self.head is not None:
            assert self.kept.auxiliary is not None, "it has a head"
            groups.append({"params": [*self.kept.auxiliary.parameters(), *self.head.parameters()]})
            cycles.append(lambda step: one_cycle(step, taught))
        optimiser = AdamW(groups, lr=rate, weight_decay=decay)
        return optimiser, LambdaLR(optimiser, cycles)

    def losses(self, images: Tensor, labels: Tensor | None, step: int) -> dict[str, Tensor]:
        """What the auxiliary network misses of the model; once it is taught, what the maps miss."""
        self.steps_done.fill_(step)
        teaching = step < self.teaching
        if self.kept.auxiliary is not None:
            self.kept.auxiliary.train(teaching)  # its norms stay as they are once it is frozen
        with torch.no_grad():
            scores, features = self._looked_at(images, own=not teaching)
        if teaching:
            missed = self._missed(images, scores)
            return {"loss": missed, "distillation": missed}
        found = self._explained(images, scores, features)
        self.kept.learnt += torch.bincount(self._truth(scores), minlength=self.course.classes)
        return found

    def measures(self, images: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """What the maps miss; while the auxiliary network is taught, with what that misses added.

        So it falls while only that learns, and an early stop waits for the maps.
        """
        scores, features = self._looked_at(images, own=True)
        found = self._explained(images, scores, features)
        if int(self.steps_done) < self.teaching:
            missed = self._missed(images, scores)
            found |= {"loss": found["loss"] + missed, "distillation": missed}
        return found

    def _looked_at(self, images: Tensor, *, own: bool) -> tuple[Tensor, Sequence[Tensor]]:
        """The model's scores (N, classes), and the features that are combined, where they are wanted."""
        names = self.settings.get("layers", ())
        with tapped(self.course.model, names) as found:
            scores = self.course.scores(images)
        if names or not own:
            return scores, grids(found, names, self.course.ndim)
        assert self.kept.auxiliary is not None, "without layers there is one"
        return scores, self.kept.auxiliary(images)

    def _truth(self, scores: Tensor) -> Tensor:
        """(N,) the class each image is taken for.

        As the target's "predicted": in a segmentation the background only where there is nothing else.
        """
        if self.truth is not None:
            return torch.full_like(scores[:, 0], self.truth).long()
        if not self.segments:
            return scores.argmax(1)
        others = scores[:, 1:]  # those that are absent are zero
        found = others.where(others != 0, -torch.inf).argmax(1) + 1
        return found.where((others != 0).any(1), 0)

    def _missed(self, images: Tensor, scores: Tensor) -> Tensor:
        """How far the auxiliary network is from saying what the model says."""
        assert self.kept.auxiliary is not None, "it is taught"
        assert self.head is not None, "it is taught"
        said = self.head(self.kept.auxiliary(images)[-1].flatten(2).mean(2))
        if self.fidelity == "cross_entropy":
            return F.kl_div(
                said.log_softmax(1), scores.log_softmax(1), log_target=True, reduction="batchmean"
            )
        # Sums over voxels differ by orders of magnitude.
        return F.mse_loss(said, scores.sign() * scores.abs().log1p())

    def _explained(
        self, images: Tensor, scores: Tensor, features: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        truth = self._truth(scores)
        chosen = subset(truth)
        maps = self.kept.attention(features, chosen.classes).float().sigmoid()
        own = maps[torch.arange(len(maps), device=maps.device), chosen.own][:, None]
        seen = masked(images, resample(own, images.shape[2:]), self.course.low)
        terms = (
            unfaithful(self.course.scores(seen, images), scores, truth, self.fidelity),
            area(maps, chosen.shares, self.power),
            variation(maps, chosen.shares),
        )
        loss = sum(w * term for w, term in zip(self.weights, terms, strict=True))
        return {"loss": loss, **dict(zip((self.fidelity, "area", "variation"), terms, strict=True))}


def one_cycle(step: int, steps: int) -> float:
    """Which part of its peak the learning rate is at a step of so many; outside of them nothing."""
    if not 0 <= step < steps:
        return 0.0
    peak, last = RISE * steps - 1, steps - 1
    if step <= peak:
        return _cosine(1 / BEGINS, 1, step / peak if peak else 1)
    return _cosine(1, 1 / BEGINS / ENDS, (step - peak) / (last - peak))


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


@contextmanager
def tapped(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What layers of a model return while it runs, at their first call."""
    found: dict[str, Any] = {}

    def keeping(name: str) -> Callable[[nn.Module, Any, Any], None]:
        # (A copy: later layers may work in place.)
        return lambda module, given, output: (
            None if name in found else found.update({name: _copied(output)})
        )

    handles = [model.get_submodule(name).register_forward_hook(keeping(name)) for name in names]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _copied(output: Any) -> Any:
    return output.detach().clone() if isinstance(output, Tensor) else output


def grids(found: Mapping[str, Any], names: Sequence[str], ndim: int) -> list[Tensor]:
    """The features (N, K, *grid) among what layers returned.

    Raises
    ------
    MethodError
        If one is none.
    """
    for name in names:
        if not isinstance(found[name], Tensor) or found[name].dim() != ndim + 2:
            raise MethodError(f"The layer {name!r} has no grid, which T-TAME needs; name others")
    return [found[name].float() for name in names]
