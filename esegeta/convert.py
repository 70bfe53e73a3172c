"""From a config of TorchEsegeta to one of esegeta, with everything that had to be chosen."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esegeta import convert_methods
from esegeta.config.fields import as_name
from esegeta.config.reading import read
from esegeta.convert_methods import literal
from esegeta.errors import ConfigError, Problem, RunError, nearest, shorten
from esegeta.files import replacing
from esegeta.plugin import Plugin

KEYS = {
    *("model_nature", "model_name", "dataset", "test_run", "is_3d", "isDepthFirst"),
    *("batch_dim_present", "default", "resize", "centre_crop", "mean_vec", "std_vec"),
    *("patch_size", "patch_overlap", "log_level", "output_path", "amp_enbled"),
    *("share_gpu_threads", "timeout_enabled", "timeout_time", "methods", "explain_methods"),
}
"""Its top-level keys, as it spells them."""

LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "warning", 50: "warning"}

#: Clearly no model and no image, where none is named: `esegeta validate` says that they are missing.
MODEL, IMAGE = "YOUR_MODEL.py:YourModel", "YOUR_IMAGE.nii.gz"


@dataclass
class Conversion:
    """A config of esegeta, and what had to be chosen on the way.

    Parameters
    ----------
    config : dict
        JSON data.
    notes : list of str
        What was chosen, what was left out, and what is not known.
    """

    config: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def convert(
    path: Path,
    methods: Iterable[Plugin],
    *,
    model: str | None = None,
    weights: Path | None = None,
    images: Sequence[Path] = (),
    base: Path | None = None,
) -> Conversion:
    """Convert a config file of TorchEsegeta.

    The model, its weights and the images were no part of it, but given in Python; so they are
    parameters here, and clearly named gaps where they are not given. Texts that TorchEsegeta evaluated
    are read as numbers and lists; no code is run.

    Parameters
    ----------
    methods : iterable of Plugin
        The methods there are.
    model : str, optional
        ``file.py:Class``, ``package.module:callable`` or a TorchScript or torch.export file.
    weights : Path, optional
    images : sequence of Path
    base : Path, optional
        The folder that the config will be in; by default this one.

    Raises
    ------
    ConfigError
        If the file is no such config.
    """
    data = read(path)
    if not isinstance(data, Mapping) or not isinstance(data.get("methods", []), list):
        raise ConfigError([Problem("", "this is no config of TorchEsegeta: an object")], str(path))
    if not KEYS & set(data) - {"methods"} and "methods" not in data:
        raise ConfigError(
            [Problem("", "this is no config of TorchEsegeta: none of its keys is there")], str(path)
        )
    made = Conversion({})
    place = base or Path()
    for key in data:
        if key not in KEYS:
            guess = nearest(key, KEYS)
            made.notes.append(
                f"unknown key {key!r}" + (f"; did you mean {guess!r}?" if guess else "")
            )
    found = {key: literal(value) for key, value in data.items()}
    made.config = {"version": 1, "name": as_name(str(found.get("dataset") or path.stem), "run")}
    made.config["models"] = [_model(found, made, model, weights, place)]
    made.config["images"] = _images(found, made, images, place)
    _preprocess(found, made)
    made.config["methods"] = _methods(data, made, {one.name: one for one in methods})
    _execution(found, made)
    return made


def write(made: Conversion, path: Path, *, force: bool = False) -> None:
    """Write a converted config.

    Raises
    ------
    RunError
        If there is a file already and it may not be replaced, or the place cannot be written to.
    """
    if path.exists() and not force:
        raise RunError(f"{path} is there already; --force writes over it")
    try:
        with replacing(path) as new:
            new.write_text(json.dumps(made.config, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error


def _model(
    found: Mapping[str, Any],
    made: Conversion,
    model: str | None,
    weights: Path | None,
    base: Path,
) -> dict[str, Any]:
    name = found.get("model_name")
    entry: dict[str, Any] = (
        {"name": as_name(name, "model")} if isinstance(name, str) and name else {}
    )
    place, _, attribute = (model or MODEL).rpartition(":")
    if model is None:
        entry["factory"] = MODEL
        made.notes.append(f"the model was given in Python: put yours in the place of {MODEL!r}")
    elif place.endswith(".py"):
        entry["factory"] = f"{_relative(Path(place), base)}:{attribute}"
    elif place and not Path(model).exists():
        entry["factory"] = model
    else:
        entry["file"] = _relative(Path(model), base)
    if weights is not None:
        entry["weights"] = _relative(weights, base)
    elif "factory" in entry:
        made.notes.append('the weights were given in Python: add "weights" to the model')
    nature = str(found.get("model_nature", "")).lower()
    entry["task"] = "segmentation" if "seg" in nature else "classification"
    if "seg" not in nature and "class" not in nature:
        made.notes.append(f"model_nature is {nature!r}: taken for a classification network")
    made.notes.append('the target was given in Python: here it is the predicted class ("target")')
    patches = _patches(found, made)
    if patches and entry["task"] == "segmentation":
        entry["patches"] = patches
    elif patches:
        made.notes.append("patches are for segmentation networks: left out")
    return entry


def _patches(found: Mapping[str, Any], made: Conversion) -> dict[str, Any] | None:
    size, overlap = _sides(found.get("patch_size")), _sides(found.get("patch_overlap"), least=0)
    if size is None:
        return None
    patches: dict[str, Any] = {"size": size}
    longest = [overlap] if isinstance(overlap, int) else overlap
    shortest = min([size] if isinstance(size, int) else size)
    if longest is not None and max(longest) < shortest:
        patches["overlap"] = overlap
    elif longest is not None:
        made.notes.append(
            f"patch_overlap {overlap} is not below patch_size {size}: a quarter of it"
        )
    return patches


def _images(
    found: Mapping[str, Any], made: Conversion, images: Sequence[Path], base: Path
) -> list[dict[str, Any]]:
    if not images:
        made.notes.append(f"the images were given in Python: put yours in the place of {IMAGE!r}")
    if found.get("isDepthFirst") is not None or found.get("batch_dim_present") is not None:
        made.notes.append(
            'isDepthFirst and batch_dim_present: files say how they lie; for npy and npz give "axes"'
        )
    return [{"path": _relative(path, base)} for path in images] or [{"path": IMAGE}]


def _preprocess(found: Mapping[str, Any], made: Conversion) -> None:
    steps: list[dict[str, Any]] = []
    for key, step in (("resize", "Resize"), ("centre_crop", "CropOrPad")):
        sides = _sides(found.get(key))
        if sides is not None:
            steps.append({"use": step, "with": {"target_shape": sides}})
        elif found.get(key) not in (None, False, -1, 0, []):
            made.notes.append(f"{key} is {shorten(found[key])}, no size: left out")
    mean, deviation = (found.get(key) or [] for key in ("mean_vec", "std_vec"))
    if _numbers(mean) and _numbers(deviation, above=0) and len(mean) == len(deviation):
        steps.append({"use": "ChannelNormalization", "with": {"mean": mean, "std": deviation}})
    elif mean or deviation:
        made.notes.append("mean_vec and std_vec are not as many numbers each: left out")
    if steps:
        made.config["preprocess"] = steps


def _methods(
    data: Mapping[str, Any], made: Conversion, methods: Mapping[str, Plugin]
) -> list[dict[str, Any]]:
    volume = data.get("is_3d")
    ndim = None if volume is None else 3 if literal(volume) else 2
    listed = [data.get("methods"), data.get("explain_methods")]
    found: list[dict[str, Any]] = []
    judging: list[str] = []
    for entry in (one for some in listed if isinstance(some, list) for one in some):
        if not isinstance(entry, Mapping):
            made.notes.append(f"{shorten(entry)} is no method: left out")
            continue
        converted = convert_methods.method(entry, methods, ndim, made.notes.append)
        if converted is not None:
            found.append(converted)
            judging += convert_methods.metrics(entry)
    if not found:
        made.notes.append("no method is left: one, saliency, is put in")
        found = [{"use": "saliency"}]
    if judging:
        made.config["evaluate"] = list(dict.fromkeys(judging))
        made.notes.append("its metrics now judge the maps of every method")
    if literal(data.get("amp_enbled")):
        for one in found:
            if methods[one["use"]].precision == "full":
                one["amp"] = "off"  # of others it is the run's
    return convert_methods.distinct(found, made.notes.append)


def _execution(found: Mapping[str, Any], made: Conversion) -> None:
    execution: dict[str, Any] = {}
    seconds: Any = found.get("timeout_time")
    if found.get("timeout_enabled") and _number(seconds) and seconds > 0:
        execution["timeout"] = f"{seconds}s"
        made.notes.append(f"the timeout of {seconds} s is that of each job, not of the run")
    share = found.get("share_gpu_threads")
    if isinstance(share, int) and not isinstance(share, bool) and 1 < share <= 64:
        execution["jobs_per_device"] = share
    level = found.get("log_level")
    level = LEVELS.get(level) if isinstance(level, int) else str(level or "").lower()
    if level in LEVELS.values():
        execution["log"] = level
    if found.get("amp_enbled"):
        execution["amp"] = "fp16"
        made.notes.append('amp: "fp16", which is for GPUs; on a CPU take "bf16" or "off"')
    if any(key in found for key in ("test_run", "default")):
        made.notes.append("test_run and default have no counterpart: try a run with 'esegeta plan'")
    if execution:
        made.config["execution"] = execution
    output = found.get("output_path")
    if isinstance(output, str) and output:
        made.config["output"] = output


def _sides(value: Any, least: int = 1) -> int | list[int] | None:
    """A size, or one per axis; None where it is switched off (-1), or is none."""
    sides = value if isinstance(value, list) else [value]
    whole = all(isinstance(side, int) and not isinstance(side, bool) for side in sides)
    if not whole or not 1 <= len(sides) <= 3 or min(sides) < least:
        return None
    return sides if len(sides) > 1 else int(sides[0])


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbers(value: Any, above: float | None = None) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(_number(one) and (above is None or one > above) for one in value)


def _relative(path: Path, base: Path) -> str:
    """A path as the new config, in its folder, has to name it."""
    if path.is_absolute() or str(path).startswith("~"):
        return str(path)
    return Path(os.path.relpath(path, base)).as_posix()
