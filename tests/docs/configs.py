"""Whole configs made of the parts that the book shows, with the files that they name."""

import copy
from pathlib import Path
from typing import Any

from esegeta.registry import find

WHOLE: dict[str, Any] = {
    "version": 1,
    "name": "shown",
    "models": [
        {
            "name": "unet",
            "factory": "unet3d.py:UNet3D",
            "task": "segmentation",
            "classes": ["background", "liver", "tumour"],
        }
    ],
    "images": [{"path": "t1.nii.gz"}],
    "methods": ["saliency"],
}
CLASSIFIER = {"name": "net", "factory": "model.py:Net", "task": "classification"}
FILES = (".py", ".safetensors", ".pt", ".pt2", ".gz", ".jpg", ".png", ".npz", ".npy", ".txt")


def whole(part: Any, steps: set[str]) -> dict[str, Any] | None:
    """Put a part of a config where it belongs; None where it is no part of one."""
    made = copy.deepcopy(WHOLE)
    if isinstance(part, list):
        first = part[0] if part and isinstance(part[0], dict) else {}
        if "use" in first:
            return made | {"preprocess" if first["use"] in steps else "methods": part}
        if part and (isinstance(part[0], str)):
            return made | {"methods": part}
        return made | {"images": part} if {"path", "factory"} & set(first) else None
    keys = set(part)
    if {"models", "images", "methods"} <= keys:
        return {"name": "shown"} | part  # a file's name stands for it
    if "task" in keys:
        return made | {"models": [part]}
    if "use" in keys:
        if part["use"] not in steps and _for_classifiers(part["use"]):
            made["models"] = [CLASSIFIER]
        plugin = find().plugins.get(part["use"])
        if plugin is not None and plugin.takes_artifact:
            part = {"artifact": "artifacts/made"} | part
        return made | {"preprocess" if part["use"] in steps else "methods": [part]}
    if {"class", "mask"} & keys or keys == {"target"}:
        target = part.get("target", part)
        if target.get("wrapper") == "classification":
            made["models"] = [CLASSIFIER]
        return made | {"target": target}
    if keys == {"evaluate"}:
        named = {name for entry in part["evaluate"] for name in _methods(entry)}
        return made | part | {"methods": sorted(named) or made["methods"]}
    if "train" in keys and keys <= {"train", "methods"}:
        return made | part | {"models": [_to_train(part["train"])]}
    if {"devices", "seed"} & keys:
        return made | {"execution": part}
    return None


def _to_train(trainings: list[dict[str, Any]]) -> dict[str, Any]:
    """Give a model that trainings are for; it has the weights of one that makes it."""
    made = CLASSIFIER
    for training in trainings:
        training.setdefault("output", f"artifacts/{training['use']}")
        if find().training(training["use"]).makes == "model":
            made = made | {"weights": f"{training['output']}/weights.safetensors"}
    return made


def _methods(entry: Any) -> list[str]:
    """Name the methods that a metric is for."""
    return entry.get("methods", []) if isinstance(entry, dict) else []


def _for_classifiers(method: str) -> bool:
    plugin = find().plugins.get(method)
    return plugin is not None and plugin.tasks == ("classification",)


def write_files(value: Any, folder: Path) -> None:
    """Make an empty file for each text that names one; a glob finds it."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            write_files(inner, folder)
        return
    if not isinstance(value, str):
        return
    text = value.partition(":")[0].replace("**", "a").replace("*", "x")
    if text.endswith("/"):
        (folder / text).mkdir(parents=True, exist_ok=True)
    elif text.endswith(FILES):
        (folder / text).parent.mkdir(parents=True, exist_ok=True)
        (folder / text).touch()
