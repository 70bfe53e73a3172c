"""How well a map foretells what the score loses, and how steady it is near the image."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from esegeta import Baseline, Case, Measure, MethodError, Param, Passes, metric

PAPER = "Yeh et al., NeurIPS 2019"


@metric(paper=PAPER, best="low", passes=lambda p: Passes(forward=p.samples))
def infidelity(
    case: Case,
    *,
    samples: Annotated[int, Param(ge=2, help="Perturbed images; more make the error smaller")] = 64,
    noise: Annotated[
        float,
        Param(
            gt=0,
            le=1,
            help="Standard deviation of the noise that a map of slopes is tried on, "
            "as a part of the image's range",
        ),
    ] = 0.05,
    part: Annotated[
        float, Param(gt=0, lt=1, help="Part of the image that is taken away to try other maps")
    ] = 0.2,
    cells: Annotated[
        int, Param(ge=2, help="Cells per side of the grid in which it is taken away")
    ] = 8,
    baseline: Baseline = "zero",
    scaled: Annotated[
        bool, Param(help="Whether the map is first put on the score's scale, which many maps lack")
    ] = True,
) -> Measure:
    """How far a map is from foretelling what the score loses when the image is perturbed.

    The mean squared difference of the score's true loss and the loss that the map foretells, as a part
    of the mean square of the true loss: 0 for the exact attribution of a linear model, 1 for a map that
    foretells nothing. A map of slopes (a gradient) is tried on noise I, and foretells ⟨I, map⟩. Any other
    is tried on random cells that the baseline replaces, and foretells the sum of its values there.

    With ``scaled`` the map may first be multiplied by the one number that fits best. ``more`` holds the
    paper's own, unscaled figure in squares of the score, and that number.
    """  # fmt: skip
    instead = case.probe.baseline(baseline)
    foretold, lost = [], []
    for batch in case.batches(samples):
        number = batch.stop - batch.start
        if case.plugin.slope:
            change, said = _noise(case, number, noise)
        else:
            change, said = _taken_away(case, number, part, cells, instead)
        foretold.append(said.double().cpu())
        lost.append((case.probe.value - case.score(case.probe.image - change)).double().cpu())
    return _compared(torch.cat(foretold), torch.cat(lost), scaled)


def _noise(case: Case, number: int, noise: float) -> tuple[Tensor, Tensor]:
    """Noise (n, C, *spatial) to be subtracted, and the losses (n,) that slopes foretell."""
    image = case.probe.image
    spread = noise * float(image.max() - image.min())
    drawn = [torch.randn(image.shape, generator=case.rng) for _ in range(number)]
    change = spread * torch.cat(drawn).to(image)
    return change, (change * case.map).flatten(1).sum(1)


def _taken_away(
    case: Case, number: int, part: float, cells: int, instead: Tensor
) -> tuple[Tensor, Tensor]:
    """What random cells lose to the baseline (n, C, *spatial), and the losses (n,) that shares foretell."""
    image, spatial = case.probe.image, case.probe.spatial
    grid = [min(cells, side) for side in spatial]
    drawn = [torch.rand((1, 1, *grid), generator=case.rng) for _ in range(number)]
    gone = interpolate((torch.cat(drawn) < part).to(image), size=spatial, mode="nearest")
    return gone * (image - instead), (gone * case.map).flatten(1).sum(1)


def _compared(said: Tensor, lost: Tensor, scaled: bool) -> Measure:
    power = float(lost.square().mean())
    if power == 0:
        raise MethodError("No perturbation changed the score, so the map cannot be tried.")
    fit = float((said * lost).mean() / said.square().mean()) if said.any() else 0.0
    weight = fit if scaled else 1.0
    errors = (weight * said - lost).square() / power
    raw = float((said - lost).square().mean())
    return Measure(
        float(errors.mean()),
        float(errors.std()) / math.sqrt(len(lost)),
        more={"unscaled": raw, "scale": weight},
    )


@metric(
    paper=PAPER,
    best="low",
    passes=lambda p, one: p.samples * one,
)
def sensitivity(
    case: Case,
    *,
    samples: Annotated[int, Param(ge=1, help="Images near the image")] = 10,
    radius: Annotated[
        float,
        Param(gt=0, le=1, help="How far each voxel may be moved, as a part of the image's range"),
    ] = 0.02,
) -> Measure:
    """How much the map changes where the image hardly does: the largest relative change.

    Every voxel is moved at random by up to ``radius`` and the map is made again; the change is the norm
    of the difference over the norm of the map. ``more`` holds the mean change. Where the model itself
    jumps, a faithful map does too.
    """
    image = case.probe.image
    reach = radius * float(image.max() - image.min())
    norm = case.map.norm()
    changes: list[float] = []
    for batch in case.batches(samples):
        drawn = [torch.rand(image.shape, generator=case.rng) for _ in range(samples)[batch]]
        near = image + reach * (2 * torch.cat(drawn).to(image) - 1)
        changes += [float((map - case.map).norm() / norm) for map in case.nearby(near)]
    return Measure(max(changes), more={"mean": sum(changes) / samples})
