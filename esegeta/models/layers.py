"""The layers of a network, and the input it seems made for."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from esegeta.models.check import can_hook, run_once


@dataclass
class LayerInfo:
    """One layer, as it ran on an image.

    Attributes
    ----------
    name : str
        As in `named_modules`.
    kind : str
        Its class.
    shape : tuple of int or None
        Of its output in the first call, or of the first tensor in that.
    calls : int
        How often it ran; where more than once, the calls are addressed as name#1, name#2.
    parameters : int
        Numbers it learnt, with those of the layers inside it.
    grid : tuple of int or None
        The grid on which its output is a map of the image.
    auto : bool
        Whether it is the last to end whose output is a grid of more than one cell, the prediction
        itself aside. Of a classifier that is what the head sees.
    """

    name: str
    kind: str
    shape: tuple[int, ...] | None
    calls: int
    parameters: int
    grid: tuple[int, ...] | None
    auto: bool = False

    @property
    def addresses(self) -> list[str]:
        """How each of its calls is addressed."""
        if self.calls == 1:
            return [self.name]
        return [f"{self.name}#{call}" for call in range(1, self.calls + 1)]


def layers(module: nn.Module, image: Tensor, *, name: str = "the image") -> list[LayerInfo]:
    """List the layers that run, in the order in which they start, by one run without gradients.

    What is scripted shows no layers.

    Parameters
    ----------
    module : nn.Module
    image : Tensor
        (1, channels, *spatial), on the network's device.
    name : str
        How the image is called in an error.

    Raises
    ------
    ImageError, ModelError
        If the network cannot take the image.
    """
    started: dict[str, LayerInfo] = {}
    ended: dict[str, LayerInfo] = {}

    def start(name: str, layer: nn.Module) -> Any:
        def hook(layer: nn.Module, inputs: Any) -> None:
            info = started.setdefault(
                name, LayerInfo(name, type(layer).__name__, None, 0, _count(layer), None)
            )
            info.calls += 1

        return hook

    def end(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            tensor, info = _tensor(output), started[name]
            ended[name] = ended.pop(name, info)  # in the order of the last ends
            if tensor is not None and info.shape is None:
                info.shape, info.grid = tuple(tensor.shape), _grid(tensor, image)

        return hook

    with contextlib.ExitStack() as hooks:
        for layer_name, layer in module.named_modules():
            if layer_name and can_hook(layer):
                before = layer.register_forward_pre_hook(start(layer_name, layer))
                hooks.callback(before.remove)
                hooks.callback(layer.register_forward_hook(end(layer_name)).remove)
        prediction = _tensor(run_once(module, image, name=name))
    _mark(list(ended.values()), None if prediction is None else tuple(prediction.shape))
    return list(started.values())


def _mark(ended: list[LayerInfo], prediction: tuple[int, ...] | None) -> None:
    """Mark the layer that ``auto`` stands for."""
    for info in reversed(ended):
        if info.grid is not None and prod(info.grid) > 1 and info.shape != prediction:
            info.auto = True
            return


def _grid(output: Tensor, image: Tensor) -> tuple[int, ...] | None:
    from esegeta.probe.tokens import grid_of

    return grid_of(output, tuple(image.shape[2:]))


def _tensor(output: Any) -> Tensor | None:
    """A layer's output, or the first tensor in it."""
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, (tuple, list)):
        return next((found for item in output if (found := _tensor(item)) is not None), None)
    return output if isinstance(output, Tensor) else None


def _count(layer: nn.Module) -> int:
    return sum(p.numel() for p in layer.parameters() if not is_lazy(p))


def expected_input(module: nn.Module) -> tuple[int | None, int | None]:
    """Guess the spatial axes and channels a network takes, without running it.

    They are those of the first convolution in the order of its modules, which need not be the first
    that runs.

    Returns
    -------
    ndim : int or None
    channels : int or None
        None where no convolution says.
    """
    exported = _example(module)
    if exported is not None:
        return exported.dim() - 2, exported.shape[1]
    for layer in module.modules():
        if isinstance(layer, _ConvNd):
            return len(layer.kernel_size), layer.in_channels or None  # 0: lazy
        if isinstance(layer, torch.jit.ScriptModule) and "Conv" in layer.original_name:
            weight, channels = getattr(layer, "weight", None), getattr(layer, "in_channels", None)
            if isinstance(
                weight, Tensor
            ):  # traced, it does not tell its groups, so nor its channels
                return weight.dim() - 2, channels if isinstance(channels, int) else None
    return None, None


def _example(module: nn.Module) -> Tensor | None:
    """What an exported network was exported for."""
    graph = getattr(module, "graph", None)
    if not isinstance(graph, torch.fx.Graph):
        return None
    values = [node.meta.get("val") for node in graph.nodes if node.op == "placeholder"]
    image = values[0] if values else None
    return image if isinstance(image, Tensor) and image.dim() > 2 else None
