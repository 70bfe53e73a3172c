"""A map judged by the model's own mask token, and intervals over images and trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from esegeta import Case

RESAMPLES = 1000
"""Of images and trainings, for an interval."""


class MaskedCase(Case):
    """A map whose patches are removed by the model's own mask token, not by other pixels.

    Parameters
    ----------
    model : OneForAll
    difference : bool
        Whether a masked image is read as a whole one, Σ (φ⁺ − φ⁻) over all patches; else, as it was
        trained to be, by Σ φ⁺ of what is seen and Σ φ⁻ of the rest.
    patches : Tensor
        (*spatial) the number of each voxel's patch.
    others
        As of `Case`.
    """

    def __init__(
        self, *args: Any, model: Any, difference: bool, patches: Tensor, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.model, self.difference, self.patches = model, difference, patches.flatten()

    def removed(
        self, fractions: Sequence[float], order: Tensor, imputation: str | float = "linear"
    ) -> Tensor:
        """(n,) the class's probability where the patches of the first voxels are masked."""
        # A patch is gone with the first of its voxels; groups that are removed are whole patches.
        count = int(self.patches.max()) + 1
        first = torch.full((count,), len(order)).scatter_reduce(
            0, self.patches[order], torch.arange(len(order)), "amin"
        )
        ends = torch.tensor([round(part * len(order)) for part in fractions])
        kept = (first >= ends[:, None])[None].to(self.probe.image.device)
        with torch.no_grad():
            parts = self.model.parts(self.probe.image, kept)
            whole = (parts[0] - parts[1]).sum(-2)
            logits = whole if self.difference else self.model.masked(parts, kept)
        found: Tensor = logits[0].double().softmax(-1)[:, self.probe.index].cpu()
        return found


def patches_of(model: Any, spatial: Sequence[int]) -> Tensor:
    """(*spatial) the number of each voxel's patch."""
    numbers = torch.zeros(tuple(spatial), dtype=torch.long)
    for axis, (size, cells) in enumerate(zip(spatial, model.grid, strict=True)):
        along = torch.arange(size) * cells // size
        numbers = numbers * cells + along.view(-1, *[1] * (len(spatial) - axis - 1))
    return numbers


Statistic = Callable[[Tensor, Tensor], Tensor]
"""(R,) of how often each training (R, trainings) and each image (R, images) counts."""


def mean_of(values: Tensor) -> Statistic:
    """The mean of values (trainings, images)."""

    def mean(trainings: Tensor, images: Tensor) -> Tensor:
        total = torch.einsum("rt,ti,ri->r", trainings, values.double(), images)
        return total / (trainings.sum(1) * images.sum(1))

    return mean


def auc_of(probabilities: Tensor, labels: Tensor) -> Statistic:
    """The area under the ROC curve; of several classes, the mean of each against the rest.

    Parameters
    ----------
    probabilities : Tensor
        (trainings, images, classes).
    labels : Tensor
        (images,). A class that all images or none have does not count.
    """
    classes = range(probabilities.shape[2]) if probabilities.shape[2] > 2 else (1,)

    def area(trainings: Tensor, images: Tensor) -> Tensor:
        found = []
        for number in classes:
            yes = labels == number
            above, below = probabilities[:, yes, number], probabilities[:, ~yes, number]
            wins = (above[:, :, None] > below[:, None]).double()
            wins += 0.5 * (above[:, :, None] == below[:, None])
            some, rest = images[:, yes], images[:, ~yes]
            total = torch.einsum("rt,tpn,rp,rn->r", trainings, wins, some, rest)
            found.append(total / (trainings.sum(1) * some.sum(1) * rest.sum(1)))
        return torch.stack(found).nanmean(0)

    return area


def difference(first: Statistic, second: Statistic, trainings: int) -> Statistic:
    """How much more the first is, of so many trainings, than the second, of those that follow."""

    def more(counted: Tensor, images: Tensor) -> Tensor:
        return first(counted[:, :trainings], images) - second(counted[:, trainings:], images)

    return more


def interval(
    statistic: Statistic, trainings: Sequence[int], images: int, seed: int
) -> tuple[float, float, float]:
    """A statistic, and what holds 95 % of its values over resampled trainings and images.

    Parameters
    ----------
    trainings : sequence of int
        How many there are of each kind; kinds are resampled apart.
    """
    generator = torch.Generator().manual_seed(seed)

    def counted(number: int) -> Tensor:
        drawn = torch.randint(number, (RESAMPLES, number), generator=generator)
        ones = torch.ones(drawn.shape, dtype=torch.float64)
        return torch.zeros(drawn.shape, dtype=torch.float64).scatter_add(1, drawn, ones)

    once = (torch.ones((1, number), dtype=torch.float64) for number in (sum(trainings), images))
    value = statistic(*once)
    values = statistic(torch.cat([counted(number) for number in trainings], 1), counted(images))
    low, high = values.nanquantile(torch.tensor([0.025, 0.975]).double()).tolist()
    return float(value), low, high
