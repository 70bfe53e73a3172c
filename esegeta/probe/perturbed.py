"""What a probe answers about its image with parts taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe import masks as masking
from esegeta.probe.baselines import Kind, baseline, like, several
from esegeta.probe.questions import Questions
from esegeta.probe.segments import grid_cells, segments
from esegeta.probe.target import Target


class Perturbed:
    """The part of `Probe` that takes parts of the image away; see there for its attributes."""

    image: Tensor
    rng: torch.Generator
    target: Target
    _ask: Questions
    _references: tuple[Tensor, ...]
    _segments: dict[int, Tensor]

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return self.image.dim() - 2

    @property
    def spatial(self) -> tuple[int, ...]:
        """The image's spatial shape."""
        return tuple(self.image.shape[2:])

    @property
    def window(self) -> tuple[int, ...]:
        """The spatial shape of what the model takes at once: of the image, or of a patch of it."""
        return tuple(self._ask.network.example(self.image).shape[2:])

    @property
    def references(self) -> Tensor:
        """(n, C, *spatial) the reference images; of none, n is 0."""
        return like(self.image, self._references) if self._references else self.image[:0]

    def segments(self, count: int) -> Tensor:
        """Superpixels or supervoxels (*spatial), about ``count`` of them; remembered."""
        if count not in self._segments:
            self._segments[count] = segments(self.image, count)
        return self._segments[count]

    def baseline(self, kind: Kind | float) -> Tensor:
        """(1, C, *spatial) an image without information, of the given kind."""
        return baseline(self.image, kind, self._references)

    def baselines(self, kind: Kind | float, count: int, noise: float) -> Tensor:
        """(n, C, *spatial) a sample of images without information; see `baselines.several`."""
        return several(
            self.image, kind, self._references, count=count, noise=noise, generator=self.rng
        )

    def random_masks(self, count: int, grid: int, keep: float) -> Iterator[Tensor]:
        """Smooth random masks (n, 1, *spatial), ``count`` in all; see `masks.random_masks`."""
        self._ask.freeze()
        size = self._ask.batches.size(backward=False)
        for batch in masking.random_masks(self.spatial, count, grid, keep, self.rng, size):
            yield batch.to(self.image)

    def masked_scores(self, masks: Tensor, fill: Kind | float = "zero") -> Tensor:
        """(N,) the number explained where the image is kept as far as masks (N, 1, *spatial) say."""
        empty = self.baseline(fill)
        difference = self.image - empty
        return self.scores_of(len(masks), lambda a, b: empty + masks[a:b] * difference)

    def boxed_scores(self, boxes: Sequence[masking.Box], fill: Kind | float = "zero") -> Tensor:
        """(N,) the number explained where one box of the image each is replaced."""
        empty = self.baseline(fill)

        def take_away(start: int, stop: int) -> Tensor:
            images = self.image.repeat(stop - start, *[1] * (self.ndim + 1))
            for image, box in zip(images, boxes[start:stop], strict=True):
                place = (slice(None), *box)
                image[place] = empty[0][place]
            return images

        return self.scores_of(len(boxes), take_away)

    def groups(self, kind: str, count: int) -> Tensor:
        """(*spatial) a number from 0 per voxel: the group it belongs to.

        Parameters
        ----------
        kind : {"segments", "grid", "label"}
            Superpixels or supervoxels; cells of a regular grid; the labels of the image's label map.
        count : int
            About how many; of no meaning for a label map.

        Raises
        ------
        MethodError
            If there is no label map.
        """
        if kind == "segments":
            return self.segments(count)
        if kind == "grid":
            return grid_cells(self.spatial, count).to(self.image.device)
        label = self.target.region.label
        if label is None:
            raise MethodError('Groups by "label" need a label map; give the image a "label" file.')
        numbered: Tensor = torch.unique(label, return_inverse=True)[1]
        return numbered.to(self.image.device)

    def group_scores(
        self, labels: Tensor, kept: Tensor, fill: Kind | float | Tensor = "zero"
    ) -> Tensor:
        """(N,) the number explained where only some groups of voxels are kept.

        Parameters
        ----------
        labels : Tensor
            (*spatial) each voxel's group, as `groups` gives them.
        kept : Tensor
            (N, groups) bool.
        fill : baseline or Tensor
            What stands in for the others: a kind of baseline, or an image (1, C, *spatial).
        """
        empty = fill if isinstance(fill, Tensor) else self.baseline(fill)
        kept = kept.to(self.image.device)
        return self.scores_of(
            len(kept), lambda a, b: torch.where(kept[a:b][:, labels][:, None], self.image, empty)
        )

    def scores_of(self, count: int, images: Callable[[int, int], Tensor]) -> Tensor:
        """(N,) the number explained, of images that ``images(start, stop)`` makes when needed.

        It may be asked for the same images again, where memory ran out.
        """
        scores = self._ask.scores(count, images, every=False)
        return scores[:, self._ask.objective.index]
