"""How questions are put to the model: what is asked first, what is remembered, what is batched."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe import backward, pull
from esegeta.probe.backward import Answer, Begun, NotDifferentiable
from esegeta.probe.batches import Batches, Dependent
from esegeta.probe.checkpoint import Checkpoint, Sums
from esegeta.probe.network import Network
from esegeta.probe.objective import Objective
from esegeta.probe.patches import PatchedNetwork
from esegeta.probe.rules import Rule

Asking = TypeVar("Asking", bound="Questions")


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
    checkpoint : Checkpoint or None
        Where the present method's answers are kept; those of an image in patches are dear.
    together : callable or None
        Answers for this image what it asks of itself, where it passes in the company of others.
    one_by_one : bool
        Whether the images of a batch influence each other in this model, so that it gets them singly.
    """

    def __init__(
        self,
        network: Network | PatchedNetwork,
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
        self.checkpoint: Checkpoint | None = None
        self.together: Callable[[tuple[str, ...], bool, Rule], Answer] | None = None
        self.one_by_one = False
        self._answers: dict[Rule, Answer] = {}
        self._begun: Begun | None = None
        self._scores: Tensor | None = None
        self._first: float | None = None
        self._independent = False

    def about(self: Asking, objective: Objective) -> Asking:
        """The same model and image, asked for something else."""
        other = type(self)(self.network, objective, self.image, self.batches)
        other.progress, other.checkpoint = self.progress, self.checkpoint
        return other

    @property
    def value(self) -> float:
        """The number explained, for the image itself."""
        if "plain" in self._answers:
            return float(self._answers["plain"].scores[0])
        if self._first is not None:  # some question has told it on the way
            return self._first
        return float(self.own_scores()[0, self.objective.index])

    def freeze(self) -> None:
        """Let the unperturbed image pass first: the target's mask and class are chosen on it."""
        self._begun = None  # other images come, which need the memory of its graph
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
        layers, image = self._announced(place, rule)
        # Not numbered: whether it is asked depends on the methods before.
        asked = "own-" + hashlib.sha256(repr((rule, layers, image)).encode()).hexdigest()[:16]
        begun, self._begun = self._begun, None
        if begun is not None and rule == "plain" and place in begun.places:
            assert isinstance(self.network, Network)
            answer = begun.finish(self.network)
        elif self.together is not None:
            answer = self.together(layers, image, rule)
        else:
            answer = self._differentiate(asked, self.image, layers=layers, image=image, rule=rule)
        self._tick()
        self._require_same(float(answer.scores[0]))
        self._answers.setdefault(rule, answer).merge(answer)
        return self._answers[rule]

    def _announced(self, place: str | None, rule: Rule) -> tuple[tuple[str, ...], bool]:
        """The layers that the pass for a place answers, and whether it answers the image."""
        layers = () if place is None else (place,)
        if rule in self._answers or rule != "plain":
            return layers, place is None
        return tuple(dict.fromkeys((*layers, *self.layers))), place is None or self.image_gradient

    def activation(self, layer: str) -> Tensor:
        """What a layer returns for the image, from the shared pass where there is one.

        Else that pass is begun: it goes back when the first gradient is asked, if one is.
        """
        known = self._answers.get("plain")
        if known is not None and layer in known.activations:
            return known.activations[layer]
        if isinstance(self.network, Network):
            return self._passed_forward(self.network, layer).places[layer].detach()
        try:
            return self.answer(layer, "plain").activations[layer]
        except NotDifferentiable:  # an activation needs no gradient
            with self.network.borrowed(), torch.no_grad():
                return self.network.reach(self.image, layer)

    def _passed_forward(self, network: Network, layer: str) -> Begun:
        """The shared pass, begun."""
        if self._begun is None or layer not in self._begun.places:
            layers, image = self._announced(layer, "plain")
            self._begun = backward.begin(
                network, self.objective, self.image, layers=layers, image=image
            )
            self._tick()
            self._require_same(float(self._begun.scores[0].detach()))
        return self._begun

    def scores(
        self, count: int, images: Callable[[int, int], Tensor], *, every: bool = True
    ) -> Tensor:
        """(N, K) scores of ``count`` images, which are made as they are needed, forward only.

        Parameters
        ----------
        every : bool
            Whether all columns are wanted, or only the one that is explained.
        """
        self.freeze()
        mask = None if every else self.objective.mask

        def ask(start: int, stop: int) -> Tensor:
            batch, objective = images(start, stop), self.objective.among(start)
            scores = objective.scores(self.network, batch)
            self._require_independent(batch, scores[:, objective.index], objective)
            return scores

        # Not inference mode: a model may keep what it computes on first use, for its next training.
        with self.network.borrowed(), torch.no_grad(), self.network.looking_at(mask):
            if self.checkpoint is None:
                return torch.cat(list(self._ticking(self.batches.run(count, ask))))
            question = self.checkpoint.question()
            known = self.checkpoint.scores(question)[:count]
            answers = [torch.tensor([row]).to(self.image) for row in known]
            more = self.batches.run(
                count - len(known), lambda a, b: ask(*(n + len(known) for n in (a, b)))
            )
            for scores in self._ticking(more):
                self.checkpoint.add_scores(question, scores)
                answers.append(scores)
            return torch.cat(answers)

    def gradients(self, images: Tensor, rule: Rule) -> Tensor:
        """The gradient of each image's own score, of the images' shape (N, C, *spatial)."""
        self.freeze()
        asked = "" if self.checkpoint is None else self.checkpoint.question()

        def ask(start: int, stop: int) -> Tensor:
            batch, objective = images[start:stop], self.objective.among(start)
            answer = self._differentiate(f"{asked}-{start}", batch, objective, rule=rule)
            self._require_independent(batch, answer.scores, objective)
            return answer.gradient(None)

        return torch.cat(list(self._ticking(self.batches.run(len(images), ask, backward=True))))

    def each(self, images: Tensor, layers: Sequence[str], image: bool, rule: Rule) -> list[Answer]:
        """What one pass tells of each of images (N, C, *spatial), at layers and at the image."""
        self.freeze()

        def ask(start: int, stop: int) -> list[Answer]:
            batch = images[start:stop]
            answer = self._differentiate("", batch, layers=layers, image=image, rule=rule)
            self._require_independent(batch, answer.scores)
            return answer.each()

        answers = self._ticking(self.batches.run(len(images), ask, backward=True))
        return [one for batch in answers for one in batch]

    def ablated(self, layer: str, channels: Tensor) -> Tensor:
        """(N,) the score of the image where one channel (N,) each of a layer is set to zero."""
        self.freeze()

        def ask(start: int, stop: int) -> Tensor:
            chosen = channels[start:stop]
            images = self.image.expand(stop - start, *self.image.shape[1:])

            def change(output: Tensor) -> Tensor:
                # Of one image in patches, all of them lose the same channel.
                rows = chosen.expand(len(output)) if len(chosen) == 1 else chosen
                axis = self.network.channel_axis(output, self.image.shape[2:])
                kept = torch.ones((len(output), output.shape[axis]), device=output.device)
                kept[torch.arange(len(output)), rows.to(output.device)] = 0
                shape = [1] * output.dim()
                shape[0], shape[axis] = kept.shape
                return output * kept.reshape(shape).to(output.dtype)

            with self.network.editing(layer, change):
                return self.objective.scores(self.network, images)[:, self.objective.index]

        with self.network.borrowed(), torch.no_grad():
            return torch.cat(list(self._ticking(self.batches.run(len(channels), ask))))

    def at(self, images: Tensor, layer: str, rule: Rule) -> tuple[Tensor, Tensor]:
        """What a layer returns for images (N, C, *spatial), and the gradient of each one's score there."""
        self.freeze()
        asked = "" if self.checkpoint is None else self.checkpoint.question()

        def ask(start: int, stop: int) -> tuple[Tensor, Tensor]:
            batch = images[start:stop]
            answer = self._differentiate(
                f"{asked}-{start}", batch, layers=(layer,), image=False, rule=rule
            )
            self._require_independent(batch, answer.scores)
            return answer.activations[layer], answer.gradient(layer)

        answers = self._ticking(self.batches.run(len(images), ask, backward=True))
        values, gradients = zip(*answers, strict=True)
        return torch.cat(values), torch.cat(gradients)

    def _differentiate(
        self,
        asked: str,
        images: Tensor,
        objective: Objective | None = None,
        *,
        layers: Sequence[str] = (),
        image: bool = True,
        rule: Rule,
        network: Network | PatchedNetwork | None = None,
    ) -> Answer:
        """Take gradients, or give those that an earlier attempt has kept under this name."""
        objective, network = objective or self.objective, network or self.network
        if not isinstance(network, PatchedNetwork):
            return backward.differentiate(
                network, objective, images, layers=layers, image=image, rule=rule
            )
        kept = None if self.checkpoint is None else self.checkpoint.tensors(asked)
        if kept is not None:
            places = [*([None] if image else []), *layers]
            return Answer.of(
                {name: value.to(images.device) for name, value in kept.items()}, places
            )
        began = time.monotonic()
        sums = None if self.checkpoint is None else Sums(self.checkpoint, asked)
        answer = pull.differentiate(
            network, objective, images, layers=layers, image=image, rule=rule, sums=sums
        )
        if self.checkpoint is not None:
            self.checkpoint.keep(asked, answer.tensors(), time.monotonic() - began)
        return answer

    def at_once(self, *, backward: bool) -> int:
        """How many images may pass at once, for a library that makes batches itself.

        One, where the images of a batch influence each other.
        """
        self.freeze()
        size = self.batches.size(backward=backward)
        if size > 1 and not self._independent:
            pair = torch.cat([self.image, torch.zeros_like(self.image)])
            with self.network.borrowed(), torch.no_grad():
                scores = self.objective.scores(self.network, pair)
            try:
                self._require_independent(pair, scores[:, self.objective.index])
            except Dependent:
                self.batches.limit = self.batches.most = size = 1
        return size

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
        if abs(value - first) > self.network.tolerance * max(abs(value), abs(first)):
            raise MethodError(
                f"The model gives the same image another score each time ({first:g}, then {value:g}); "
                "take its randomness away (dropout, noise) before explaining it."
            )

    def _require_independent(
        self, images: Tensor, scores: Tensor, objective: Objective | None = None
    ) -> None:
        """Prove on the first batch that images do not influence each other, or go one by one.

        Raises
        ------
        Dependent
            If the first image has another score alone; the batch has to be asked again.
        """
        if self._independent or len(images) == 1:
            return
        with self.network.borrowed(), torch.no_grad():
            alone = (objective or self.objective).scores(self.network, images[:1])
        self._independent = True
        difference = float((alone[0, self.objective.index] - scores[0]).abs())
        if not difference <= self.network.tolerance * float(alone.abs().max()):
            self.one_by_one = True
            raise Dependent

    def _ticking(self, answers: Iterator[Any]) -> Iterator[Any]:
        for answer in answers:
            self._tick()
            yield answer

    def _tick(self) -> None:
        if self.progress is not None:
            self.progress()
