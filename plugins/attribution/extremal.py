"""The smallest parts of an image that keep, or take away, the score."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import MethodError, Param, Passes, Probe, attribution, resample

#: Images between the sharp one and the blurred one, and the deviation of the blur as a part of a side.
LEVELS, BLUR = 8, 1 / 10
#: How sharp the soft maximum is (the paper's temperature is one over this).
SHARPNESS = 20.0
#: In cells of the mask: the deviation of the bells that its bumps are, and where they are cut.
BELL, REACH = 2.0, 5
#: Weight of the area against the score, at first and at the end; it grows by the same factor each step.
WEIGHTS = (1.0, 100.0)
#: Usual constants of Adam (Kingma & Ba, 2015).
MEMORY, SQUARES = 0.9, 0.999


@attribution(
    paper="Fong, Patrick & Vedaldi, ICCV 2019",
    passes=lambda p: Passes(
        2 + (1 + p.iterations) * len(p.areas) + (len(p.areas) > 1), p.iterations * len(p.areas)
    ),
)
def extremal_perturbation(
    probe: Probe,
    *,
    areas: Annotated[
        list[float], Param(gt=0, lt=1, help="Parts of the image that masks may cover")
    ] = [0.05, 0.1, 0.2, 0.4],  # noqa: B006  (a default that is only read)
    mode: Annotated[
        Literal["preserve", "delete"],
        Param(help="Look for what keeps the score, or for what takes it away"),
    ] = "preserve",
    iterations: Annotated[int, Param(ge=1, help="Steps of the optimisation, for each area")] = 300,
    cells: Annotated[
        int, Param(ge=4, help="Cells of the mask along the longest side; fewer are smoother")
    ] = 32,
    rate: Annotated[float, Param(gt=0, lt=1, help="Length of a step (of Adam)")] = 0.05,
) -> Tensor:
    """Where the evidence is: masks of given areas outside which the image may be blurred.

    For each area the smooth mask is sought that keeps the score highest while everything else is
    blurred (`preserve`), or brings it lowest while only what it covers is (`delete`). The map is
    the mean of the masks: it is highest where even the smallest needs the image. For each mask the
    notes hold the area that was reached and the score, as a part of that between the blurred
    image (0) and the image (1): the area from which the score is kept is the extremal one.

    Masks are coarse grids, made smooth by a soft maximum over bell-shaped bumps, which lets them be
    wholly on or off, unlike a blur. The blur of a voxel grows with what the mask takes of it. The area is
    held by the distance of the mask's sorted values from zeros and ones in the right proportion.
    """
    levels = _pyramid(probe.image)
    bottom = float(probe.score(levels[:1])[0])
    whole = probe.value - bottom
    if abs(whole) <= 1e-6 * max(abs(probe.value), abs(bottom)):
        raise MethodError(
            f"Blurring the whole image leaves the score as it is ({probe.value:g}): no part of the "
            "image's detail keeps it."
        )
    grid = [max(2, round(cells * size / max(probe.spatial))) for size in probe.spatial]
    # The bumps may also stand outside, so that the rim is like any other place.
    free = torch.full((len(areas), 1, *[n + 2 * REACH for n in grid]), 0.5).to(probe.image)
    wanted = torch.tensor(areas).to(probe.image)
    # Up, where the score is kept. Where it is taken away, what the mask covers is blurred.
    sense = 1.0 if mode == "preserve" else -1.0
    mean, square = torch.zeros_like(free), torch.zeros_like(free)
    for done in range(iterations):
        weight = WEIGHTS[0] * (WEIGHTS[1] / WEIGHTS[0]) ** (done / iterations)
        with torch.inference_mode(False), torch.enable_grad():
            leaf = free.clone().requires_grad_()
            masks = _bumps(leaf)
            images = _seen(levels, resample(masks, probe.spatial).clamp(0, 1), mode)
            pull = sense / whole * probe.gradient(images.detach())
            loss = weight * _misfit(masks, wanted) - (images * pull).sum()
            (slope,) = torch.autograd.grad(loss, leaf)
        mean = MEMORY * mean + (1 - MEMORY) * slope
        square = SQUARES * square + (1 - SQUARES) * slope.square()
        swing = (square / (1 - SQUARES ** (done + 1))).sqrt() + 1e-8
        free = (free - rate * mean / (1 - MEMORY ** (done + 1)) / swing).clamp(0, 1)
    masks = resample(_bumps(free), probe.spatial).clamp(0, 1)
    scores = probe.score(_seen(levels, masks, mode))
    probe.notes["masks"] = [
        {"area": area, "reached": float(mask.mean()), "score": (float(score) - bottom) / whole}
        for area, mask, score in zip(areas, masks, scores, strict=True)
    ]
    return masks.mean(0)


def _seen(levels: Tensor, masks: Tensor, mode: str) -> Tensor:
    """(N, C, *spatial) the image where masks (N, 1, *spatial) say how much is left, or taken."""
    sharp = (masks if mode == "preserve" else 1 - masks) * (len(levels) - 1)
    seen = torch.zeros_like(levels[:1])
    for number, level in enumerate(levels):
        # Each voxel lies between two levels, and takes of both.
        seen = seen + (1 - (sharp - number).abs()).clamp(min=0) * level
    return seen


def _pyramid(image: Tensor) -> Tensor:
    """(levels, C, *spatial) the image, from the most blurred to the sharp one itself."""
    parts = [1 - number / (LEVELS - 1) for number in range(LEVELS - 1)]
    return torch.cat([*(_blurred(image, BLUR * part) for part in parts), image])


def _blurred(image: Tensor, part: float) -> Tensor:
    """The image under a Gaussian whose deviation is a part of each side."""
    for axis in range(2, image.dim()):
        size = image.shape[axis]
        places = torch.arange(size, dtype=torch.float64)
        # Each row of the matrix is a Gaussian about its place; the edge's value goes on outside.
        far = math.ceil(4 * part * size)
        outside = torch.arange(-far, size + far, dtype=torch.float64)
        bell = (-(outside - places[:, None]).square() / (2 * (part * size) ** 2)).exp()
        bell = bell / bell.sum(1, keepdim=True)
        matrix = torch.zeros(size, size, dtype=torch.float64)
        matrix.index_add_(1, outside.long().clamp(0, size - 1), bell)
        image = (image.movedim(axis, -1) @ matrix.T.to(image)).movedim(-1, axis)
    return image


def _bumps(masks: Tensor) -> Tensor:
    """The soft maximum over bumps that stand on each cell, as high as its value; without the margin.

    A bell is a product over the axes, so one axis is done after the other. It is taken as a part of
    what ones give, so that a mask can be wholly on.
    """
    distance = torch.arange(-REACH, REACH + 1).to(masks)
    bell = (-distance.square() / (2 * BELL**2)).exp()
    top = _soft_maximum(bell)
    for axis in range(2, masks.dim()):
        masks = _soft_maximum(masks.unfold(axis, 2 * REACH + 1, 1) * bell) / top
    return masks


def _soft_maximum(values: Tensor) -> Tensor:
    """Over the last axis: the mean of the values, weighted by how large they are."""
    return (values * (SHARPNESS * values).softmax(-1)).sum(-1)


def _misfit(masks: Tensor, areas: Tensor) -> Tensor:
    """How far the sorted values of masks are from zeros and ones in the right proportion, squared.

    Equal values have no order: they all get the mean of what they would get together.
    """
    values, _ = masks.flatten(1).sort(dim=1)
    count = values.shape[1]
    # Where the step from 0 to 1 falls within a value's place, it takes a part of it.
    ranks = torch.arange(count).to(values)
    ends = (ranks + 1 - (1 - areas[:, None]) * count).clamp(0, 1)
    total = values.new_zeros(())
    for own, end in zip(values, ends, strict=True):
        _, ties, sizes = (
            (own.detach() * 1e4).round().unique_consecutive(return_inverse=True, return_counts=True)
        )
        shared = torch.zeros(len(sizes)).to(own).index_add_(0, ties, end) / sizes
        total = total + (own - shared[ties]).square().mean()
    return total
