"""The probe: everything one can ask of a model about one image and one target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from esegeta.checks import Check, completeness
from esegeta.errors import ImageError, MethodError
from esegeta.plugin import Passes
from esegeta.probe import masks as masking
from esegeta.probe.backward import Answer, NotDifferentiable, differentiate
from esegeta.probe.baselines import Kind, baseline
from esegeta.probe.batches import Batches, Dependent
from esegeta.probe.capture import Capture
from esegeta.probe.layer import Layer
from esegeta.probe.module import ScoreModule
from esegeta.probe.network import Network
from esegeta.probe.objective import Objective, OutputObjective, UnitObjective
from esegeta.probe.rules import Rule
from esegeta.probe.segments import segments
from esegeta.probe.target import Target


class Probe:
    """One model, one image and one target; it answers questions and remembers the answers.

    Parameters
    ----------
    model : nn.Module
        Images (N, C, *spatial) to predictions; it is left as it was found.
    image : Tensor
        (1, C, *spatial), 2D or 3D.
    target : Target
        Which number of the model's output is explained.
    layers : iterable of str
        Every layer that will be asked about, so that one pass answers them all.
    image_gradient : bool
        Whether the gradient at the image will be asked; if not, the shared pass starts at the layers.
    output : str or int, optional
        Which entry of a tuple or mapping the model returns is its prediction.
    references : sequence of Tensor
        Other images (C, *spatial), for baselines.
    memory : int, optional
        Bytes that the activations of a batch may take.
    batch : int, optional
        The most images that the model takes at once, where it was exported so.
    seed : int
        Seed of `rng`.
    progress : callable, optional
        Called with the number of images passed so far, forward and backward, after every batch.

    Attributes
    ----------
    image : Tensor
        On the model's device and in its precision.
    rng : torch.Generator
        On the CPU; the only source of chance of a method.
    checks, notes : list of Check, dict
        What the present method found out about its own result.
    """

    def __init__(
        self,
        model: nn.Module,
        image: Tensor,
        target: Target,
        *,
        layers: Iterable[str] = (),
        image_gradient: bool = True,
        output: str | int | None = None,
        references: Sequence[Tensor] = (),
        memory: int | None = None,
        batch: int | None = None,
        seed: int = 0,
        progress: Callable[[Passes], None] | None = None,
    ) -> None:
        if image.dim() not in (4, 5) or len(image) != 1:
            raise ImageError(
                f"An image has shape (1, channels, *spatial) with two or three spatial axes; this one "
                f"has {tuple(image.shape)}."
            )
        self.network = Network(model, output=output)
        # Its own copy, and never half precision: what is added up over it must not lose digits.
        precision = torch.promote_types(self.network.dtype, torch.float32)
        with torch.inference_mode(False):
            self.image = image.detach().to(self.network.device, precision, copy=True)
        self.target = target
        self.layers = tuple(layers)
        self.progress = progress
        self._objective: Objective = OutputObjective(target)
        self._image_gradient = image_gradient
        self._references = tuple(references)
        self._batches = Batches(self.network, memory, batch)
        self._answers: dict[Rule, Answer] = {}
        self._class_scores: Tensor | None = None
        self._segments: dict[int, Tensor] = {}
        self._independent = False
        self._first: float | None = None
        self.begin(seed)

    def begin(self, seed: int) -> None:
        """Start a method: its own seed, no checks and no notes; what is remembered stays."""
        self.rng = torch.Generator().manual_seed(seed)
        self.checks: list[Check] = []
        self.notes: dict[str, Any] = {}

    def check_completeness(self, attribution: Tensor, start: Tensor) -> Check:
        """Record how far an attribution is from adding up to score(image) − score(start).

        Methods that promise completeness call it; the relative error is flagged above 10 %.
        """
        check = completeness(
            float(attribution.detach().double().sum()),
            self.value - float(self.score(start.detach())[0]),
        )
        self.checks.append(check)
        return check

    # What is known of the image itself

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return self.image.dim() - 2

    @property
    def spatial(self) -> tuple[int, ...]:
        """The image's spatial shape."""
        return tuple(self.image.shape[2:])

    @property
    def value(self) -> float:
        """The number explained, for the image itself."""
        if "plain" in self._answers:
            return float(self._answers["plain"].scores[0])
        return float(self._known_scores()[0, self._objective.index])

    @property
    def passes(self) -> Passes:
        """Images passed through the model so far."""
        return Passes(self.network.forwards, self.network.backwards)

    def layer(self, name: str) -> Layer:
        """A layer by its module's name, ``name#2`` for the second of several calls."""
        return Layer(self, name)

    @property
    def index(self) -> int:
        """The column of the class scores that is explained."""
        self._freeze()
        return self._objective.index

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
            image = image or self._image_gradient
        answer = differentiate(
            self.network, self._objective, self.image, layers=layers, image=image, rule=rule
        )
        self._tick()
        self._require_same(float(answer.scores[0]))
        if known is None:
            self._answers[rule] = answer
        else:
            known.merge(answer)
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
                    self._objective.scores(self.network, self.image)
                return capture.output(layer)
        return known.activations[layer]

    def segments(self, count: int) -> Tensor:
        """Superpixels or supervoxels (*spatial), about ``count`` of them; remembered."""
        if count not in self._segments:
            self._segments[count] = segments(self.image, count)
        return self._segments[count]

    def baseline(self, kind: Kind | float) -> Tensor:
        """(1, C, *spatial) an image without information, of the given kind."""
        return baseline(self.image, kind, self._references)

    # Questions about any images

    def scores(self, images: Tensor) -> Tensor:
        """(N, classes) every class's score of images (N, C, *spatial), forward only."""
        images = images.to(self.image)
        return self._forward(len(images), lambda start, stop: images[start:stop])

    def score(self, images: Tensor) -> Tensor:
        """(N,) the number explained, of images (N, C, *spatial), forward only."""
        return self.scores(images)[:, self._objective.index]

    def gradient(self, images: Tensor | None = None, rule: Rule = "plain") -> Tensor:
        """The gradient of the number explained at images (N, C, *spatial), of the same shape.

        Without images: of the image itself, which is remembered.
        """
        if images is None:
            return self.answer(None, rule).gradient(None)
        images = images.to(self.image)
        self._freeze()

        def ask(start: int, stop: int) -> Tensor:
            answer = differentiate(self.network, self._objective, images[start:stop], rule=rule)
            self._require_independent(images[start:stop], answer.scores)
            return answer.gradient(None)

        return torch.cat(list(self._ticking(self._batches.run(len(images), ask, backward=True))))

    def path(
        self, start: Tensor, steps: int, rule: Rule = "plain"
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Gradients along the straight line from ``start`` to the image, at Gauss–Legendre points.

        Yields
        ------
        weights : Tensor
            (n,) quadrature weights; over all points they add up to 1.
        gradients : Tensor
            (n, C, *spatial).
        """
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        alphas = torch.as_tensor((nodes + 1) / 2).to(self.image)
        shares = torch.as_tensor(weights / 2).to(self.image)
        for chunk in self._chunks(steps, backward=True):
            alpha = alphas[chunk].reshape(-1, *[1] * (self.ndim + 1))
            yield shares[chunk], self.gradient(start + alpha * (self.image - start), rule)

    def noisy(self, count: int, level: float, rule: Rule = "plain") -> Iterator[Tensor]:
        """Gradients (n, C, *spatial) at copies of the image with Gaussian noise, ``count`` in all.

        Parameters
        ----------
        level : float
            Standard deviation of the noise as a fraction of the image's range.
        """
        spread = level * float(self.image.max() - self.image.min())
        for chunk in self._chunks(count, backward=True):
            # One draw per image, so that the noise does not depend on the batch.
            images = range(chunk.start, chunk.stop)
            noise = [torch.randn(self.image.shape, generator=self.rng) for _ in images]
            yield self.gradient(self.image + spread * torch.cat(noise).to(self.image), rule)

    # Questions about the image with parts taken away

    def random_masks(self, count: int, grid: int, keep: float) -> Iterator[Tensor]:
        """Smooth random masks (n, 1, *spatial), ``count`` in all; see `masks.random_masks`."""
        self._freeze()
        batch = self._batches.size(backward=False)
        for batch_of_masks in masking.random_masks(
            self.spatial, count, grid, keep, self.rng, batch
        ):
            yield batch_of_masks.to(self.image)

    def masked_scores(self, masks: Tensor, fill: Kind | float = "zero") -> Tensor:
        """(N,) the number explained where the image is kept as far as masks (N, 1, *spatial) say."""
        empty = self.baseline(fill)
        difference = self.image - empty
        return self._forward(
            len(masks), lambda start, stop: empty + masks[start:stop] * difference
        )[:, self._objective.index]

    def boxed_scores(self, boxes: Sequence[masking.Box], fill: Kind | float = "zero") -> Tensor:
        """(N,) the number explained where one box of the image each is replaced."""
        empty = self.baseline(fill)

        def take_away(start: int, stop: int) -> Tensor:
            images = self.image.repeat(stop - start, *[1] * (self.ndim + 1))
            for image, box in zip(images, boxes[start:stop], strict=True):
                place = (slice(None), *box)
                image[place] = empty[0][place]
            return images

        return self._forward(len(boxes), take_away)[:, self._objective.index]

    # Other ways to look

    def unit(
        self, layer: str, channel: int | None = None, position: Sequence[int] | None = None
    ) -> Probe:
        """A probe whose score is a channel of a layer (at one position, or its mean), or the layer.

        Methods on it explain neurons. It shares the pass counters.
        """
        probe = Probe.__new__(Probe)
        probe.__dict__.update(self.__dict__)
        probe._objective = UnitObjective(layer, channel, position)
        probe.layers, probe._answers, probe._class_scores = (), {}, None
        probe._first, probe._independent = None, False
        probe._image_gradient = True
        return probe

    def module(self, *, for_hooks: bool = False) -> nn.Module:
        """A module images → (N, classes) for libraries that want one; its passes are counted.

        Parameters
        ----------
        for_hooks : bool
            For a library that hooks modules: where possible a copy of the model in which every
            non-linearity is a module of its own that runs once. Where not, the model as it is.
        """
        self._freeze()
        return ScoreModule(self.network, self._objective, self.image, for_hooks=for_hooks)

    # How questions are put to the model

    def _freeze(self) -> None:
        """Let the unperturbed image pass first: the target's mask and class are chosen on it."""
        if not self._objective.ready:
            self._known_scores()

    def _known_scores(self) -> Tensor:
        if self._class_scores is None:
            with self.network.borrowed(), torch.no_grad():
                self._class_scores = self._objective.scores(self.network, self.image)
            self._require_same(float(self._class_scores[0, self._objective.index]))
            self._tick()
        return self._class_scores

    def _forward(self, count: int, images: Callable[[int, int], Tensor]) -> Tensor:
        """Class scores of ``count`` images that are made as they are needed."""
        self._freeze()

        def ask(start: int, stop: int) -> Tensor:
            batch = images(start, stop)
            scores = self._objective.scores(self.network, batch)
            self._require_independent(batch, scores[:, self._objective.index])
            return scores

        # Not inference mode: a model may keep what it computes on first use, for its next training.
        with self.network.borrowed(), torch.no_grad():
            return torch.cat(list(self._ticking(self._batches.run(count, ask))))

    def _require_same(self, value: float) -> None:
        """Refuse a model that gives the same image another score each time.

        Raises
        ------
        MethodError
            If it does: there is no one number to explain.
        """
        first = self._first = value if self._first is None else self._first
        if abs(value - first) > 1e-3 * max(abs(value), abs(first)):
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
            alone = self._objective.scores(self.network, images[:1])
        self._independent = True
        difference = float((alone[0, self._objective.index] - scores[0]).abs())
        if not difference <= 1e-3 * float(alone.abs().max()):
            self.notes["batch"] = "one by one: images of a batch influence each other in this model"
            raise Dependent

    def _chunks(self, count: int, *, backward: bool) -> Iterator[slice]:
        """Ranges of images that a method makes at a time: a batch each."""
        self._freeze()
        size = self._batches.size(backward=backward)
        for start in range(0, count, size):
            yield slice(start, min(count, start + size))

    def _ticking(self, answers: Iterator[Any]) -> Iterator[Any]:
        for answer in answers:
            self._tick()
            yield answer

    def _tick(self) -> None:
        if self.progress is not None:
            self.progress(self.passes)
