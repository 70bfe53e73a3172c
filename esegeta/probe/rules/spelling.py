"""One name for every way to write a function, and what it computes out of place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

#: Other names of the same function.
ALIASES = {
    "__radd__": "add", "__rsub__": "rsub", "__rmul__": "mul", "__rmatmul__": "matmul",
    "multiply": "mul", "subtract": "sub", "negative": "neg", "absolute": "abs", "fix": "trunc",
    "divide": "div", "true_divide": "div", "__rdiv__": "rdiv", "__rtruediv__": "rdiv",
    "__rpow__": "rpow", "float_power": "pow", "clip": "clamp", "special_expit": "sigmoid",
    "special_erf": "erf", "special_log1p": "log1p", "special_expm1": "expm1", "special_exp2": "exp2",
    "special_softmax": "softmax", "special_log_softmax": "log_softmax", "_softmax": "softmax",
    "special_logsumexp": "logsumexp", "_log_softmax": "log_softmax", "log_sigmoid": "logsigmoid",
    "max_pool1d_with_indices": "max_pool1d", "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d", "adaptive_max_pool1d_with_indices": "adaptive_max_pool1d",
    "adaptive_max_pool2d_with_indices": "adaptive_max_pool2d",
    "adaptive_max_pool3d_with_indices": "adaptive_max_pool3d",
    "linalg_matmul": "matmul", "__matmul__": "matmul", "concatenate": "cat", "concat": "cat",
}  # fmt: skip

#: Functions that end in ``inplace``, which may be given without its name.
INPLACE_LAST = {
    "relu", "relu6", "hardtanh", "leaky_relu", "elu", "celu", "selu", "silu", "mish", "hardswish",
    "hardsigmoid", "threshold", "rrelu",
}  # fmt: skip

#: Written by PyTorch in another order of arguments than in ``torch.nn.functional``.
REORDERED = {"instance_norm": "aten_instance_norm"}


def name_of(func: Any) -> str:
    """The function's name: ``relu`` for ``F.relu``, ``x.relu_()``, ``torch.ops.aten.relu.default``."""
    inner = isinstance(func, (torch._ops.OpOverload, torch._ops.OpOverloadPacket))
    if isinstance(func, torch._ops.OpOverload):
        name = str(func._schema.name).split("::")[-1]
    else:
        name = getattr(func, "__name__", str(func))
    if name == "__get__":  # of an attribute, as in x.T
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    if name.endswith("_") and not name.endswith("__"):
        name = name.removesuffix("_")
    name = ALIASES.get(name, name)
    if name in REORDERED and (inner or func is getattr(torch, name)):
        return REORDERED[name]
    return name


def out_of_place(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], Tensor | None]:
    """The same call without its effect on its input.

    Returns
    -------
    function, args, kwargs
        The call out of place.
    target : Tensor or None
        The tensor that the call would overwrite.
    """
    kwargs = dict(kwargs)
    first = args[0] if args else kwargs.get("input", kwargs.get("self"))
    inplace = bool(kwargs.pop("inplace", False))
    name = name_of(func)
    if isinstance(func, torch._ops.OpOverload):
        packet, overload = str(func._schema.name).split("::")[-1], func._overloadname
        if not packet.endswith("_"):
            return func, args, kwargs, None
        plain = getattr(torch.ops.aten, packet.removesuffix("_"))
        return getattr(plain, overload), args, kwargs, first
    if name in INPLACE_LAST and args and isinstance(args[-1], bool):
        args, inplace = args[:-1], inplace or args[-1]
    own = getattr(func, "__name__", "")
    if own.endswith("_") and not own.endswith("__"):
        inplace = True
        func = _plain(own.removesuffix("_"))
    return func, args, kwargs, first if inplace else None


def _plain(name: str) -> Callable[..., Any]:
    """The function of that name that leaves its input alone."""
    for home in (F, Tensor, torch):
        if hasattr(home, name):
            found: Callable[..., Any] = getattr(home, name)
            return found
    raise AttributeError(f"PyTorch has no function '{name}'")
