"""Which target, and which artifact, holds for a model and a method."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esegeta.config.models import DEFAULT_WRAPPER, Config, Method, Model, Target
from esegeta.config.training import Training

Level = tuple[str, Target]
"""Where a target stands in the file, and the target."""


def class_names(model: Model) -> list[str]:
    """Name the classes of a model's scores; a single name is that of a single logit's "yes"."""
    if len(model.classes) == 1:
        return [f"not {model.classes[0]}", *model.classes]
    return list(model.classes)


def target_of(config: Config, model: Model, method: Method | None = None) -> Target:
    """Give the target of a job: the keys of the method's, else the model's, else the config's.

    The wrapper is always named in the result. A level that changes the wrapper does not inherit
    the parameters of the one it replaces.
    """
    levels = [("", config.target)]
    levels += [("", part.target) for part in (model, method) if part and part.target]
    return merged(levels, model)[0]


def merged(levels: Sequence[Level], model: Model, place: str = "") -> tuple[Target, dict[str, str]]:
    """Merge targets, the most general first; also say where in the file each key was decided.

    Parameters
    ----------
    levels : sequence of Level
    model : Model
        Which has patches of its own, where no target has any.
    place : str
        Where the model stands in the file.
    """
    values: dict[str, Any] = {}
    places = {
        key: f"{levels[0][0]}.{key}"
        for key in ("class", "wrapper", "mask", "with", "contrast", "patches")
    }
    for path, target in levels:
        given = {
            Target.model_fields[name].alias or name: getattr(target, name)
            for name in target.model_fields_set
        }
        if "wrapper" in given and given["wrapper"] != values.get("wrapper"):
            values.pop("with", None)
            places["with"] = f"{path}.with"
        values |= given
        places |= {key: f"{path}.{key}" for key in given}
    if values.get("patches") is None and model.patches is not None:
        values["patches"] = model.patches
        places["patches"] = f"{place}.patches"
    if values.get("wrapper") is None:
        values["wrapper"] = DEFAULT_WRAPPER[model.task]
    return Target.model_validate(values), places


def model_of(config: Config, training: Training) -> Model | None:
    """Give the model that a training is for; None where the config does not say."""
    if training.model is None:
        return config.models[0] if len(config.models) == 1 else None
    return next((model for model in config.models if model.name == training.model), None)


def base_of(config: Config, training: Training, use: str) -> Path | None:
    """Give the folder of what a training builds on, by default that of this config's training ``use``."""
    if training.base is not None:
        return training.base
    return next((other.output for other in config.train if other.use == use), None)


def artifact_of(config: Config, model: Model, method: Method) -> Path | None:
    """Give the folder of what a method was trained to: its own, else that of this config's training."""
    if method.artifact is not None:
        return method.artifact
    for training in config.train:
        if training.use == method.use and model_of(config, training) is model:
            return training.output
    return None
