"""The preprocessing steps there are, and whether a config's fit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from esegeta.errors import Problem, counted, join, nearest, shorten
from esegeta.images import values as v
from esegeta.images.values import Kind, Schema


class Step(Protocol):
    """One step of a config: a name, and arguments (the JSON key ``with``)."""

    @property
    def use(self) -> str:
        """Name of the step."""

    @property
    def with_(self) -> Mapping[str, Any]:
        """Arguments by name."""


_PADDING = v.NUMBER | v.one_of(
    "minimum", "maximum", "mean", "median", "edge", "reflect", "symmetric", "wrap", "linear_ramp"
)
_BOUNDS = v.COUNT | v.several(v.COUNT, 2, 3, 4, 6)
_MASK = v.one_of("mean", "label") | _BOUNDS | v.NOTHING
_INTERPOLATION = v.one_of(
    "linear", "nearest", "cubic", "bspline", "gaussian", "lanczos", "hamming", "cosine", "welch"
)

# torchio's own names, meanings and defaults. Left out: what is random, what mirrors an image but
# not its affine, arguments that name files or other images, and masks by anatomical side, for
# which torchio takes every image to be RAS.
STEPS: dict[str, dict[str, Kind]] = {
    "ZNormalization": {"masking_method": _MASK},
    "RescaleIntensity": {
        "out_min_max": v.RANGE | v.POSITIVE,
        "percentiles": v.PERCENTILES,
        "in_min_max": v.RANGE | v.NOTHING,
        "masking_method": _MASK,
    },
    "Clamp": {"out_min": v.NUMBER | v.NOTHING, "out_max": v.NUMBER | v.NOTHING},
    "Mask": {
        "masking_method": _MASK,
        "outside_value": v.NUMBER,
        "labels": v.several(v.WHOLE) | v.NOTHING,
    },
    "HistogramStandardization": {"landmarks": v.several(v.NUMBER, 13), "masking_method": _MASK},
    "ChannelNormalization": {"mean": v.several(v.NUMBER), "std": v.several(v.POSITIVE)},
    "Resample": {
        "target": v.POSITIVE | v.several(v.POSITIVE, 2, 3),
        "image_interpolation": _INTERPOLATION,
        "antialias": v.FLAG,
    },
    "Resize": {
        "target_shape": v.KEPT | v.several(v.KEPT, 2, 3),
        "image_interpolation": v.one_of("linear", "nearest", "cubic"),
    },
    "CropOrPad": {
        "target_shape": v.POSITIVE | v.several(v.POSITIVE | v.NOTHING, 2, 3) | v.NOTHING,
        "padding_mode": _PADDING,
        "mask_name": v.one_of("label") | v.NOTHING,
        "labels": v.several(v.WHOLE) | v.NOTHING,
        "only_crop": v.FLAG,
        "only_pad": v.FLAG,
        "units": v.one_of("voxels", "mm", "cm"),
    },
    "Crop": {"cropping": _BOUNDS},
    "Pad": {"padding": _BOUNDS, "padding_mode": _PADDING},
    "EnsureShapeMultiple": {
        "target_multiple": v.SIZE | v.several(v.SIZE, 2, 3),
        "method": v.one_of("pad", "crop"),
    },
    "ToCanonical": {},
    "ToOrientation": {"orientation": v.ORIENTATION},
}
_NEEDED = {
    "Mask": ["masking_method"],
    "HistogramStandardization": ["landmarks"],
    "ChannelNormalization": ["mean", "std"],
    "Resize": ["target_shape"],
    "Crop": ["cropping"],
    "Pad": ["padding"],
    "EnsureShapeMultiple": ["target_multiple"],
    "ToOrientation": ["orientation"],
}


def check_steps(steps: Sequence[Step], path: str = "preprocess") -> list[Problem]:
    """Find what is wrong with preprocessing steps before there is an image.

    Parameters
    ----------
    steps : sequence of Step
    path : str
        Where they stand in the config; the problems' paths begin with it.
    """
    return [problem for i, step in enumerate(steps) for problem in _check(step, join(path, i))]


def step_schemas() -> dict[str, Schema]:
    """Give the JSON Schema of each step's arguments, by the step's name."""
    return {
        name: {
            "type": "object",
            "properties": {
                argument: {"description": kind.says, **kind.schema}
                for argument, kind in arguments.items()
            },
            "required": list(_NEEDED.get(name, [])),
            "additionalProperties": False,
        }
        for name, arguments in STEPS.items()
    }


def _check(step: Step, path: str) -> list[Problem]:
    known = STEPS.get(step.use)
    if known is None:
        return [_no_such(step.use, f"{path}.use")]
    problems = [
        _argument(step.use, name, value, join(f"{path}.with", name))
        for name, value in step.with_.items()
        if not (name in known and known[name].accepts(value))
    ]
    problems += [
        Problem(f"{path}.with.{name}", f"{step.use} needs this argument", None, known[name].says)
        for name in _NEEDED.get(step.use, [])
        if name not in step.with_
    ]
    if problems:
        return problems
    message = _together(step.use, step.with_)
    return [Problem(f"{path}.with", message)] if message else []


def _no_such(name: str, path: str) -> Problem:
    message, guess = "there is no such preprocessing step", nearest(name, STEPS)
    if name.startswith("Random") or name == "OneOf":
        guess = None
        message = (
            "this step is random; an explanation is of one image, so every step must give the "
            "same image each time"
        )
    return Problem(path, message, repr(name), ", ".join(STEPS), guess)


def _argument(step: str, name: str, value: object, path: str) -> Problem:
    """Say what is wrong with an argument."""
    known = STEPS[step]
    if name not in known:
        valid = ", ".join(known) or "no arguments at all"
        return Problem(path, f"{step} has no such argument", None, valid, nearest(name, known))
    return Problem(path, "this value does not fit", shorten(value), known[name].says)


def _together(step: str, given: Mapping[str, Any]) -> str | None:
    """Say which arguments, each right by itself, do not go together."""
    low, high = given.get("out_min"), given.get("out_max")
    if step == "Clamp" and low is None and high is None:
        return "Clamp needs 'out_min' or 'out_max'"
    if step == "Clamp" and low is not None and high is not None and low > high:
        return f"'out_min' ({low}) must not be above 'out_max' ({high})"
    if step == "ChannelNormalization" and len(given["mean"]) != len(given["std"]):
        return (
            f"'mean' has {counted(len(given['mean']), 'number')}, 'std' "
            f"{len(given['std'])}; both need one per channel"
        )
    if step == "CropOrPad":
        return _crop_or_pad(given)
    if step == "Mask" and given.get("labels") and given["masking_method"] != "label":
        return "'labels' needs 'masking_method' to be 'label'"
    return None


def _crop_or_pad(given: Mapping[str, Any]) -> str | None:
    shape = given.get("target_shape")
    if shape is None and given.get("mask_name") is None:
        return "CropOrPad needs 'target_shape', or 'mask_name' to crop to the label"
    if given.get("only_crop") and given.get("only_pad"):
        return "'only_crop' and 'only_pad' exclude each other"
    if given.get("labels") and given.get("mask_name") is None:
        return "'labels' needs 'mask_name' to be 'label'"
    sizes = shape if isinstance(shape, (list, tuple)) else [shape]
    if given.get("units", "voxels") == "voxels" and any(
        size is not None and size != int(size) for size in sizes
    ):
        return f"'target_shape' in voxels must be whole numbers, not {shape}"
    return None
