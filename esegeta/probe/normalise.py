"""The model rewritten for libraries that hook modules: functions become modules, reused ones copies."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

#: Calls that have a module of the same meaning: the module, and the names of its arguments in order.
_ARGUMENTS: dict[Any, tuple[type[nn.Module], tuple[str, ...]]] = {
    **dict.fromkeys((F.relu, torch.relu, torch.relu_, "relu", "relu_"), (nn.ReLU, ())),
    F.relu6: (nn.ReLU6, ()),
    F.hardtanh: (nn.Hardtanh, ("min_val", "max_val")),
    F.leaky_relu: (nn.LeakyReLU, ("negative_slope",)),
    F.elu: (nn.ELU, ("alpha",)),
    F.gelu: (nn.GELU, ("approximate",)),
    F.silu: (nn.SiLU, ()),
    **dict.fromkeys((torch.sigmoid, F.sigmoid, "sigmoid"), (nn.Sigmoid, ())),
    **dict.fromkeys((torch.tanh, F.tanh, "tanh"), (nn.Tanh, ())),
    **dict.fromkeys((F.softmax, torch.softmax, "softmax"), (nn.Softmax, ("dim",))),
    F.softplus: (nn.Softplus, ("beta", "threshold")),
    F.max_pool2d: (nn.MaxPool2d, ("kernel_size", "stride", "padding", "dilation")),
    F.max_pool3d: (nn.MaxPool3d, ("kernel_size", "stride", "padding", "dilation")),
}
_IGNORED = {"inplace", "ceil_mode", "return_indices"}


@torch.no_grad()
def normalised(
    module: nn.Module, image: Tensor, select: Callable[[Any], Tensor]
) -> nn.Module | None:
    """A copy of a model in which every non-linearity is a module of its own that runs once.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode; not changed.
    image : Tensor
        (1, C, *spatial), on which the copy must return what the model returns.
    select : callable
        Takes the prediction out of what the model returns.

    Returns
    -------
    nn.Module or None
        None where the model cannot be traced, or the copy does not compute the same: then the
        original has to be used, with what its library makes of it.
    """
    expected = select(module(image.clone()))
    try:
        module = copy.deepcopy(module)
        for part in module.modules():
            if getattr(part, "inplace", False) is True:
                part.inplace = False  # type: ignore[assignment]
        graph = fx.symbolic_trace(module)
        _rewrite(graph)
        found = select(graph(image.clone()))
    except Exception:  # copying and tracing run the user's code, which may raise anything
        return None
    return graph if _same(expected, found) else None


def _rewrite(graph: fx.GraphModule) -> None:
    modules = dict(graph.named_modules())
    seen: set[int] = set()
    for number, node in enumerate(list(graph.graph.nodes)):
        if node.op == "call_module":
            part = modules[node.target]
            if id(part) in seen:
                name = f"{node.target}_call_{number}".replace(".", "_")
                graph.add_submodule(name, copy.deepcopy(part))
                node.target = name
            seen.add(id(part))
        elif node.op in ("call_function", "call_method") and node.target in _ARGUMENTS:
            part = _module_for(node)
            if part is None:
                continue
            name = f"function_{number}"
            graph.add_submodule(name, part)
            with graph.graph.inserting_after(node):
                node.replace_all_uses_with(graph.graph.call_module(name, (node.args[0],)))
            graph.graph.erase_node(node)
    graph.recompile()


def _module_for(node: fx.Node) -> nn.Module | None:
    """The module of the same meaning, None where an argument has no counterpart or is computed."""
    kind, names = _ARGUMENTS[node.target]
    values = dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
    values = {k: v for k, v in values.items() if k not in _IGNORED and v is not None}
    values.pop("_stacklevel", None)
    values.pop("dtype", None)
    if not set(values) <= set(names) or any(isinstance(v, fx.Node) for v in values.values()):
        return None
    if node.kwargs.get("ceil_mode") or node.kwargs.get("return_indices"):
        return None
    return kind(**values)


def _same(expected: Tensor, found: Tensor) -> bool:
    return expected.shape == found.shape and torch.allclose(
        expected, found, rtol=1e-4, atol=1e-5 * float(expected.abs().max())
    )
