"""How a gradient passes a rectifier: plain, guided or deconvnet.

A rule is a torch function mode that is active during the forward. It sees ``F.relu``, ``torch.relu``,
``x.relu_()`` and ``nn.ReLU`` alike and substitutes a function with the rule's backward, so functional,
reused and in-place activations are all right and no hook is left in the user's model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from esegeta.errors import MethodError
from esegeta.probe.rules.graph import nodes

Rule = Literal["plain", "guided", "deconvnet"]

#: Rectifying activations by name. Each is written as ``F.name`` or ``torch.name``, as a method, in
#: place with a trailing underscore, or, in an exported graph, as ``aten.name``. A clamp, hardtanh,
#: threshold or maximum counts only where it cuts at zero from below.
NAMES = (
    "relu", "relu6", "hardtanh", "leaky_relu", "elu", "celu", "selu", "rrelu", "prelu", "gelu", "silu",
    "mish", "hardswish", "clamp", "clamp_min", "clip", "threshold", "maximum",
)  # fmt: skip

#: What autograd calls the rectifiers. One of these on the way to the output has escaped the rule: it
#: ran inside a scripted function or another spelling.
ESCAPED = (
    "Relu", "LeakyRelu", "Elu", "Celu", "RreluWithNoise", "Prelu", "Gelu", "Silu", "Mish", "Hardswish",
    "Threshold",
)  # fmt: skip


def _spellings() -> dict[Any, tuple[str, Callable[..., Tensor]]]:
    """Every function that is a rectifier: its name, and the out-of-place function of the same value."""
    table: dict[Any, tuple[str, Callable[..., Tensor]]] = {}
    for name in NAMES:
        plain: Any = getattr(F, name, None) or getattr(torch, name)
        for home in (F, torch, Tensor):
            for spelling in (name, name + "_"):
                if hasattr(home, spelling):
                    table[getattr(home, spelling)] = name, plain
        packet = getattr(torch.ops.aten, name)
        exported = packet.default
        table[exported] = table[packet] = name, exported
        if hasattr(torch.ops.aten, name + "_"):
            table[getattr(torch.ops.aten, name + "_").default] = name, exported
    return table


RECTIFIERS = _spellings()


class _Rectifier(torch.autograd.Function):
    """An activation whose backward multiplies max(gradient, 0) by a factor fixed in the forward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor, factor: Tensor | None) -> Tensor:
        ctx.save_for_backward(*([] if factor is None else [factor]))
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        positive = gradients[0].clamp(min=0)
        return (positive * ctx.saved_tensors[0] if ctx.saved_tensors else positive), None, None


def _rectify(x: Tensor, value: Tensor, factor: Tensor | None) -> Tensor:
    result: Tensor = _Rectifier.apply(x, value, factor)  # type: ignore[no-untyped-call]
    return result


class RectifierRule(TorchFunctionMode):
    """Replaces the backward of every rectifying activation.

    Guided back-propagation (Springenberg et al., 2015) lets a gradient pass where it is positive and
    the unit is active; the deconvnet (Zeiler & Fergus, 2014) where it is positive. The papers know
    ReLU only. Other rectifiers (PReLU, GELU, …) keep their own slope where they are active in the
    guided rule, and pass the positive gradient as it is in the deconvnet, as ReLU does.

    Attributes
    ----------
    met : int
        Rectifiers met so far; a rule that met none changed nothing.
    """

    def __init__(self, rule: Literal["guided", "deconvnet"]) -> None:
        super().__init__()
        self.rule = rule
        self.met = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name, compute = RECTIFIERS.get(func, (None, func))
        if name is None or not _rectifies(name, args, kwargs):
            return func(*args, **kwargs)
        x, rest, options, in_place = _out_of_place(func, args, kwargs)
        y = self._apply(name, x, lambda z: compute(z, *rest, **options))
        return x.copy_(y) if in_place else y

    def verify(self, output: Tensor) -> None:
        """Refuse an output on whose way a rectifier has escaped the rule.

        Raises
        ------
        MethodError
            If the graph holds one: the map would follow the rule in one place, the gradient in another.
        """
        for node in nodes(output):
            if re.sub(r"(Kernel)?Backward\d*$", "", node.name()) in ESCAPED:
                raise MethodError(
                    f"The {self.rule} rule cannot reach a rectifier of this model ({node.name()}): it "
                    "runs inside a scripted or compiled function. Use plain PyTorch functions there."
                )

    def _apply(self, name: str, x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
        if not (torch.is_grad_enabled() and x.requires_grad):
            return activation(x)
        self.met += 1
        if self.rule == "deconvnet" or name == "relu":
            with torch.no_grad():
                value = activation(x)
            return _rectify(x, value, None if self.rule == "deconvnet" else value > 0)
        leaf = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            value = activation(leaf)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
        return _rectify(x, value.detach(), slope * (leaf.detach() > 0))


def _rectifies(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the call is one from zero upwards: some may be otherwise."""
    if name not in _FLOOR:
        return True
    key, otherwise = _FLOOR[name]
    low = args[1] if len(args) > 1 else kwargs.get(key, otherwise)
    if isinstance(low, Tensor):
        return low.numel() <= 1 and not low.requires_grad and bool(low == 0)
    return low is not None and low == 0


#: Functions whose second argument is the value they cut at: its name and its default.
_FLOOR: dict[str, tuple[str, float | None]] = {
    "clamp": ("min", None),
    "clip": ("min", None),
    "clamp_min": ("min", None),
    "hardtanh": ("min_val", -1.0),
    "threshold": ("threshold", None),
    "maximum": ("other", None),
}


def _out_of_place(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, tuple[Any, ...], dict[str, Any], bool]:
    """The input, the other arguments without ``inplace``, and whether the call was in-place."""
    kwargs = dict(kwargs)
    x = args[0] if args else kwargs.pop("input")
    rest = args[1:]
    if isinstance(func, torch._ops.OpOverload):
        return x, rest, kwargs, func._schema.name.endswith("_")
    in_place = bool(kwargs.pop("inplace", False)) or func.__name__.endswith("_")
    if rest and isinstance(rest[-1], bool):  # in these signatures a positional bool is `inplace`
        in_place, rest = in_place or rest[-1], rest[:-1]
    return x, rest, kwargs, in_place


def mode(rule: Rule) -> AbstractContextManager[Any]:
    """The context in which a forward has to run for its backward to follow ``rule``."""
    return nullcontext() if rule == "plain" else RectifierRule(rule)


def require_met(mode: AbstractContextManager[Any]) -> None:
    """Refuse the result of a rule that found nothing to change.

    Raises
    ------
    MethodError
        If the rule met no rectifier: its gradient is then the plain one under a wrong name.
    """
    if isinstance(mode, RectifierRule) and mode.met == 0:
        raise MethodError(
            f"The {mode.rule} rule found no rectifying activation (ReLU, PReLU, GELU, …) in this model, "
            "so its result would be the plain gradient under another name. Use 'saliency' instead."
        )
