"""Gradients of a volume's score, taken back through the blending and the model patch by patch.

The score is one number of the whole volume. First all patches pass without a graph, and the score's
gradient at the blended output is taken. Each patch then gets its part of that, and passes once more
with a graph: the exact gradient of the whole, at the memory of a few patches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from esegeta.probe import rules
from esegeta.probe.backward import Answer, gradients_of, require_gradient, require_open
from esegeta.probe.capture import Capture
from esegeta.probe.checkpoint import Sums
from esegeta.probe.patches import Blended, PatchedNetwork

if TYPE_CHECKING:
    from esegeta.probe.objective import Objective


def differentiate(
    network: PatchedNetwork,
    objective: Objective,
    images: Tensor,
    *,
    layers: Iterable[str] = (),
    image: bool = True,
    rule: rules.Rule = "plain",
    sums: Sums | None = None,
) -> Answer:
    """Gradients of a volume's score at the volume and at layers, as `backward.differentiate` gives them.

    What layers return is blended over the volume; their gradients are added up, as the volume's are.

    Parameters
    ----------
    images : Tensor
        (1, C, *spatial).
    sums : Sums, optional
        Where what is added up is kept, and found from an earlier attempt.
    """
    require_open(network, rule)
    with torch.inference_mode(False), network.borrowed():
        with torch.no_grad(), network.looking_at(objective.mask):
            whole = network.reach(images, objective.layer)
        with torch.enable_grad():
            whole.requires_grad_()
            scores = objective.read(whole)[:, objective.index]
        require_gradient(scores)
        (seed,) = gradients_of(scores, [whole])
        pull = Pull(network, images, objective.layer, layers, image=image, rule=rule, sums=sums)
        pull.run(torch.zeros_like(whole) if seed is None else seed)
    return Answer(scores.detach(), pull.gradients, pull.activations)


class Passed(NamedTuple):
    """What a batch of patches told: gradients and values per place, as the model has them."""

    numbers: Sequence[int]
    gradients: Mapping[str | None, Tensor | None]
    values: Mapping[str, Tensor]


class Pull:
    """Takes a gradient at a blended output back to the volume and to layers.

    Parameters
    ----------
    network : PatchedNetwork
    volume : Tensor
        (1, C, *spatial).
    end : str or None
        The layer whose blended output the gradient is of; None for the model's.
    layers : iterable of str
        Layers whose values and gradients are wanted.
    image : bool
        Whether the gradient at the volume is.
    rule : {"plain", "guided", "deconvnet"}
    sums : Sums, optional
        Where what is added up is kept, and found from an earlier attempt.
    """

    def __init__(
        self,
        network: PatchedNetwork,
        volume: Tensor,
        end: str | None,
        layers: Iterable[str],
        *,
        image: bool,
        rule: rules.Rule,
        sums: Sums | None = None,
    ) -> None:
        self.network, self.volume, self.end, self.image = network, volume.detach(), end, image
        self.layers = tuple(dict.fromkeys(layers))
        Capture(network.module, self.layers)  # refuses a name that is none, before any patch passes
        self.mode = rules.mode(rule)
        self.tiling = network.tiling_of(volume)
        self._sums = sums
        self._done: list[int] = []
        self._pulled: dict[str | None, Blended] = {}
        self._values: dict[str | None, Blended] = {}
        self._ragged: dict[str | None, Tensor] = {}
        self._restore((sums and sums.known()) or {})

    def run(self, seed: Tensor) -> None:
        """Take a seed (1, K, *cells) back."""
        grid = self.tiling.grid(self.network.cells[self.end])
        counting: list[int] = []
        idle: list[int] = []
        for number in sorted(set(range(len(self.tiling))) - set(self._done)):
            counts = bool(grid.take(seed[0], number).any())
            (counting if counts else idle).append(number)

        def back(start: int, stop: int) -> Passed:
            chosen = counting[start:stop]
            return self._back(
                chosen, torch.stack([grid.take(seed[0], number) for number in chosen])
            )

        # Added up here: a batch that ran out of memory passes again.
        for passed in self.network.batches.run(len(counting), back, backward=True):
            self._add(passed)
        if counting:
            rules.require_met(self.mode)
        # A patch that the score does not depend on still shows what its layers hold.
        if self.layers:
            for passed in self.network.batches.run(len(idle), lambda a, b: self._forth(idle[a:b])):
                self._add(passed)

    def _add(self, passed: Passed) -> None:
        """Add up what patches told."""
        for place, gradient in passed.gradients.items():
            if gradient is not None:
                self._blend(self._pulled, place, gradient, passed.numbers, blend=False)
        for name, values in passed.values.items():
            self._blend(self._values, name, values, passed.numbers, blend=True)
        self._done += passed.numbers
        self.network.tick()
        if self._sums is not None:
            self._sums.keep(self._so_far)

    def _so_far(self) -> dict[str, Tensor]:
        """What has been added up, by name, and of which patches."""
        found = {f"values {name}": total.whole for name, total in self._values.items()}
        found |= {f"pulled {place or ''}": total.whole for place, total in self._pulled.items()}
        found |= {f"ragged {place or ''}": value for place, value in self._ragged.items()}
        return {"patches": torch.tensor(self._done), **found}

    def _restore(self, found: Mapping[str, Tensor]) -> None:
        for name, value in found.items():
            kind, _, place = name.partition(" ")
            value = value.to(self.volume.device)
            if kind == "patches":
                self._done = value.tolist()
            elif kind == "ragged":
                self._ragged[place or None] = value
            else:
                totals, blend = (self._values, True) if kind == "values" else (self._pulled, False)
                totals[place or None] = Blended(self.tiling, blend=blend, whole=value)

    def _back(self, numbers: Sequence[int], seeds: Tensor) -> Passed:
        """Let patches pass with a graph, and their seeds back."""
        with torch.enable_grad():
            batch = self._cut(numbers).requires_grad_(self.image)
            capture = Capture(self.network.module, self.layers, differentiable=True)
            with self.network.under(self.mode), capture:
                values = self.network.values(batch, self.end)
        self.network.require_independent(batch.detach(), values.detach(), self.end)
        require_gradient(values)
        wanted = {name: capture.output(name) for name in self.layers}
        places: list[str | None] = [*([None] if self.image else []), *wanted]
        tensors = [*([batch] if self.image else []), *wanted.values()]
        found = dict(zip(places, gradients_of(values, tensors, seeds), strict=True))
        self.network.counts.backward += len(numbers)
        return Passed(numbers, found, {name: output.detach() for name, output in wanted.items()})

    def _forth(self, numbers: Sequence[int]) -> Passed:
        capture = Capture(self.network.module, self.layers)
        with torch.no_grad(), capture:
            self.network.values(self._cut(numbers), self.end)
        return Passed(numbers, {}, {name: capture.output(name) for name in self.layers})

    def _cut(self, numbers: Sequence[int]) -> Tensor:
        return torch.cat([self.tiling.cut(self.volume, number) for number in numbers]).clone()

    def _blend(
        self,
        blended: dict[str | None, Blended],
        place: str | None,
        values: Tensor,
        numbers: Sequence[int],
        *,
        blend: bool,
    ) -> None:
        grid = values if place is None else self.network.one.as_grid(values, self.tiling.size)
        if grid is None or len(grid) != len(numbers):
            # Which the layer refuses.
            self._ragged[place] = values[:1] if grid is None else values[:1].flatten(1)
            return
        total = blended.setdefault(place, Blended(self.tiling, blend=blend))
        for number, value in zip(numbers, grid, strict=True):
            total.add(value, number)

    @property
    def gradients(self) -> dict[str | None, Tensor | None]:
        """Per place, as of `Answer`; None where the score does not depend on it."""
        places: list[str | None] = [*([None] if self.image else []), *self.layers]
        return {place: self._result(self._pulled, place) for place in places}

    @property
    def activations(self) -> dict[str, Tensor]:
        """Per layer, as of `Answer`."""
        results = {name: self._result(self._values, name) for name in self.layers}
        return {name: value for name, value in results.items() if value is not None}

    def _result(self, blended: Mapping[str | None, Blended], place: str | None) -> Tensor | None:
        return blended[place].whole if place in blended else self._ragged.get(place)


class WithGraph:
    """A patched network that autograd can go back through, patch by patch, for other libraries.

    Parameters
    ----------
    network : PatchedNetwork
    """

    #: Passes back are counted where they are made.
    passes_back = 0

    def __init__(self, network: PatchedNetwork) -> None:
        self._network = network

    def reach(self, images: Tensor, layer: str | None) -> Tensor:
        """What a layer, or for None the model, returns for volumes (N, C, *spatial), blended."""
        blended: Tensor = _Reached.apply(images, self._network, layer)  # type: ignore[no-untyped-call]
        return blended

    def as_grid(self, output: Tensor, spatial: Sequence[int]) -> Tensor | None:
        """A layer's output as a grid."""
        return self._network.as_grid(output, spatial)


