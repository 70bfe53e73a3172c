"""Whether relevance lies where a label says the object is."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Case, Measure, MethodError, Param, Passes, metric

Value = Annotated[
    int | None,
    Param(
        help="Which label is the object; by default any but 0, and of a segmentation the explained "
        "class's number"
    ),
]


@metric(paper="Zhang et al., IJCV 2018", best="high", passes=Passes())
def pointing_game(
    case: Case,
    *,
    value: Value = None,
    tolerance: Annotated[float, Param(ge=0, help="By how many voxels the point may miss")] = 0,
) -> Measure:
    """Whether the most relevant voxel lies on the labelled object: 1 or 0.

    The paper allows to miss by 15 pixels.
    """
    inside = _object(case, value)
    point = torch.unravel_index(case.order()[0].cpu(), inside.shape)
    misses = (inside.nonzero() - torch.stack(point)).double().norm(dim=1)
    distance = float(misses.min())
    return Measure(float(distance <= tolerance), more={"distance": distance, **_chance(inside)})


@metric(paper="Arras, Osman & Samek, Information Fusion 2022", best="high", passes=Passes())
def relevance_mass(case: Case, *, value: Value = None) -> Measure:
    """Which part of all positive relevance lies on the labelled object.

    What a map without information reaches is the object's part of the image, which is told beside.
    """
    inside = _object(case, value)
    positive = case.relevance.cpu().double().clamp(min=0)
    total = float(positive.sum())
    mass = float(positive[inside.flatten()].sum()) / total if total else 0.0
    return Measure(mass, more=_chance(inside))


@metric(paper="Arras, Osman & Samek, Information Fusion 2022", best="high", passes=Passes())
def relevance_rank(case: Case, *, value: Value = None) -> Measure:
    """Which part of the most relevant voxels, as many as the object has, lie on the labelled object."""
    inside = _object(case, value)
    size = int(inside.sum())
    hits = inside.flatten()[case.order()[:size].cpu()].sum()
    return Measure(float(hits) / size, more=_chance(inside))


def _chance(inside: Tensor) -> dict[str, float]:
    return {"object's part of the image": float(inside.double().mean())}


def _object(case: Case, value: int | None) -> Tensor:
    """(*spatial) bool, on the CPU: where the object is.

    Raises
    ------
    MethodError
        If the image has no label map, or no such label is in it.
    """
    if case.label is None:
        raise MethodError('Localisation needs a label map; give the image a "label" file.')
    label = case.label.cpu()
    if value is None and case.probe.target.region.used:  # a segmentation
        value = case.probe.index
    inside = label != 0 if value is None else label == value
    if not inside.any():
        which = "but 0" if value is None else value
        present = ", ".join(f"{number:g}" for number in label.unique().tolist()[:12])
        raise MethodError(
            f'The label map holds no label {which}, only {present}. Name one that it holds: "value".'
        )
    return inside
