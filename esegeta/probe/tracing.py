"""Questions about what passes inside the model: relevance, attention, a layer part of its way."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from esegeta.probe.along import FLOW, Along
from esegeta.probe.attention import Combine, attention
from esegeta.probe.checkpoint import Sums
from esegeta.probe.contributions import Contributions, contributions, patched_contributions
from esegeta.probe.flow import patched_relevance, relevance
from esegeta.probe.patches import PatchedNetwork
from esegeta.probe.questions import Questions
from esegeta.probe.relevance import Found
from esegeta.probe.rules import Relevance


class Tracing(Questions):
    """`Questions` that functions of the model are seen for, or changed; see there."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._contributions: dict[str, Contributions] = {}
        # Whether more differs between image and baseline than layers that were asked hold.
        self._beside = isinstance(self.network, PatchedNetwork)

    def contributions(self, starts: Tensor, place: str | None) -> Contributions:
        """What the image's places contribute to its score against baselines (N, C, *spatial).

        Against one baseline, the first question answers every layer that was announced, and is
        remembered. The image itself is answered too where it was announced, or where the score depends
        on it beside the layers.
        """
        self.freeze()
        key = hashlib.sha256(starts.cpu().numpy().tobytes()).hexdigest()[:16]
        known = self._contributions.get(key)
        if known is not None and place in known.values:
            return known
        own = () if place is None else (place,)
        layers = own if known is not None or len(starts) > 1 else (*own, *self.layers)
        layers = tuple(dict.fromkeys(layers))
        image = place is None or self.image_gradient or self._beside
        whole = self._contributed(key, starts, layers, image=image)
        if whole.beside:
            self._beside = True
            whole = self._contributed(key, starts, layers, image=True)
        self._require_same(float(whole.scores[0]))
        if len(starts) == 1:
            self._contributions[key] = whole
        return whole

    def _contributed(
        self, key: str, starts: Tensor, layers: Sequence[str], *, image: bool
    ) -> Contributions:
        def ask(start: int, stop: int) -> Contributions:
            batch = starts[start:stop]
            found = self._contribute(f"contributions-{key}-{start}", batch, layers, image=image)
            self._require_independent(batch, found.before)
            return found

        answers = self._ticking(self.batches.run(len(starts), ask, backward=True))
        return Contributions.together(answers)

    def _contribute(
        self, asked: str, starts: Tensor, layers: Sequence[str], *, image: bool
    ) -> Contributions:
        """Ask the network, or give what an earlier attempt has kept under this name."""
        images = self.image.expand_as(starts)
        if not isinstance(self.network, PatchedNetwork):
            return contributions(self.network, self.objective, images, starts, layers, image=image)
        asked += "-" + hashlib.sha256(repr(layers).encode()).hexdigest()[:16]
        kept = None if self.checkpoint is None else self.checkpoint.tensors(asked)
        if kept is not None:
            found = {name: value.to(images.device) for name, value in kept.items()}
            return Contributions.of(found, (None, *layers))
        began = time.monotonic()
        sums = None if self.checkpoint is None else Sums(self.checkpoint, asked)
        answer = patched_contributions(self.network, self.objective, images, starts, layers, sums)
        if self.checkpoint is not None and not answer.unknown:
            self.checkpoint.keep(asked, answer.tensors(), time.monotonic() - began)
        return answer

    def along(self, layer: str, start: Tensor, parts: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The score with a layer part of the way (N,) from its values for a start (1, C, *spatial).

        Yields
        ------
        scores : Tensor
            (n,).
        flows : Tensor
            (n, …), as the layer returns it: the gradient there, times how far the layer's values for the
            image are from those for the start.
        """
        self.freeze()
        network = self.network.around(Along(self.network.module, layer))
        ways = parts.to(self.image).reshape(-1, *[1] * (self.image.dim() - 1))
        asked = "" if self.checkpoint is None else self.checkpoint.question()

        def ask(first: int, last: int) -> tuple[Tensor, Tensor]:
            way = ways[first:last].expand(last - first, 1, *self.image.shape[2:])
            own, before = (t.expand(len(way), *t.shape[1:]) for t in (self.image, start))
            answer = self._differentiate(
                f"{asked}-{first}", torch.cat([own, before, way], 1), layers=(FLOW,), image=False,
                rule="plain", network=network,
            )  # fmt: skip
            return answer.scores, answer.gradient(FLOW)

        # (A pair of images is about as large as one: the baselines stop at the layer.)
        yield from self._ticking(self.batches.run(len(parts), ask, backward=True))

    def attention(self, combine: Combine, *, gradients: bool) -> Tensor:
        """(1, 1, *grid) what is combined of the attention weights of the image."""
        scores, grid = attention(
            self.network, self.objective, self.image, combine, gradients=gradients
        )
        self._tick()
        if scores is not None:
            self._require_same(float(scores[0]))
        return grid

    def relevance(
        self, rule: Relevance, layer: str | None = None, contrast: str | None = None
    ) -> Found:
        """How much of the image's score is due to the places of a layer, or of the image."""
        asked = f"relevance-{rule}-{layer}-{contrast}"
        name = "relevance-" + hashlib.sha256(asked.encode()).hexdigest()[:16]
        if not isinstance(self.network, PatchedNetwork):
            found = relevance(self.network, self.objective, self.image, rule, layer, contrast)
        else:
            kept = None if self.checkpoint is None else self.checkpoint.tensors(name)
            if kept is not None:
                return Found.of({key: value.to(self.image.device) for key, value in kept.items()})
            began = time.monotonic()
            found = patched_relevance(
                self.network, self.objective, self.image, rule, layer, contrast
            )
            if self.checkpoint is not None and not found.unknown:
                self.checkpoint.keep(name, found.tensors(), time.monotonic() - began)
        self._tick()
        self._require_same(float(found.scores[0]))
        return found
