"""The probe: everything one can ask of a model about one image and one target."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from esegeta.checks import Check, completeness
from esegeta.errors import ImageError
from esegeta.passes import Passes
from esegeta.probe.batches import Batches
from esegeta.probe.checkpoint import Checkpoint
from esegeta.probe.company import Company
from esegeta.probe.confidence import ProbabilityObjective
from esegeta.probe.layer import Layer
from esegeta.probe.module import ScoreModule
from esegeta.probe.network import Counts, Network
from esegeta.probe.objective import (
    Objective,
    OutputObjective,
    Reader,
    ReadObjective,
    UnitObjective,
)
from esegeta.probe.patches import PatchedNetwork
from esegeta.probe.rules import Rule
from esegeta.probe.target import Target
from esegeta.probe.tiling import Patches
from esegeta.probe.traced import Traced
from esegeta.probe.tracing import Tracing


class Probe(Traced):
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
    amp : torch.dtype, optional
        Half precision for the model, under autocast; scores and differences stay float32.
    patches : Patches, optional
        Where the model takes the image in patches, whose predictions are blended.
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
    counts : Counts, optional
        Where passes are counted, if together with another probe's.

    Attributes
    ----------
    model : nn.Module
    image : Tensor
        On the model's device; in its precision, but float32 where that is half.
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
        amp: torch.dtype | None = None,
        patches: Patches | None = None,
        references: Sequence[Tensor] = (),
        memory: int | None = None,
        batch: int | None = None,
        seed: int = 0,
        progress: Callable[[Passes], None] | None = None,
        counts: Counts | None = None,
    ) -> None:
        if image.dim() not in (4, 5) or len(image) != 1:
            raise ImageError(
                f"An image has shape (1, channels, *spatial) with two or three spatial axes; this one "
                f"has {tuple(image.shape)}."
            )
        self.model = model
        self._given: dict[str, Any] = {
            "output": output, "amp": amp, "patches": patches, "references": references,
            "memory": memory, "batch": batch,
        }  # fmt: skip
        one = Network(model, output=output, amp=amp, counts=counts)
        # Its own copy, and never half precision: what is added up over it must not lose digits.
        precision = torch.promote_types(one.dtype, torch.float32)
        with torch.inference_mode(False):
            self.image = image.detach().to(one.device, precision, copy=True)
        self.network: Network | PatchedNetwork = one
        if patches is not None:
            self.network = PatchedNetwork(one, self.image, patches, memory=memory, limit=batch)
            self.network.progress = self._report
        self.target = target
        self.progress = progress
        self._references = self._given["references"] = tuple(references)
        self._segments: dict[int, Tensor] = {}
        self._full: Probe | None = None
        self._ask = Tracing(
            self.network,
            OutputObjective(target),
            self.image,
            Batches(self.network, memory, self.network.most or batch),
            layers=layers,
            image_gradient=image_gradient,
        )
        self._ask.progress = self._report
        self.begin(seed)

    def _report(self) -> None:
        if self.progress is not None:
            self.progress(self.passes)

    def begin(self, seed: int, checkpoint: Checkpoint | None = None) -> None:
        """Start a method: its own seed, no checks and no notes; what is remembered stays.

        Parameters
        ----------
        checkpoint : Checkpoint, optional
            Where its answers are kept for another attempt, and found from an earlier one.
        """
        self._ask.checkpoint = checkpoint
        self.rng = torch.Generator().manual_seed(seed)
        self.checks: list[Check] = []
        self.notes: dict[str, Any] = {}

    def check_completeness(self, attribution: Tensor, start: Tensor) -> Check:
        """Record how far an attribution is from adding up to score(image) − score(start).

        Methods that promise completeness call it; the relative error is flagged above 10 %. Of several
        starts (N, C, *spatial) it is the mean score that counts.
        """
        return self.check_total(attribution, float(self.score(start.detach()).double().mean()))

    def check_total(self, attribution: Tensor, before: float) -> Check:
        """Record how far an attribution is from adding up to score(image) less another score."""
        total = float(attribution.detach().double().sum())
        check = completeness(total, self.value - before)
        self.checks.append(check)
        return check

    # What is known of the image itself

    @property
    def value(self) -> float:
        """The number explained, for the image itself."""
        return self._ask.value

    @property
    def passes(self) -> Passes:
        """Images passed through the model so far; of one that is taken in patches, parts of it."""
        counts, parts = self.network.counts, self.network.parts
        return Passes(counts.forward / parts, counts.backward / parts)

    def layer(self, name: str) -> Layer:
        """A layer by its module's name, ``name#2`` for the second of several calls."""
        return Layer(self._ask, name)

    @property
    def index(self) -> int:
        """The column of the class scores that is explained."""
        self._ask.freeze()
        return self._ask.objective.index

    @property
    def one_by_one(self) -> bool:
        """Whether images of a batch influence each other in this model, so that it gets them singly."""
        return self._ask.one_by_one or self.network.one_by_one

    # Questions about any images

    def scores(self, images: Tensor) -> Tensor:
        """(N, classes) every class's score of images (N, C, *spatial), forward only."""
        images = images.to(self.image)
        return self._ask.scores(len(images), lambda start, stop: images[start:stop])

    def score(self, images: Tensor) -> Tensor:
        """(N,) the number explained, of images (N, C, *spatial), forward only."""
        images = images.to(self.image)
        return self.scores_of(len(images), lambda start, stop: images[start:stop])

    def chunks(self, count: int) -> Iterator[slice]:
        """Ranges of images that are best made and scored together, ``count`` in all."""
        return self._ask.chunks(count, backward=False)

    def gradient(self, images: Tensor | None = None, rule: Rule = "plain") -> Tensor:
        """The gradient of the number explained at images (N, C, *spatial), of the same shape.

        Without images: of the image itself, which is remembered.
        """
        if images is None:
            return self._ask.answer(None, rule).gradient(None)
        return self._ask.gradients(images.to(self.image), rule)

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
        shares = torch.as_tensor(weights / 2).to(self.image)
        done = 0
        for images in self.line(start, torch.as_tensor((nodes + 1) / 2)):
            yield shares[done : done + len(images)], self.gradient(images, rule)
            done += len(images)

    def line(self, start: Tensor, points: Tensor) -> Iterator[Tensor]:
        """Images (n, C, *spatial) on the straight line from ``start`` (0) to the image (1)."""
        for chunk in self._ask.chunks(len(points), backward=True):
            alpha = points[chunk].to(self.image).reshape(-1, *[1] * (self.ndim + 1))
            yield start + alpha * (self.image - start)

    def between(
        self, count: int, start: Tensor, noise: float = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Images at random places of the straight line from ``start`` to the image, ``count`` in all.

        Parameters
        ----------
        noise : float
            Standard deviation of Gaussian noise on the image's end, as a fraction of its range.

        Yields
        ------
        images, ends : Tensor
            (n, C, *spatial) the images, and the image itself with the noise.
        """
        spread = noise * float(self.image.max() - self.image.min())
        for chunk in self._ask.chunks(count, backward=True):
            images, ends = [], []
            for _ in range(chunk.start, chunk.stop):
                alpha = torch.rand(1, generator=self.rng).to(self.image)
                drawn = torch.randn(self.image.shape, generator=self.rng).to(self.image)
                ends.append(self.image + spread * drawn)
                images.append(start + alpha * (ends[-1] - start))
            yield torch.cat(images), torch.cat(ends)

    def noisy(self, count: int, level: float, rule: Rule = "plain") -> Iterator[Tensor]:
        """Gradients (n, C, *spatial) at copies of the image with Gaussian noise, ``count`` in all.

        Parameters
        ----------
        level : float
            Standard deviation of the noise as a fraction of the image's range.
        """
        spread = level * float(self.image.max() - self.image.min())
        for chunk in self._ask.chunks(count, backward=True):
            # One draw per image, so that the noise does not depend on the batch.
            images = range(chunk.start, chunk.stop)
            noise = [torch.randn(self.image.shape, generator=self.rng) for _ in images]
            yield self.gradient(self.image + spread * torch.cat(noise).to(self.image), rule)

    # Other ways to look

    def again(
        self,
        *,
        image: Tensor | None = None,
        model: nn.Module | None = None,
        layers: Sequence[str] = (),
        image_gradient: bool = True,
    ) -> Probe:
        """A new probe of the same class over the same mask, on another image or in another model.

        It remembers nothing of this one; passes are counted together.

        Parameters
        ----------
        image : Tensor, optional
            (1, C, *spatial), of the same shape.
        model : nn.Module, optional
        layers, image_gradient
            What will be asked, as of the constructor.
        """
        self._ask.freeze()
        return Probe(
            self.model if model is None else model,
            self.image if image is None else image,
            self.target,
            layers=layers,
            image_gradient=image_gradient,
            counts=self.network.counts,
            **self._given,
        )

    def others(
        self, images: Tensor, *, layers: Sequence[str] = (), image_gradient: bool = True
    ) -> list[Probe]:
        """Probes of the same class over the same mask, on each of other images (N, C, *spatial).

        What they ask of their own image passes in batches, unless the model takes it in patches.
        """
        found = [
            self.again(image=image[None], layers=layers, image_gradient=image_gradient)
            for image in images
        ]
        if isinstance(self.network, Network):
            company = Company(self._ask, images.to(self.image))
            for number, probe in enumerate(found):
                probe._ask.together = partial(company.answer, number)
        return found

    def asked(self, objective: Objective) -> Probe:
        """A probe of the same image and model whose score is read otherwise; see `Objective`."""
        probe = copy.copy(self)
        probe._ask = self._ask.about(objective)
        return probe

    def unit(
        self, layer: str, channel: int | None = None, position: Sequence[int] | None = None
    ) -> Probe:
        """A probe whose score is a channel of a layer (at one position, or its mean), or the layer.

        Methods on it explain neurons. It shares the pass counters.
        """
        return self.asked(UnitObjective(layer, channel, position))

    def reading(self, layer: str, reader: Reader) -> Probe:
        """A probe whose score is what a function makes of a layer's values; see `ReadObjective`.

        It shares the pass counters; images pass up to the layer.
        """
        return self.asked(ReadObjective(layer, reader))

    def confidence(self) -> Probe:
        """A probe whose score is the probability of the explained class, held against no other."""
        self._ask.freeze()  # class and mask are those of the image itself
        return self.asked(ProbabilityObjective(self.target))

    def in_full_precision(self) -> Probe:
        """A probe of the same that lets the model run in its own precision; remembered."""
        if self._full is None:
            self._full = copy.copy(self)
            network = self._full.network = self.network.in_full_precision()
            ask = Tracing(
                network,
                self._ask.objective,
                self.image,
                Batches(network, self._ask.batches.memory, self._ask.batches.most),
                layers=self._ask.layers,
                image_gradient=self._ask.image_gradient,
            )
            self._ask.freeze()  # the same class and mask
            self._full._ask = ask
        return self._full

    def module(self, *, for_hooks: bool = False) -> ScoreModule:
        """A module images → (N, classes) for libraries that want one; its passes are counted.

        Parameters
        ----------
        for_hooks : bool
            For a library that hooks modules: where possible a copy of the model in which every
            non-linearity is a module of its own that runs once. Where not, the model as it is.
        """
        self._ask.freeze()
        return ScoreModule(self._ask, for_hooks=for_hooks)
