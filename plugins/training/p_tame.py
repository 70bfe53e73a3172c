"""Trains the network that P-TAME explains with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from esegeta import Course, Learner, MethodError, Param, training

from .._p_tame_features import load
from .._p_tame_learner import PTameLearner, grids, tapped
from .._p_tame_losses import Fidelity, Weights, on_the_simplex


@training(
    paper="Ntrougkas, Gkalelis & Mezaris, 2025 (P-TAME); IEEE Access 2024 (T-TAME)",
    method="p_tame",
)
def train_p_tame(
    course: Course,
    *,
    features: Annotated[
        Literal["distilled", "given", "backbone"],
        Param(
            help="Whose features are combined: those of an auxiliary network that first learns what the "
            "model says, of one whose weights are given as start, or of the model itself (T-TAME)"
        ),
    ] = "distilled",
    auxiliary: Annotated[
        Literal["own", "resnet18", "mobilenet_v2", "mobilenet_v3_small"],
        Param(help="The auxiliary network: a small ResNet-18 for 2D and 3D, or torchvision's (2D)"),
    ] = "own",
    width: Annotated[
        int, Param(ge=1, help="Channels of the own network's first stage; later ones double them")
    ] = 16,
    cells: Annotated[
        int, Param(ge=4, help="The most cells of a map along an axis; larger images are halved")
    ] = 56,
    layers: Annotated[list[str], Param(help="For T-TAME: the model's layers, by name")] = [],  # noqa: B006
    distillation: Annotated[
        float, Param(gt=0, lt=1, help="Which part of the steps the auxiliary network learns for")
    ] = 0.25,
    target: Annotated[
        str, Param(help="The class that is explained: the one that the model predicts, or a name")
    ] = "predicted",
    fidelity: Annotated[
        Literal["auto", "cross_entropy", "drop"],
        Param(
            help="What keeps the map faithful: the cross entropy of the class, or which part of its score "
            "is lost; by itself the latter for segmentation"
        ),
    ] = "auto",
    cross_entropy: Annotated[float, Param(ge=0, le=1, help="Weight of the fidelity")] = 0.161429,
    area: Annotated[float, Param(ge=0, le=1, help="Weight of how much the maps show")] = 0.838571,
    variation: Annotated[
        float, Param(ge=0, le=1, help="Weight of how uneven the maps are; the three add up to 1")
    ] = 0.0,
    power: Annotated[
        float, Param(gt=0, help="The power of the maps in the area; below 1 it makes them sparse")
    ] = 0.3,
    learning_rate: Annotated[float, Param(gt=0, help="The highest of the cycle")] = 1e-3,
    weight_decay: Annotated[float, Param(ge=0, help="Of AdamW")] = 2.4267e-4,
) -> Learner:
    """Learn to show the parts of an image from which the model still knows its class.

    Only the model's output is used. Each image is masked by the map of the class that the model gives
    it, and passes again: the loss is the cross entropy of that class, plus how much the maps show, plus
    how uneven they are. Terms and their default weights are those the authors released for ResNet-50.
    The paper wants an auxiliary network trained on the model's own data; where there is none, it is
    distilled: for the first part of the steps it learns the model's answers, then it is frozen.
    """
    weights = on_the_simplex(Weights(cross_entropy, area, variation))
    example = course.low.reshape(1, -1, *[1] * course.ndim).expand(1, *course.shape)
    with torch.no_grad():
        segments = course.network(example).shape[2:].numel() > 1
    usual: Fidelity = "drop" if segments else "cross_entropy"
    shared: dict[str, Any] = {"classes": course.classes, "cells": cells}
    if features == "backbone":
        settings = {**shared, **_own_features(course, layers, example)}
    else:
        if layers:
            raise MethodError("P-TAME takes layers only with features 'backbone' (T-TAME)")
        settings = {
            **shared, "channels": course.shape[0], "spatial": list(course.shape[1:]),
            "auxiliary_network": auxiliary, "width": width,
        }  # fmt: skip
    learner = PTameLearner(
        course,
        settings,
        weights=weights,
        power=power,
        fidelity=usual if fidelity == "auto" else fidelity,
        segments=segments,
        truth=_class(course, target),
        rates=(learning_rate, weight_decay),
        teaching=max(1, round(distillation * course.steps)) if features == "distilled" else 0,
    )
    network = learner.kept.auxiliary
    if network is not None and course.start:
        load(network, course.start)
    elif features == "given":
        raise MethodError(
            "P-TAME with features 'given' begins with the auxiliary network's weights: name their file as "
            "\"start\", or take features 'distilled'"
        )
    return learner


def _own_features(course: Course, layers: Sequence[str], example: Tensor) -> dict[str, Any]:
    """The settings of T-TAME: the layers, and how many channels they have."""
    known = [name for name, _ in course.model.named_modules() if name]
    absent = [name for name in layers if name not in known]
    if absent or not layers:
        told = f"no layer {absent[0]!r}" if absent else "no layers named"
        raise MethodError(
            f"P-TAME with features 'backbone': {told}; the model has {', '.join(known)}"
        )
    with torch.no_grad(), tapped(course.model, layers) as found:
        course.network(example)
    widths = [feature.shape[1] for feature in grids(found, layers, course.ndim)]
    return {"layers": list(layers), "widths": widths, "ndim": course.ndim}


def _class(course: Course, name: str) -> int | None:
    if name == "predicted":
        return None
    if name not in course.class_names:
        known = ", ".join(course.class_names) or 'none, give the model\'s "classes"'
        raise MethodError(f"P-TAME's target {name!r} is no class; the classes are: {known}")
    return course.class_names.index(name)
