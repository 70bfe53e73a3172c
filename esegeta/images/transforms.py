"""One preprocessing step on one image: torchio's, with arguments completed for 2D."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from esegeta.errors import ImageError
from esegeta.images import grid
from esegeta.images.image import Affine
from esegeta.images.steps import Step

_MODES = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest-exact"}


def apply(step: Step, subject: Any, ndim: int) -> Any:
    """Apply one checked step to a torchio subject with the images "image" and perhaps "label".

    Warnings in which torchio says that it left something undone become errors.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        if step.use == "ChannelNormalization":
            return _channel_normalization(subject, **step.with_)
        if step.use == "Resample":
            return _resample(subject, ndim, **step.with_)
        if step.use == "Resize":
            return _resize(subject, ndim, **step.with_)
        return _torchio(step, subject, ndim)


def _torchio(step: Step, subject: Any, ndim: int) -> Any:
    import torchio

    arguments = {
        name: _completed(name, value, ndim) if name in _DEPTH else value
        for name, value in step.with_.items()
    }
    masking = arguments.get("masking_method")
    if masking == "mean":
        arguments["masking_method"] = torchio.ZNormalization.mean
    elif masking == "label":
        arguments["masking_method"] = _label_mask(subject, arguments.pop("labels", None))
    if "landmarks" in arguments:
        arguments["landmarks"] = {"image": np.array(arguments["landmarks"], dtype=float)}
    if arguments.get("mask_name"):
        _label(subject)
    return getattr(torchio, step.use)(**arguments)(subject)


def _label(subject: Any) -> Any:
    if "label" not in subject:
        raise ImageError("it needs the image's label, and the image has none.")
    return subject["label"].data


def _label_mask(subject: Any, labels: Sequence[int] | None) -> Any:
    """Give a function from an image tensor to the mask of its label, every channel alike."""
    label = _label(subject)
    mask = label > 0 if labels is None else sum(label == number for number in labels) > 0
    return lambda tensor: mask.expand_as(tensor)


_BOUNDS = ("cropping", "padding", "masking_method")  # two numbers for each axis
_DEPTH = {"target_shape": None, "target_multiple": 1, **dict.fromkeys(_BOUNDS, 0)}
"""Arguments along axes, and what leaves the one slice of a picture as it is."""


def _completed(name: str, value: Any, ndim: int) -> Any:
    """Give the three axes torchio wants: a picture's third is its one slice."""
    bounds = name in _BOUNDS
    values = tuple(value) if isinstance(value, (list, tuple)) else value
    if ndim == 2 and bounds and isinstance(values, tuple) and len(values) in (3, 6):
        raise ImageError(f"{name!r} has {len(values)} numbers; a picture needs one, two or four.")
    if ndim == 3 or values is None or isinstance(values, str):
        if isinstance(values, tuple) and len(values) in (2, 4):
            raise ImageError(f"{name!r} has {len(values)} numbers; a volume needs one or three.")
        return values
    if not isinstance(values, tuple):
        values = (values, values)
    if bounds and len(values) == 2:
        values = tuple(v for v in values for _ in range(2))
    missing = (6 if bounds else 3) - len(values)
    return values + (_DEPTH[name],) * missing


def _channel_normalization(subject: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
    import torch

    data = subject["image"].data
    if len(mean) not in (1, len(data)):
        raise ImageError(
            f"'mean' and 'std' are of {len(mean)} channels, but the image has {len(data)}."
        )
    shift, scale = (torch.tensor(v, dtype=data.dtype).view(-1, 1, 1, 1) for v in (mean, std))
    subject["image"].set_data((data - shift) / scale)
    return subject


def _resample(
    subject: Any,
    ndim: int,
    target: float | Sequence[float] = 1,
    image_interpolation: str = "linear",
    antialias: bool = False,
) -> Any:
    image = subject["image"]
    old = grid.spacing(image.affine)
    sides = [target] * ndim if isinstance(target, (int, float)) else list(target)
    if ndim == 3 and len(sides) == 2:
        raise ImageError("'target' has 2 numbers; a volume needs one or three.")
    if ndim == 2:
        sides = [*sides[:2], old[2]]
    shape, affine = grid.of_spacing(image.spatial_shape, image.affine, sides)
    if min(shape) < 1:
        there = [float(f"{side:.4g}") for side in old[:ndim]]
        raise ImageError(
            f"a spacing of {target} mm leaves nothing of {image.spatial_shape[:ndim]} at "
            f"{tuple(there)} mm."
        )
    if antialias:
        import torch

        image.set_data(torch.from_numpy(grid.smooth(image.numpy(), sides / old)))
    return _onto(subject, shape, affine, image_interpolation)


def _resize(
    subject: Any,
    ndim: int,
    target_shape: int | Sequence[int],
    image_interpolation: str = "linear",
) -> Any:
    image = subject["image"]
    wanted = _completed("target_shape", target_shape, ndim)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,) * 3
    wanted = [n if w in (-1, None) else w for n, w in zip(image.spatial_shape, wanted, strict=True)]
    shape, affine = grid.of_shape(image.spatial_shape, image.affine, wanted)
    if ndim == 3:
        return _onto(subject, shape, affine, image_interpolation)
    # torchio samples single pixels, which aliases a photograph; vision models are trained on
    # pictures whose every pixel counted, as Pillow and torchvision make them.
    resized = _antialiased(image.data[..., 0], shape[:2], _MODES[image_interpolation])
    subject = _onto(subject, shape, affine, "nearest")
    subject["image"].set_data(resized[..., None])
    return subject


def _antialiased(picture: Any, shape: Sequence[int], mode: str) -> Any:
    from torch.nn.functional import interpolate

    return interpolate(picture[None], tuple(shape), mode=mode, antialias=mode[0] == "b")[0]


def _onto(subject: Any, shape: Sequence[int], affine: Affine, interpolation: str) -> Any:
    """Resample image and label onto a grid, the label with the nearest value."""
    import torchio

    return torchio.Resample((tuple(shape), affine), image_interpolation=interpolation)(subject)
