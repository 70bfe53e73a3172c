"""What becomes of the model's answer as more and more of the image is removed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from esegeta.evaluation.imputing import Imputer


class Removal:
    """Images (n, C, *spatial) with the first voxels of an order removed, made as they are needed.

    Parameters
    ----------
    imputer : Imputer
    order : Tensor
        (voxels,) indices of voxels.
    fractions : sequence of float
        Which part of all voxels each image lacks.
    generator : torch.Generator
    """

    def __init__(
        self,
        imputer: Imputer,
        order: Tensor,
        fractions: Sequence[float],
        generator: torch.Generator,
    ) -> None:
        self.imputer = imputer
        ranks = torch.empty_like(order)
        ranks[order] = torch.arange(len(order), device=order.device)
        self.ranks = ranks.reshape(imputer.image.shape[2:])
        self.counts = [round(fraction * len(order)) for fraction in fractions]
        # One seed per image, drawn first: the noise depends neither on the batch nor on a resumption.
        self.seeds = torch.randint(2**31, (len(self.counts),), generator=generator).tolist()

    def __call__(self, start: int, stop: int) -> Tensor:
        """The images of ``fractions[start:stop]``."""
        chosen = zip(self.counts[start:stop], self.seeds[start:stop], strict=True)
        return torch.cat([self.imputer(self.ranks < count, seed) for count, seed in chosen])
