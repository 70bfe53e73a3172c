"""One map to be judged, with the probe it was made of; and what a metric finds out about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.nn.functional import interpolate

from esegeta.engine import run_method
from esegeta.errors import MethodError
from esegeta.evaluation import randomise
from esegeta.evaluation.imputing import Imputer
from esegeta.evaluation.removal import Removal
from esegeta.evaluation.similarity import Kind, similarity
from esegeta.learning.artifact import Artifact
from esegeta.plugin import Plugin
from esegeta.probe import Probe

Curve = Sequence[tuple[float, float] | tuple[float, float, float, float]]
"""Points (x, y), or (x, y, low, high) where y is a mean and lies between ends."""


@dataclass(frozen=True, eq=False)
class Measure:
    """What a metric says of a map.

    Parameters
    ----------
    value : float
        The number that stands in the table.
    error : float, optional
        Its standard error, where it was sampled.
    curves : mapping of str to sequence of (x, y) or (x, y, low, high)
        To be drawn, the ends as a band about the curve.
    axes : tuple of str
        What x and y are.
    more : mapping of str to float
        Further numbers.
    passed : bool, optional
        Of a metric that is a test: whether the map, or its method, passes.
    maps : mapping of str to Tensor
        Maps (K, *spatial) to be drawn side by side.
    """

    value: float
    error: float | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)
    axes: tuple[str, str] = ("", "")
    more: Mapping[str, float] = field(default_factory=dict)
    passed: bool | None = None
    maps: Mapping[str, Tensor] = field(default_factory=dict)


class Case:
    """A map to be judged: the question it answers, and the means to ask again.

    Parameters
    ----------
    probe : Probe
        Of the model, image and target that were explained.
    map : Tensor
        (K, *spatial) on the probe's grid.
    plugin, parameters, layer, artifact, seed
        How the map was made.
    label : Tensor, optional
        (*spatial) whole numbers: the image's label map.
    own_seed : int
        Seed of the metric's own chance.
    tick : callable, optional
        Called whenever a map was made again.

    Attributes
    ----------
    map : Tensor
        On the probe's device, float32.
    """

    def __init__(
        self,
        probe: Probe,
        map: Tensor,
        plugin: Plugin,
        *,
        parameters: BaseModel | None = None,
        layer: str | None = None,
        artifact: Artifact | None = None,
        seed: int = 0,
        label: Tensor | None = None,
        own_seed: int = 0,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.probe = probe
        self.map = map.to(probe.image.device, torch.float32)
        self.plugin = plugin
        self.parameters = parameters or plugin.validate({})
        self.layer = layer
        self.artifact = artifact
        self.label = label
        self._seed = seed
        self._tick = tick
        probe.begin(own_seed)

    @property
    def rng(self) -> torch.Generator:
        """The only source of a metric's chance, on the CPU."""
        return self.probe.rng

    @cached_property
    def relevance(self) -> Tensor:
        """(voxels,) the map as it is looked at: how much each voxel matters."""
        return self.shown(self.map).flatten()

    def order(self, relevance: Tensor | None = None) -> Tensor:
        """Indices from the most to the least relevant: of the voxels, or of other values (n,).

        What is equally relevant is put in a random order, so that plateaus favour no place.
        """
        return ranked(self.relevance if relevance is None else relevance, self.rng)

    def batches(self, count: int) -> Iterator[slice]:
        """Ranges of images that are best made and asked about together, ``count`` in all."""
        return self.probe.chunks(count)

    def score(self, images: Tensor) -> Tensor:
        """(N,) the number explained, of images (N, C, *spatial)."""
        return self.probe.score(images)

    def confidence(self, images: Tensor) -> Tensor:
        """(N,) the probability of the explained class, of images (N, C, *spatial).

        Of a segmentation: its mean over the mask that was explained.
        """
        return self._confident.score(images)

    def removed(
        self, fractions: Sequence[float], order: Tensor, imputation: str | float = "linear"
    ) -> Tensor:
        """(n,) the confidence where the first voxels of an order are removed.

        Parameters
        ----------
        fractions : sequence of float
            Which part of all voxels is removed.
        order : Tensor
            (voxels,) indices of voxels, such as `order` gives.
        imputation : Imputation
            What stands in for them.
        """
        empty = None if imputation == "linear" else self.probe.baseline(imputation)  # type: ignore[arg-type]
        images = Removal(Imputer(self.probe.image, empty), order, fractions, self.rng)
        return self._confident.scores_of(len(fractions), images)

    @cached_property
    def _confident(self) -> Probe:
        return self.probe.confidence()

    def remade(self, model: nn.Module) -> Tensor:
        """(K, *spatial) the map, made again of another model.

        It explains the same class over the same mask, with the seed of the first.

        Raises
        ------
        CheckFailed
            If that map is zero, constant or not finite.
        MethodError
            If a trained explainer made the map: it knows its own model alone.
        """
        if self.plugin.takes_artifact:
            raise MethodError(
                f"The map of '{self.plugin.name}' was made by a trained explainer, which must be trained "
                "anew for each randomised model, as `esegeta experiment p-tame-randomisation` does."
            )
        return self._made(self.probe.again(model=model, **self._asked))

    def nearby(self, images: Tensor) -> Iterator[Tensor]:
        """Maps (K, *spatial) of other images (N, C, *spatial): same class, mask and seed.

        Raises
        ------
        CheckFailed
            If one is zero, constant or not finite.
        """
        for probe in self.probe.others(images, **self._asked):
            yield self._made(probe)

    @property
    def _asked(self) -> dict[str, Any]:
        """What a probe needs to know of the method."""
        layers = [] if self.layer is None else [self.layer]
        return {"layers": layers, "image_gradient": self.plugin.family != "layer_attribution"}

    def _made(self, probe: Probe) -> Tensor:
        found = run_method(
            probe,
            self.plugin,
            layer=self.layer,
            artifact=self.artifact,
            parameters=self.parameters,
            seed=self._seed,
        )
        if self._tick is not None:
            self._tick()
        return found.map.to(self.map)

    def weighted(self) -> list[str]:
        """The model's modules with weights of their own, in the order in which they run."""
        return randomise.weighted(self.probe.model, self._example)

    def randomised(self, names: Iterable[str]) -> nn.Module:
        """A copy of the model with the weights of these modules drawn again."""
        return randomise.randomised(self.probe.model, names, self._example, self.rng)

    @property
    def _example(self) -> Tensor:
        """(1, C, *spatial) what the model takes at once: the image, or a patch of it."""
        return self.probe.network.example(self.probe.image)

    def shown(self, map: Tensor) -> Tensor:
        """(1, *spatial) a map as it is looked at: the size of slopes, the sum of shares."""
        if self.plugin.slope:
            return map.abs().amax(0, keepdim=True)
        return map.sum(0, keepdim=True)

    def alike(self, map: Tensor, kind: Kind) -> float:
        """How alike the judged map and another are, as they are looked at; see `similarity`.

        Ranks are compared in the mask that was explained: that maps lie there, whatever the model has
        learnt, is how the question was put.
        """
        one, other = self.shown(self.map), self.shown(map)
        mask = self.probe.target.mask
        if kind == "spearman" and mask is not None:
            inside = interpolate(mask.to(one), size=self.probe.spatial, mode="nearest")[0, 0] > 0
            one, other = one[:, inside], other[:, inside]
        return similarity(one, other, kind)


def ranked(relevance: Tensor, generator: torch.Generator) -> Tensor:
    """Indices from the largest to the smallest value; ties in a random order.

    Parameters
    ----------
    relevance : Tensor
        (n,).
    """
    shuffled = torch.randperm(len(relevance), generator=generator).to(relevance.device)
    order: Any = relevance[shuffled].sort(descending=True, stable=True).indices
    return shuffled[order]
