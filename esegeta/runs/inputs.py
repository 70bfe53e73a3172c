"""What a run reads: images, from a file or a factory, as a model sees them; and models' layers."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from esegeta import config, images, models
from esegeta.errors import EsegetaError, ImageError, ModelError, unknown
from esegeta.models.folder import importable


def prepared(
    spec: config.Image, steps: Sequence[config.Step], name: str | None = None
) -> images.Prepared:
    """Read an image with its label, and apply the preprocessing.

    Raises
    ------
    ImageError
        Where it cannot be read, made or prepared.
    """
    name = name or spec.name or "image"
    if spec.factory is not None:
        image = replace(made(spec.factory, spec.arguments), name=name)
    else:
        assert spec.path is not None, "an image has a path or a factory"
        image = images.read(
            spec.path,
            axes=spec.axes,
            key=spec.key,
            index=spec.index,
            label=spec.label,
            name=name,
        )
    return images.prepare(image, steps)


def layers(settings: config.Config) -> dict[str, list[models.LayerInfo]]:
    """List every model's layers, as they run on the first image the model is for.

    Raises
    ------
    ModelError, ImageError
        Where a model or its image cannot be loaded, or the one does not take the other.
    """
    listed = {}
    for model in settings.models:
        fitting = (
            image
            for image in config.expand(settings)
            if image.models is None or model.name in image.models
        )
        image = next(fitting, None)
        if image is None:
            raise ModelError(f"Model {model.name!r}: no image is for it, so it cannot be run.")
        steps = settings.preprocess if model.preprocess is None else model.preprocess
        tensor = prepared(image, steps).tensor[None]
        name = image.name or "the image"
        listed[model.name] = models.layers(models.load(model).module, tensor, name=name)
    return listed


def reference(path: Path, steps: Sequence[config.Step]) -> Any:
    """Read a reference image as the model sees it: (C, *spatial)."""
    return images.prepare(images.read(path), steps).tensor


def made(factory: str, arguments: dict[str, Any]) -> images.Image:
    """Call ``package.module:function`` or ``file.py:function``, which returns an image.

    Raises
    ------
    ImageError
        Where there is no such function, or it fails or returns something else.
    """
    place, _, name = factory.rpartition(":")
    try:
        if place.endswith(".py"):
            with importable(Path(place).parent) as folder:
                image = _function(folder.run(Path(place)), name)(**arguments)
        else:
            image = _function(importlib.import_module(place), name)(**arguments)
    except EsegetaError:
        raise
    except (Exception, SystemExit) as error:
        message = f"the image factory {factory!r} failed: {type(error).__name__}: {error}"
        raise ImageError(message) from error
    if not isinstance(image, images.Image):
        raise ImageError(
            f"the image factory {factory!r} returned a {type(image).__name__}; "
            "expected an esegeta.images.Image"
        )
    return image


def _function(owner: Any, name: str) -> Callable[..., Any]:
    for part in name.split("."):
        if not hasattr(owner, part):
            raise ImageError(unknown("function", part, [n for n in vars(owner) if n[0] != "_"]))
        owner = getattr(owner, part)
    return owner  # type: ignore[no-any-return]