class _Reached(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, network: PatchedNetwork, layer: str | None) -> Tensor:
        ctx.save_for_backward(images)
        ctx.network, ctx.layer = network, layer
        return network.reach(images, layer)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *seeds: Tensor) -> tuple[Tensor, None, None]:
        (images,) = ctx.saved_tensors
        gradients = []
        with ctx.network.borrowed():
            for image, seed in zip(images, seeds[0], strict=True):
                pull = Pull(ctx.network, image[None], ctx.layer, (), image=True, rule="plain")
                pull.run(seed[None])
                gradient = pull.gradients[None]
                gradients.append(torch.zeros_like(image[None]) if gradient is None else gradient)
        return torch.cat(gradients), None, None


class Unfolded:
    """A patched network whose patches pass all at once, for libraries that hook modules.

    Its modules see one batch: the patches of the first volume, then those of the second. Memory is
    that of all patches together.

    Parameters
    ----------
    network : PatchedNetwork
    """

    def __init__(self, network: PatchedNetwork) -> None:
        self._network = network
        self.passes_back = network.parts

    def reach(self, images: Tensor, layer: str | None) -> Tensor:
        """What a layer, or for None the model, returns for volumes (N, C, *spatial), blended."""
        tiling = self._network.tiling_of(images)
        patches = [tiling.cut(image[None], n) for image in images for n in range(len(tiling))]
        values = self._network.values(torch.cat(patches), layer)
        wholes = []
        for own in values.reshape(len(images), len(tiling), *values.shape[1:]):
            blended = Blended(tiling)
            for number, value in enumerate(own):
                blended.add(value, number)
            wholes.append(blended.whole)
        return torch.cat(wholes)

    def as_grid(self, output: Tensor, spatial: Sequence[int]) -> Tensor | None:
        """A layer's output as a grid."""
        return self._network.as_grid(output, spatial)
