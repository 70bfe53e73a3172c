"""What a run reads: images, from a file or a factory, as a model sees them; and models' layers."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from esegeta import config, images, models
from esegeta.errors import EsegetaError, ImageError, ModelError, shorten, unknown
from esegeta.models.folder import importable
from esegeta.probe import Patches
from esegeta.probe.tiling import Tiling


def prepared(
    spec: config.Image, steps: Sequence[config.Step], name: str | None = None
) -> images.Prepared:
    """Read an image with its label, and apply the preprocessing.

    Raises
    ------
    ImageError
        Where it cannot be read, made or prepared.
    """
    return images.prepare(as_it_is(spec, name), steps)


def as_it_is(spec: config.Image, name: str | None = None) -> images.Image:
    """Read an image with its label, or make it.

    Raises
    ------
    ImageError
        Where it cannot be read or made.
    """
    name = name or spec.name or "image"
    if spec.factory is not None:
        return replace(made(spec.factory, spec.arguments), name=name)
    assert spec.path is not None, "an image has a path or a factory"
    return images.read(
        spec.path,
        axes=spec.axes,
        key=spec.key,
        index=spec.index,
        label=spec.label,
        name=name,
    )


def layers(settings: config.Config) -> dict[str, list[models.LayerInfo]]:
    """List every model's layers, as they run on the first image the model is for.

    Raises
    ------
    ModelError, ImageError
        Where a model or its image cannot be loaded, or the one does not take the other.
    """
    return {model.name: layers_in(settings, model) for model in settings.models}


def layers_in(settings: config.Config, model: config.Model) -> list[models.LayerInfo]:
    """List a model's layers, as they run on the first image it is for.

    Raises
    ------
    ModelError, ImageError
        As `layers`.
    """
    fitting = (
        image
        for image in config.expand(settings)
        if image.models is None or model.name in image.models
    )
    image = next(fitting, None)
    if image is None:
        raise ModelError(f"Model {model.name!r}: no image is for it, so it cannot be run.")
    steps = settings.preprocess if model.preprocess is None else model.preprocess
    target = config.target_of(settings, model)
    tensor = prepared(image, steps).tensor[None]
    name = image.name or "the image"
    return layers_of(models.load(model).module, tensor, target, name)


def layers_of(
    module: nn.Module, image: Tensor, target: config.Target, name: str
) -> list[models.LayerInfo]:
    """List a network's layers as they run on an image (1, C, *spatial), or on its first patch.

    Raises
    ------
    ModelError, ImageError
        Where it does not take that.
    """
    try:
        return models.layers(module, as_taken(image, target), name=name)
    except ModelError as error:
        if target.patches is None:
            raise
        size = shorten(target.patches.size)
        raise ModelError(f"{error} The image passes in patches of size {size}.") from error


def patches_of(target: config.Target) -> Patches | None:
    """Give how a target's image is cut; None where it passes whole."""
    given = target.patches
    if given is None:
        return None
    batch = None if given.batch == "auto" else given.batch
    return Patches(given.size, given.overlap, given.blend, batch)


def as_taken(image: Tensor, target: config.Target) -> Tensor:
    """Give what the model takes of an image (1, C, *spatial): all of it, or its first patch."""
    patches = patches_of(target)
    return image if patches is None else Tiling(image.shape[2:], patches).cut(image, 0)


def reference(path: Path, steps: Sequence[config.Step]) -> Any:
    """Read a reference image as the model sees it: (C, *spatial)."""
    return images.prepare(images.read(path), steps).tensor


def called(factory: str, arguments: dict[str, Any], what: str) -> Any:
    """Call ``package.module:function`` or ``file.py:function``, and give what it returns.

    Parameters
    ----------
    what : str
        What it makes, for the message.

    Raises
    ------
    ImageError
        Where there is no such function, or it fails.
    """
    place, _, name = factory.rpartition(":")
    try:
        if place.endswith(".py"):
            with importable(Path(place).parent) as folder:
                return _function(folder.run(Path(place)), name)(**arguments)
        return _function(importlib.import_module(place), name)(**arguments)
    except EsegetaError:
        raise
    except (Exception, SystemExit) as error:
        message = f"the {what} factory {factory!r} failed: {type(error).__name__}: {error}"
        raise ImageError(message) from error


def made(factory: str, arguments: dict[str, Any]) -> images.Image:
    """Make an image by a function of the user's; see `called`.

    Raises
    ------
    ImageError
        Where there is no such function, or it fails or returns something else.
    """
    image = called(factory, arguments, "image")
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
