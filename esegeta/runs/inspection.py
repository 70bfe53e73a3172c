"""What the wizard asks of parts of a config; see `esegeta.inspecting`."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from esegeta import config, models
from esegeta.errors import ConfigError, EsegetaError, Problem
from esegeta.images import Prepared, prepare
from esegeta.models.layers import expected_input
from esegeta.registry import Registry
from esegeta.runs.bench import Bench
from esegeta.runs.inputs import as_it_is, layers_in
from esegeta.runs.plan import Group, make

Request = dict[str, Any]
PLACEHOLDER = {"factory": "placeholder:placeholder"}
"""What stands for the images of a config that has none yet."""

LARGEST = 256
"""Voxels per side of a preview, at most."""

TOLD = 10
"""The most likely classes that a prediction tells."""


def checked(request: Request, registry: Registry) -> dict[str, Any]:
    """Say everything that is wrong with a config, and what its run would do where nothing is."""
    data, base = request["config"], Path(request["base"])
    settings, problems = config.examine(data, base, registry)
    plan = None
    if settings is not None and not problems:
        try:
            plan = make(settings, registry).record()["totals"]
        except ConfigError as error:
            problems = error.problems
    return {"id": request.get("id"), "problems": [vars(p) for p in problems], "plan": plan}


def _settings(request: Request, images: bool) -> config.Config:
    """Read a config that may lack methods and, where `images` are not needed, images.

    Raises
    ------
    ConfigError
        Where what is there is wrong.
    """
    data = {**request["config"], "methods": ["placeholder"], "references": []}
    if not images and not data.get("images"):
        data["images"] = [PLACEHOLDER]
    return config.parse(data, Path(request["base"]))


def model(request: Request) -> dict[str, Any]:
    """Load a model, by its number; tell its parameters and its layers.

    Layers have shapes where the config has an image that the model takes; else `error` says why it
    does not.

    Raises
    ------
    ConfigError, ModelError
        Where it cannot be loaded.
    """
    has_images = bool(request["config"].get("images"))
    settings = _settings(request, images=False)
    chosen = settings.models[request.get("model", 0)]
    module = models.load(chosen).module
    ndim, channels = expected_input(module)
    told: dict[str, Any] = {
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "kind": type(module).__name__,
        "ndim": ndim,
        "channels": channels,
        "error": None,
        "ran": False,
    }
    try:
        if has_images:
            layers = [asdict(layer) for layer in layers_in(settings, chosen)]
            return told | {"layers": layers, "ran": True}
    except EsegetaError as error:
        told["error"] = str(error)
    return told | {"layers": list(_unrun(module))}


def _unrun(module: nn.Module) -> Iterator[dict[str, Any]]:
    """List the layers of a network that has not been run: without shapes."""
    for name, layer in module.named_modules():
        if name:
            parameters = sum(parameter.numel() for parameter in layer.parameters())
            known = {"name": name, "kind": type(layer).__name__, "parameters": parameters}
            yield {**known, "shape": None, "grid": None, "calls": 1, "auto": False}


def _the_image(settings: config.Config, request: Request) -> config.Image:
    """Give the image that is asked for by its place in the config; of a glob, the first file."""
    number = request.get("image", 0)
    if not 0 <= number < len(settings.images):
        raise ConfigError([Problem("images", "there is no such image", str(number))])
    alone = settings.model_copy(update={"images": [settings.images[number]]})
    return config.expand(alone)[0]


def _steps(settings: config.Config, request: Request) -> list[config.Step]:
    number = request.get("model")
    own = None if number is None else settings.models[number].preprocess
    return settings.preprocess if own is None else own


def image(request: Request) -> dict[str, Any]:
    """Write an image, by its number, into the request's folder: as in its file, and preprocessed.

    The steps are those of the request's `model`, where it has any of its own. Large images are
    thinned, unless the request says ``whole``.

    Raises
    ------
    ConfigError, ImageError
        Where it cannot be read.
    """
    data = request["config"]
    if request.get("model") is None:
        # A model that is not described yet keeps nobody from looking at an image.
        models = [{"factory": "placeholder:placeholder", "task": "segmentation"}]
        data = {**data, "models": models, "target": {}}
        data["images"] = [
            {key: value for key, value in one.items() if key != "models"}
            if isinstance(one, dict)
            else one
            for one in data.get("images", [])
        ]
    settings = _settings({**request, "config": data}, images=True)
    spec = _the_image(settings, request)

    before = as_it_is(spec)
    folder = Path(request["folder"])
    told: dict[str, Any] = {"name": spec.name, "path": spec.path and str(spec.path)}
    raw = Prepared(before, before.tensor, before.affine, before.label)  # whatever it holds
    largest = None if request.get("whole") else LARGEST
    told["file"] = _written(raw, folder, "file", largest)
    try:
        after = prepare(before, _steps(settings, request))
        told |= {"model": _written(after, folder, "model"), "error": None}
    except EsegetaError as error:
        told |= {"model": None, "error": str(error)}
    return told


def _written(
    image: Prepared, folder: Path, name: str, largest: int | None = LARGEST
) -> dict[str, Any]:
    """Write an image, and its label, thinned to a size that is drawn at once; tell what it holds."""
    tensor = image.tensor
    values = tensor[tensor.isfinite()]
    told = {
        "shape": list(tensor.shape),
        "spacing": [float(s) for s in (image.affine[:3, :3] ** 2).sum(0) ** 0.5],
        "low": float(values.min()) if len(values) else None,
        "high": float(values.max()) if len(values) else None,
        "not_finite": tensor.numel() - len(values),
        "file": _saved(tensor, folder / f"{name}.npy", largest),
        "label": None,
    }
    if image.label is not None:
        told["label"] = _saved(image.label[None], folder / f"{name}-label.npy", largest)
    return told


def _saved(tensor: Tensor, path: Path, largest: int | None = LARGEST) -> str:
    thin = tuple(slice(None, None, -(-size // (largest or size))) for size in tensor.shape[1:])
    index: Any = (slice(None), *thin)
    np.save(path, tensor[index].cpu().numpy())
    return str(path)


def prediction(request: Request) -> dict[str, Any]:
    """Let a model predict an image; tell class and score, and write the mask they hang on.

    Raises
    ------
    EsegetaError
        Where any of it cannot be loaded, or the class is absent.
    """
    settings = _settings(request, images=True)
    spec = _the_image(settings, request)
    model = settings.models[request.get("model", 0)]
    folders = tuple(config.plugin_folders(settings, settings.base))
    # What the model says, held against nothing.
    target = config.target_of(settings, model).model_copy(update={"contrast": "none"})
    name = spec.name or "image"
    steps = tuple(_steps(settings, {**request, "model": settings.models.index(model)}))
    group = Group(name, model.name, "target", spec, model, target, steps, (), False)
    bench = Bench(settings, folders)
    probe = bench.probe(group)
    scores = probe.scores(probe.image)[0].float()
    best = scores.argsort(descending=True)[:TOLD].tolist()
    prepared = bench.image(group)
    told = {
        "image": name,
        "model": model.name,
        "class": probe.target.name,
        "index": probe.target.index,
        "score": probe.value,
        "classes": len(scores),
        "best": [
            {"index": i, "name": probe.target.name_of(i), "score": scores[i].item()} for i in best
        ],
        "file": _written(prepared, Path(request["folder"]), "model"),
        "mask": None,
        "voxels": None,
    }
    mask = probe.target.mask
    if mask is not None:
        spatial = tuple(prepared.tensor.shape[1:])
        fine = F.interpolate(mask.float(), size=spatial, mode="nearest-exact")[0]
        told["mask"] = _saved(fine, Path(request["folder"]) / "mask.npy")
        told["voxels"] = int(mask.sum())
    return told
