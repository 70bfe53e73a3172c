"""Runs one method on one probe, and builds the probe from what a user or a run names."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from esegeta.checks import CheckFailed, check_map
from esegeta.errors import MethodError, TargetError, counted, listed, unknown
from esegeta.explanation import Explanation
from esegeta.isolation import peak_memory, quarantine
from esegeta.learning.artifact import Artifact
from esegeta.models import choose, expected_input, layers
from esegeta.passes import Passes
from esegeta.patterns import open_ended
from esegeta.plugin import Plugin
from esegeta.precision import require_amp, spot_check
from esegeta.probe import Patches, Placed, Probe, Region, Target
from esegeta.probe.checkpoint import Checkpoint
from esegeta.probe.contrast import Contrast
from esegeta.probe.network import Network
from esegeta.probe.patches import PatchedNetwork
from esegeta.probe.tiling import Tiling
from esegeta.registry import Registry, find
from esegeta.returned import on_image_grid, strip_of

if TYPE_CHECKING:
    import numpy as np

WRAPPERS = {"classification": "classification", "segmentation": "pixelwise"}
"""The wrapper of each task, where none is named."""

RESUMED = {"resumed": "went on from what an earlier attempt had found"}
ONE_BY_ONE = {"batch": "one by one: images of a batch influence each other in this model"}
CONTRASTED = {
    "contrast": "of the contrasted score; it need not be the contrast of the classes' maps"
}


def make_probe(
    module: nn.Module,
    image: Tensor,
    *,
    wrapper: Plugin,
    wrapper_parameters: BaseModel | None = None,
    target: str | int = "predicted",
    classes: Sequence[str] = (),
    mask: str | Mapping[str, Any] | Placed = "predicted",
    label: Tensor | None = None,
    contrast: Contrast = "none",
    output: str | int | None = None,
    amp: torch.dtype | None = None,
    patches: Patches | None = None,
    layers: Sequence[str] = (),
    image_gradient: bool = True,
    references: Sequence[Tensor] = (),
    memory: int | None = None,
    batch: int | None = None,
    seed: int = 0,
) -> Probe:
    """Build the probe of one model, one image (C, *spatial) and one target.

    Parameters are those of `Probe`, `Target` and `Region`.
    """
    chosen = wrapper_parameters or wrapper.validate({})
    region = Region(mask, label=label, spatial=tuple(image.shape[1:]))
    return Probe(
        module,
        image[None],
        Target(
            partial(wrapper.function, **wrapper.arguments(chosen)),
            target,
            classes=classes,
            region=region,
            contrast=contrast,
        ),
        layers=layers,
        image_gradient=image_gradient,
        output=output,
        amp=amp,
        patches=patches,
        references=references,
        memory=memory,
        batch=batch,
        seed=seed,
    )


def run_method(
    probe: Probe,
    plugin: Plugin,
    *,
    layer: str | None = None,
    artifact: Artifact | None = None,
    parameters: BaseModel | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Explanation:
    """Run one method and check what it returns.

    Parameters
    ----------
    artifact : Artifact, optional
        What a training made, for methods that take it.
    seed : int
        Of everything the method draws; torch, numpy and random are left as they were.
    progress : callable, optional
        Called with passes done and passes expected; of patches, where the image passes in them.
    checkpoint : Checkpoint, optional
        Where answers are kept for another attempt, and found from an earlier one.

    Raises
    ------
    MethodError
        If the method does not serve this image, cannot work on this model, or was trained for another.
    CheckFailed
        If the map is zero, constant or not finite.
    """
    chosen = parameters or plugin.validate({})
    if probe.ndim not in plugin.ndim:
        raise MethodError(
            f"'{plugin.name}' serves {plugin.dimensions} images; this one is {probe.ndim}D."
        )
    if plugin.takes_layer != (layer is not None):
        raise MethodError(
            f"'{plugin.name}' {'needs a layer' if plugin.takes_layer else 'takes no layer'}."
        )
    if plugin.takes_artifact != (artifact is not None):
        needs = (
            "has to be trained, and needs its artifact" if artifact is None else "is not trained"
        )
        raise MethodError(f"'{plugin.name}' {needs}.")
    require_amp(plugin, probe)
    before = probe.passes
    estimate = expected(probe, plugin, chosen)
    probe.begin(seed, checkpoint)
    probe.progress = _reporter(probe, estimate, progress)
    start = time.perf_counter()
    with quarantine(seed, probe.network.device), peak_memory(probe.network.device) as peak:
        arguments: tuple[Any, ...] = () if layer is None else (probe.layer(layer),)
        if artifact is not None:
            artifact.require(plugin.name, probe)
            arguments = (artifact,)
        returned = plugin.function(probe, *arguments, **plugin.arguments(chosen))
        strip = strip_of(returned, probe, plugin) if plugin.returns == "strip" else None
        values = on_image_grid(returned if strip is None else strip.map, probe, plugin)
    seconds = time.perf_counter() - start
    if plugin.returns == "image" and torch.equal(values, probe.image[0].float().cpu()):
        raise CheckFailed("The method returned the image unchanged.")
    target = _described(probe)
    if probe.network.amp is not None:
        probe.checks.append(spot_check(probe, plugin, layer))
    checks = [*check_map(values), *probe.checks]
    after = probe.passes
    return Explanation(
        map=values,
        strip=strip,
        image=probe.image[0].to("cpu", torch.float32, copy=True),
        plugin=plugin,
        layer=layer,
        parameters=plugin.arguments(chosen),
        target=target,
        checks=checks,
        passes={
            "forward": round(after.forward - before.forward),
            "backward": round(after.backward - before.backward),
        },
        patches=_patches(probe, before),
        seconds=seconds,
        memory=peak(),
        notes={
            **probe.notes,
            **(CONTRASTED if "contrast" in target and not plugin.is_linear(chosen) else {}),
            **(ONE_BY_ONE if probe.one_by_one else {}),
            **(RESUMED if checkpoint is not None and checkpoint.used else {}),
        },
    )


def expected(probe: Probe, plugin: Plugin, parameters: BaseModel) -> Passes:
    """What a method will cost alone, in images; see `Plugin.cost`."""
    cost, network = plugin.cost(parameters, probe.spatial), probe.network
    return cost.in_patches(network.tiling.share) if isinstance(network, PatchedNetwork) else cost


def steps(probe: Probe, estimate: Passes) -> int:
    """How far progress counts: passes both ways, of patches where the image passes in them."""
    return max(1, round(probe.network.parts * (estimate.forward + estimate.backward)))


def explain(
    model: nn.Module,
    image: Tensor | np.ndarray[Any, Any],
    method: str,
    *,
    target: str | int = "predicted",
    layer: str | None = None,
    task: str = "classification",
    classes: Sequence[str] = (),
    wrapper: str | None = None,
    wrapper_parameters: Mapping[str, Any] | None = None,
    mask: str | Mapping[str, Any] = "predicted",
    label: Tensor | None = None,
    contrast: Contrast = "none",
    output: str | int | None = None,
    patches: Patches | None = None,
    artifact: Path | str | None = None,
    seed: int = 0,
    **parameters: Any,
) -> Explanation:
    """Explain what a model says of one image, by one method.

    Parameters
    ----------
    model : nn.Module
        It is left as it was found.
    image : Tensor or array
        (C, *spatial) or (1, C, *spatial), as the model takes it (preprocessed).
    method : str
        Name of a method, such as ``"grad_cam"``; ``esegeta methods`` lists them.
    target : str or int
        The class, by name or index, or ``"predicted"``.
    layer : str, optional
        Name of the layer, for methods that take one; ``"auto"`` is the last that still has a grid.
    task : {"classification", "segmentation"}
        What the model does; decides the wrapper.
    classes : sequence of str
        The classes' names.
    wrapper, wrapper_parameters, mask, label
        As in the config's target (the parameters are its ``with``): which number is explained. A
        mask and a label map are for segmentation.
    contrast : {"none", "mean", "max", "weighted", "probability"}
        What of the other classes the class is held against.
    output : str or int, optional
        Which entry of a tuple or mapping that the model returns is its prediction.
    patches : Patches, optional
        Where a segmentation model takes the image in patches.
    artifact : path, optional
        The folder that a training wrote, for methods that are trained.
    **parameters
        The method's own parameters.

    Raises
    ------
    EsegetaError
        If anything named does not exist or does not fit; the message says what would.
    """
    registry = _registry()
    plugin = registry.method(method)
    chosen_wrapper = _wrapper(registry, wrapper, task)
    require_task(plugin, task)
    if task != "segmentation" and (mask != "predicted" or label is not None):
        given = f"the mask {mask!r}" if mask != "predicted" else "a label map"
        raise TargetError(
            f"a mask is for segmentation; the task is {task!r}, but {given} is given."
        )
    if task != "segmentation" and patches is not None:
        raise TargetError(f"patches are for segmentation; the task is {task!r}.")
    tensor = torch.as_tensor(image)
    tensor = tensor[0] if _batched(tensor, model) else tensor
    if layer is not None and open_ended(layer):
        layer = _only(layer, model, tensor, patches)
    found = Artifact.open(artifact) if artifact is not None else None
    probe = make_probe(
        model,
        tensor,
        wrapper=chosen_wrapper,
        wrapper_parameters=_validated(chosen_wrapper, wrapper_parameters or {}),
        target=target,
        classes=classes,
        mask=mask,
        label=label,
        contrast=contrast,
        output=output,
        patches=patches,
        layers=[layer] if layer is not None else found.layers if found is not None else [],
        image_gradient=plugin.family != "layer_attribution",
        seed=seed,
    )
    chosen = _validated(plugin, parameters)
    return run_method(probe, plugin, layer=layer, artifact=found, parameters=chosen, seed=seed)


def require_task(plugin: Plugin, task: str) -> None:
    """Refuse a task that a method does not serve.

    Raises
    ------
    MethodError
        If it does not.
    """
    if task not in plugin.tasks:
        raise MethodError(f"'{plugin.name}' serves {listed(plugin.tasks)} only, not {task}.")


def _only(layer: str, model: nn.Module, image: Tensor, patches: Patches | None) -> str:
    """The one layer that ``auto`` or a pattern stands for."""
    example = (
        image[None] if patches is None else Tiling(image.shape[1:], patches).cut(image[None], 0)
    )
    found = choose(layer, layers(model, example.to(Network(model).device)))
    if len(found) > 1:
        raise MethodError(
            f"'{layer}' fits {counted(len(found), 'layer')}: {listed(found)}; name one."
        )
    return found[0]


def _wrapper(registry: Registry, name: str | None, task: str) -> Plugin:
    if task not in WRAPPERS:
        raise TargetError(f"{unknown('task', task, WRAPPERS)}.")
    wrapper = registry.get(name or WRAPPERS[task], "wrapper")
    if task not in wrapper.tasks:
        fitting = [w.name for w in registry.wrappers() if task in w.tasks]
        raise TargetError(
            f"{wrapper.name} does not serve {task}, the task; valid: {listed(fitting)}."
        )
    return wrapper


def _validated(plugin: Plugin, parameters: Mapping[str, Any]) -> BaseModel:
    try:
        return plugin.validate(parameters)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise MethodError(f"'{plugin.name}' refuses its parameters: {'; '.join(lines)}.") from None


@cache
def _registry() -> Registry:
    return find()


def _batched(tensor: Tensor, model: nn.Module) -> bool:
    """Whether the first axis is a batch of one.

    Four axes may be (1, C, H, W) or a volume (1, D, H, W): the model's first convolution tells, and
    where it has none, few channels do.
    """
    if tensor.dim() not in (4, 5) or len(tensor) != 1:
        return False
    ndim, _ = expected_input(model)
    return tensor.dim() == 5 or (tensor.shape[1] <= 4 if ndim is None else ndim == 2)


def _reporter(
    probe: Probe, estimate: Passes, progress: Callable[[int, int], None] | None
) -> Callable[[Passes], None] | None:
    if progress is None:
        return None
    before, parts, expected = probe.passes, probe.network.parts, steps(probe, estimate)

    def report(passes: Passes) -> None:
        done = parts * (passes.forward - before.forward + passes.backward - before.backward)
        progress(min(round(done), expected), expected)

    return report


def _patches(probe: Probe, before: Passes) -> dict[str, Any] | None:
    """How the image was cut, and how many patches passed since; None where it passed whole."""
    network = probe.network
    if not isinstance(network, PatchedNetwork):
        return None
    tiling, passes = network.tiling, probe.passes
    return {
        "size": list(tiling.size),
        "overlap": list(tiling.overlap),
        "blend": tiling.blend,
        "number": len(tiling),
        "forward": round(network.parts * (passes.forward - before.forward)),
        "backward": round(network.parts * (passes.backward - before.backward)),
        **tiling.notes,
    }


def _described(probe: Probe) -> dict[str, Any]:
    if not probe.target.frozen:
        return {"class": None, "index": None, "score": None}
    if not math.isfinite(probe.value):
        raise CheckFailed(
            f"The model's score for this image is {probe.value}, so there is nothing to explain."
        )
    return {**probe.target.describe(), "score": probe.value}
