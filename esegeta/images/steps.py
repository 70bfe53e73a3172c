"""The preprocessing steps there are, and whether a config's fit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from esegeta.errors import nearest, shorten, unknown
from esegeta.images import values as v
from esegeta.images.values import Kind


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


def check_steps(steps: Sequence[Step]) -> list[tuple[int, str]]:
    """Find what is wrong with preprocessing steps before there is an image.

    Returns
    -------
    list of (int, str)
        The step's index, and a sentence that says what is wrong and what would be valid.
    """
    return [(i, message) for i, step in enumerate(steps) for message in _check(step)]


def _check(step: Step) -> list[str]:
    known = STEPS.get(step.use)
    if known is None:
        return [_no_such(step.use)]
    messages = [_argument(step.use, name, value) for name, value in step.with_.items()]
    messages += [
        f"{step.use} needs {name!r}: {known[name].says}"
        for name in _NEEDED.get(step.use, [])
        if name not in step.with_
    ]
    found = [message for message in messages if message]
    return found or [message for message in [_together(step.use, step.with_)] if message]


def _no_such(name: str) -> str:
    if name.startswith("Random") or name == "OneOf":
        return (
            f"{name} is random; an explanation is of one image, so every step must give the same "
            f"image each time. There are: {', '.join(STEPS)}"
        )
    guess = nearest(name, STEPS)
    hint = f"; did you mean {guess!r}?" if guess else "."
    return f"there is no preprocessing step {name!r}{hint} There are: {', '.join(STEPS)}"


def _argument(step: str, name: str, value: object) -> str | None:
    kind = STEPS[step].get(name)
    if kind is None:
        return f"{step}: {unknown('argument', name, STEPS[step])}"
    if kind.accepts(value):
        return None
    return f"{step}: {name!r} must be {kind.says}, not {shorten(value)}"


def _together(step: str, given: Mapping[str, Any]) -> str | None:
    """Say which arguments, each right by itself, do not go together."""
    low, high = given.get("out_min"), given.get("out_max")
    if step == "Clamp" and low is None and high is None:
        return "Clamp needs 'out_min' or 'out_max'"
    if step == "Clamp" and low is not None and high is not None and low > high:
        return f"Clamp: 'out_min' ({low}) must not be above 'out_max' ({high})"
    if step == "ChannelNormalization" and len(given["mean"]) != len(given["std"]):
        return (
            f"ChannelNormalization: 'mean' has {len(given['mean'])} numbers, 'std' "
            f"{len(given['std'])}; both need one per channel"
        )
    if step == "CropOrPad":
        return _crop_or_pad(given)
    if step == "Mask" and given.get("labels") and given["masking_method"] != "label":
        return "Mask: 'labels' needs 'masking_method' to be 'label'"
    return None


def _crop_or_pad(given: Mapping[str, Any]) -> str | None:
    shape = given.get("target_shape")
    if shape is None and given.get("mask_name") is None:
        return "CropOrPad needs 'target_shape', or 'mask_name' to crop to the label"
    if given.get("only_crop") and given.get("only_pad"):
        return "CropOrPad: 'only_crop' and 'only_pad' exclude each other"
    if given.get("labels") and given.get("mask_name") is None:
        return "CropOrPad: 'labels' needs 'mask_name' to be 'label'"
    sizes = shape if isinstance(shape, (list, tuple)) else [shape]
    if given.get("units", "voxels") == "voxels" and any(
        size is not None and size != int(size) for size in sizes
    ):
        return f"CropOrPad: 'target_shape' in voxels must be whole numbers, not {shape}"
    return None
