"""How questions are put to the model: what is asked first, what is remembered, what is batched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe.backward import Answer, NotDifferentiable, differentiate
from esegeta.probe.batches import Batches, Dependent
from esegeta.probe.capture import Capture
from esegeta.probe.network import HALF, Network
from esegeta.probe.objective import Objective
from esegeta.probe.rules import Rule


class Questions:
    """Asks one model about one image, through one objective.

    Parameters
    ----------
    network : Network
    objective : Objective
        What the score is read from.
    image : Tensor
        (1, C, *spatial), the unperturbed image.
    batches : Batches
    layers : iterable of str
        Every layer that will be asked about, so that one pass answers them all.
    image_gradient : bool
        Whether the shared pass goes back to the image, or to the layers only.

    Attributes
    ----------
    progress : callable or None
        Called after every batch.
    one_by_one : bool
        Whether the images of a batch influence each other in this model, so that it gets them singly.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        image: Tensor,
        batches: Batches,
        *,
        layers: Iterable[str] = (),
        image_gradient: bool = True,
    ) -> None:
        self.network = network
        self.objective = objective
        self.image = image
        self.batches = batches
        self.layers = tuple(layers)
        self.image_gradient = image_gradient
        self.progress: Callable[[], None] | None = None
        self.one_by_one = False
        self._answers: dict[Rule, Answer] = {}
        self._scores: Tensor | None = None
        self._first: float | None = None
        self._independent = False
        # Half precision rounds a batch and an image alone differently.
        half = network.amp is not None or network.dtype in HALF
        self._tolerance = 0.05 if half else 1e-3

    def about(self, objective: Objective) -> Questions:
        """The same model and image, asked for something else."""
        other = Questions(self.network, objective, self.image, self.batches)
        other.progress = self.progress
        return other

    @property
    def value(self) -> float:
        """The number explained, for the image itself."""
        if "plain" in self._answers:
            return float(self._answers["plain"].scores[0])
        return float(self.own_scores()[0, self.objective.index])

    def freeze(self) -> None:
        """Let the unperturbed image pass first: the target's mask and class are chosen on it."""
        if not self.objective.ready:
            self.own_scores()

    def own_scores(self) -> Tensor:
        """(1, K) the scores of the image itself, remembered."""
        if self._scores is None:
            with self.network.borrowed(), torch.no_grad():
                self._scores = self.objective.scores(self.network, self.image)
            self._require_same(float(self._scores[0, self.objective.index]))
            self._tick()
        return self._scores

    def answer(self, place: str | None, rule: Rule) -> Answer:
        """What one pass tells of the image under a rule; remembered.

        The first question under the plain rule answers every place that was announced. Other rules
        are mostly asked of the image alone, so they answer a layer only when it is asked.

        Parameters
        ----------
        place : str or None
            A layer's address, or None for the image.
        """
        known = self._answers.get(rule)
        if known is not None and place in known.gradients:
            return known
        layers = () if place is None else (place,)
        image = place is None
        if known is None and rule == "plain":
            layers = tuple(dict.fromkeys((*layers, *self.layers)))
            image = image or self.image_gradient
        answer = differentiate(
            self.network, self.objective, self.image, layers=layers, image=image, rule=rule
        )
        self._tick()
        self._require_same(float(answer.scores[0]))
        self._answers.setdefault(rule, answer).merge(answer)
        return self._answers[rule]

    def activation(self, layer: str) -> Tensor:
        """What a layer returns for the image, from the shared pass where there is one."""
        known = self._answers.get("plain")
        if known is None or layer not in known.activations:
            try:
                known = self.answer(layer, "plain")
            except NotDifferentiable:  # an activation needs no gradient
                capture = Capture(self.network.module, [layer])
                with self.network.borrowed(), torch.no_grad(), capture:
                    self.objective.scores(self.network, self.image)
                return capture.output(layer)
        return known.activations[layer]

    def scores(self, count: int, images: Callable[[int, int], Tensor]) -> Tensor:
        """(N, K) scores of ``count`` images, which are made as they are needed, forward only."""
        self.freeze()

        def ask(start: int, stop: int) -> Tensor:
            batch = images(start, stop)
            scores = self.objective.scores(self.network, batch)
            self._require_independent(batch, scores[:, self.objective.index])
            return scores

        # Not inference mode: a model may keep what it computes on first use, for its next training.
        with self.network.borrowed(), torch.no_grad():
            return torch.cat(list(self._ticking(self.batches.run(count, ask))))

    def gradients(self, images: Tensor, rule: Rule) -> Tensor:
        """The gradient of each image's own score, of the images' shape (N, C, *spatial)."""
        self.freeze()

        def ask(start: int, stop: int) -> Tensor:
            batch = images[start:stop]
            answer = differentiate(self.network, self.objective, batch, rule=rule)
            self._require_independent(batch, answer.scores)
            return answer.gradient(None)

        return torch.cat(list(self._ticking(self.batches.run(len(images), ask, backward=True))))

    def chunks(self, count: int, *, backward: bool) -> Iterator[slice]:
        """Ranges of images that a method makes at a time: a batch each."""
        self.freeze()
        size = self.batches.size(backward=backward)
        for start in range(0, count, size):
            yield slice(start, min(count, start + size))

    def _require_same(self, value: float) -> None:
        """Refuse a model that gives the same image another score each time.

        Raises
        ------
        MethodError
            If it does: there is no one number to explain.
        """
        first = self._first = value if self._first is None else self._first
        if abs(value - first) > self._tolerance * max(abs(value), abs(first)):
            raise MethodError(
                f"The model gives the same image another score each time ({first:g}, then {value:g}); "
                "take its randomness away (dropout, noise) before explaining it."
            )

    def _require_independent(self, images: Tensor, scores: Tensor) -> None:
        """Prove on the first batch that images do not influence each other, or go one by one.

        Raises
        ------
        Dependent
            If the first image has another score alone; the batch has to be asked again.
        """
        if self._independent or len(images) == 1:
            return
        with self.network.borrowed(), torch.no_grad():
            alone = self.objective.scores(self.network, images[:1])
        self._independent = True
        difference = float((alone[0, self.objective.index] - scores[0]).abs())
        if not difference <= self._tolerance * float(alone.abs().max()):
            self.one_by_one = True
            raise Dependent

    def _ticking(self, answers: Iterator[Any]) -> Iterator[Any]:
        for answer in answers:
            self._tick()
            yield answer

    def _tick(self) -> None:
        if self.progress is not None:
            self.progress()
