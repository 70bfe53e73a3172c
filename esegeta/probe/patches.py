"""Volumes too big for the model, as if it took them whole: patches pass, and are blended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from esegeta.errors import MethodError
from esegeta.probe.batches import Batches, Dependent
from esegeta.probe.network import Network
from esegeta.probe.tiling import Grid, Patches, Tiling


class PatchedNetwork:
    """A model of patches as a function of volumes; asked like a `Network`.

    What it returned for the patches of the unperturbed image is remembered: of another image only
    those patches pass that differ from it, and count for the score.

    Parameters
    ----------
    one : Network
        The model, which takes patches.
    image : Tensor
        (1, C, *spatial), the unperturbed image.
    patches : Patches
    memory : int, optional
        Bytes that the activations of a batch of patches may take.
    limit : int, optional
        The most patches that the model takes at once.

    Attributes
    ----------
    tiling : Tiling
        Of the unperturbed image.
    batches : Batches
        Of patches.
    most : int
        One image at a time is asked about; it is its patches that go in batches.
    cells : dict
        Of a patch, per layer and for the prediction (None), once it has passed.
    progress : callable or None
        Called after every batch of patches.
    one_by_one : bool
        Whether the patches of a batch influence each other in this model, so that it gets them singly.
    """

    most = 1

    def __init__(
        self,
        one: Network,
        image: Tensor,
        patches: Patches,
        *,
        memory: int | None = None,
        limit: int | None = None,
    ) -> None:
        self.one = one
        self.image = image
        self.patches = patches
        most = [number for number in (limit, patches.batch) if number is not None]
        self.batches = Batches(one, memory, min(most, default=None), kind="patch")
        self.progress: Callable[[], None] | None = None
        self.one_by_one = False
        self._independent = False
        self._tilings: dict[tuple[int, ...], Tiling] = {}
        self.tiling = self.tiling_of(image)
        self._parts: dict[str | None, list[Tensor]] = {}
        self._wholes: dict[str | None, Tensor] = {}
        self._mask: Tensor | None = None
        self._counting: set[int] | None = None
        self._edited = False
        self.cells: dict[str | None, tuple[int, ...]] = {}
        # As of a network:
        self.module, self.output, self.amp = one.module, one.output, one.amp
        self.device, self.dtype, self.tolerance = one.device, one.dtype, one.tolerance
        self.counts, self.select = one.counts, one.select
        self.parts = len(self.tiling)

    @property
    def opaque(self) -> bool:
        """Whether a part of the model hides its functions from Python (scripted, compiled)."""
        return self.one.opaque

    @property
    def activation_bytes(self) -> float:
        """Bytes of all activations of one patch; 0 before the first."""
        return self.one.activation_bytes

    @property
    def feature_map_bytes(self) -> float:
        """Bytes of the largest activation of one patch."""
        return self.one.feature_map_bytes

    @property
    def ndim(self) -> int:
        """Spatial axes of a patch."""
        return self.one.ndim

    def borrowed(self) -> AbstractContextManager[None]:
        """Evaluation mode and frozen parameters while asking; afterwards everything as before."""
        return self.one.borrowed()

    def under(self, rule: AbstractContextManager[Any]) -> AbstractContextManager[None]:
        """Let a backward rule act on the model, and on nothing around it."""
        return self.one.under(rule)

    def around(self, module: nn.Module) -> PatchedNetwork:
        """The same, around another module; passes are counted together."""
        return self._with(self.one.around(module))

    def in_full_precision(self) -> PatchedNetwork:
        """The same without autocast."""
        return self._with(self.one.in_full_precision())

    def _with(self, one: Network) -> PatchedNetwork:
        other = PatchedNetwork(
            one, self.image, self.patches, memory=self.batches.memory, limit=self.batches.most
        )
        other.progress = self.progress
        return other

    def tiling_of(self, image: Tensor) -> Tiling:
        """How an image, of whatever shape, is cut."""
        spatial = tuple(image.shape[2:])
        if spatial not in self._tilings:
            self._tilings[spatial] = Tiling(spatial, self.patches)
        return self._tilings[spatial]

    def example(self, image: Tensor) -> Tensor:
        """What the model takes of an image (1, C, *spatial): its first patch."""
        return self.tiling_of(image).cut(image, 0)

    def as_grid(self, output: Tensor, spatial: Sequence[int]) -> Tensor | None:
        """A layer's blended output as it is, None where it was no grid and could not be blended."""
        return output if output.dim() == len(spatial) + 2 else None

    def channel_axis(self, output: Tensor, spatial: Sequence[int]) -> int:
        """Which axis of a layer's output over patches holds its channels."""
        return self.one.channel_axis(output, self.tiling.size)

    @contextmanager
    def looking_at(self, mask: Tensor | None) -> Iterator[None]:
        """Say which part (1, 1, *cells) of the prediction counts meanwhile; the rest is not made."""
        self._mask = None if mask is None else mask[0].to(torch.float32)
        try:
            yield
        finally:
            self._mask = self._counting = None

    @contextmanager
    def editing(self, layer: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
        """Change what a layer returns for patches (n, …) meanwhile; nothing is remembered of that."""
        remembered = self._parts, self._wholes
        self._parts, self._wholes, self._edited = {}, {}, True
        try:
            with self.one.editing(layer, change):
                yield
        finally:
            (self._parts, self._wholes), self._edited = remembered, False

    def __call__(self, images: Tensor) -> Tensor:
        """The blended prediction (N, K, *cells) for volumes (N, C, *spatial)."""
        return self.reach(images, None)

    def reach(self, images: Tensor, layer: str | None) -> Tensor:
        """What a layer returns for volumes, blended; for None, the prediction.

        It holds no graph. Gradients are taken by `pull.differentiate`.
        """
        blended = [self._volume(image[None], layer) for image in images]
        return blended[0] if len(blended) == 1 else torch.cat(blended)  # one is large enough

    def _volume(self, image: Tensor, layer: str | None) -> Tensor:
        like = image.shape == self.image.shape
        if like and layer in self._wholes:
            return self._changed(image, layer)
        keep = like and not self._edited and torch.equal(image, self.image)
        blended = Blended(self.tiling_of(image), keep=keep)
        for numbers, values in self._forward(image, range(len(blended.tiling)), layer):
            for number, value in zip(numbers, values, strict=True):
                blended.add(value, number)
        if blended.keep:
            self._parts[layer], self._wholes[layer] = blended.parts, blended.whole
            return blended.whole.clone()
        return blended.whole

    def _changed(self, image: Tensor, layer: str | None) -> Tensor:
        """Blend anew where the image differs from the one that is remembered."""
        whole, parts = self._wholes[layer].clone(), self._parts[layer]
        grid = self.tiling.grid(parts[0].shape[1:])
        touched = self.tiling.touched((image != self.image)[0])
        if layer is None and self._mask is not None:
            if self._counting is None:
                self._counting = self._count(self._mask, grid)
            touched = [n for n in touched if n in self._counting]
        for numbers, values in self._forward(image, touched, layer):
            for number, value in zip(numbers, values, strict=True):
                grid.add(whole[0], value - parts[number], number, blend=True)
        return whole

    def _count(self, mask: Tensor, grid: Grid) -> set[int]:
        """Say which patches a masked score depends on."""
        # A wrapper that brings the prediction to another grid has its mask there.
        fits = mask.shape[1:] == grid.shape
        return {n for n in range(self.parts) if not fits or grid.take(mask, n).any()}

    def _forward(
        self, image: Tensor, numbers: Sequence[int], layer: str | None
    ) -> Iterator[tuple[Sequence[int], Tensor]]:
        """Let patches pass without a graph; yields batches of them, and what they return."""
        tiling = self.tiling_of(image)

        def ask(start: int, stop: int) -> tuple[Sequence[int], Tensor]:
            chosen = numbers[start:stop]
            batch = torch.cat([tiling.cut(image, number) for number in chosen])
            values = self.values(batch, layer)
            self.cells[layer] = tuple(values.shape[2:])
            self.require_independent(batch, values, layer)
            return chosen, values

        with torch.no_grad():
            for answer in self.batches.run(len(numbers), ask):
                yield answer
                self.tick()

    def values(self, batch: Tensor, layer: str | None) -> Tensor:
        """(n, K, *cells) what the model, or a layer, returns for patches, in the caller's grad mode.

        Raises
        ------
        MethodError
            Where that is no grid over the patches.
        """
        values = self.one.reach(batch, layer)
        grid = values if layer is None else self.one.as_grid(values, batch.shape[2:])
        if grid is None or grid.dim() != batch.dim() or len(grid) != len(batch):
            where = "The model" if layer is None else f"The layer '{layer}'"
            raise MethodError(
                f"{where} returns shape {tuple(values.shape)} for patches of shape "
                f"{tuple(batch.shape)}: that is no grid, and cannot be blended to one of the volume."
            )
        return grid

    def tick(self) -> None:
        """Say that patches have passed."""
        if self.progress is not None:
            self.progress()

    def require_independent(self, batch: Tensor, values: Tensor, layer: str | None) -> None:
        """Prove on the first batch that patches do not influence each other, or go one by one.

        Raises
        ------
        Dependent
            If the first patch returns something else alone; the batch has to be asked again.
        """
        if self._independent or len(batch) == 1:
            return
        with torch.no_grad():
            alone = self.values(batch[:1], layer)[0]
        self._independent = True
        if not float((alone - values[0]).abs().max()) <= self.tolerance * float(alone.abs().max()):
            self.one_by_one = True
            raise Dependent

    def require_together(self) -> None:
        """Refuse a model that cannot take all patches at once, as hooks need it.

        Raises
        ------
        MethodError
            If the patches of a batch influence each other in it.
        """
        if self.parts > 1 and not self._independent:
            pair = torch.cat([self.tiling.cut(self.image, number) for number in range(2)])
            with self.borrowed(), torch.no_grad(), suppress(Dependent):
                self.require_independent(pair, self.values(pair, None), None)
        if self.one_by_one:
            raise MethodError(
                "In this model the patches of a batch influence each other, so that they cannot pass all "
                "at once, which a method that hooks modules needs."
            )


class Blended:
    """What patches return, added up to one grid over the volume.

    Parameters
    ----------
    tiling : Tiling
    keep : bool
        Whether to keep the patches' own as well.
    blend : bool
        Whether they are values, of which overlapping patches each give a share; else gradients.
    whole : Tensor, optional
        What has been added up before.
    """

    def __init__(
        self,
        tiling: Tiling,
        *,
        keep: bool = False,
        blend: bool = True,
        whole: Tensor | None = None,
    ) -> None:
        self.tiling = tiling
        self.keep = keep
        self.blend = blend
        self.parts: list[Tensor] = []
        self._whole = whole
        self._grid: Grid | None = None

    @property
    def whole(self) -> Tensor:
        """(1, K, *cells), in single precision at least; once a patch has been added."""
        assert self._whole is not None, "every volume has a patch"
        return self._whole

    def add(self, part: Tensor, number: int) -> None:
        """Add what a patch returned (K, *cells)."""
        part = part.to(torch.promote_types(part.dtype, torch.float32))
        if self._grid is None:
            self._grid = self.tiling.grid(part.shape[1:])
        if self._whole is None:
            self._whole = part.new_zeros((1, len(part), *self._grid.shape))
        self._grid.add(self._whole[0], part, number, blend=self.blend)
        if self.keep:
            self.parts.append(part)
