"""The attention weights of a forward, as a function mode that keeps them.

Fused attention hides its weights, and ``nn.MultiheadAttention`` its insides. Both are taken apart here.
Attention that a model writes itself is a softmax whose result a matrix product takes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from esegeta.probe.rules import heads
from esegeta.probe.rules.calls import Unsupported
from esegeta.probe.rules.spelling import name_of

#: Functions behind which attention weights are still the same.
SAME = frozenset(("dropout", "to", "type_as", "contiguous", "clone", "float", "alias"))

PRODUCTS = frozenset(("matmul", "bmm", "einsum"))


class AttentionRule(TorchFunctionMode):
    """Keeps what queries give to keys.

    Attributes
    ----------
    met : list of Tensor
        Attention weights (N, heads, queries, keys), or of fewer axes as the model has them, block by
        block, with their graph.
    """

    def __init__(self) -> None:
        super().__init__()
        self.met: list[Tensor] = []
        self._softmaxes = WeakTensorKeyDictionary()

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs, name = kwargs or {}, name_of(func)
        if name in heads.COMPOSITE:
            try:
                return self._taken_apart(name, args, kwargs)
            except Unsupported:  # its weights stay hidden, and the map would lack a block
                self.met.append(torch.empty(0))
        result = func(*args, **kwargs)
        if name == "softmax":
            self._softmaxes[result] = result
        elif name in SAME and args and self._known(args[0]) is not None:
            self._softmaxes[result] = self._known(args[0])
        elif name in PRODUCTS:
            self.met += [t for t in map(self._known, tree_leaves(args)) if t is not None]
        return result

    def _known(self, thing: Any) -> Tensor | None:
        if not isinstance(thing, Tensor) or thing not in self._softmaxes:
            return None
        found: Tensor = self._softmaxes[thing]
        return found

    def _taken_apart(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        def attend(weights: Tensor, values: Tensor) -> Tensor:
            self.met.append(weights)
            return weights @ values

        if name == "scaled_dot_product_attention":
            return heads.scaled_dot_product(attend, *args, **kwargs)
        return heads.multi_head(attend, torch.nn.functional.linear, *args, **kwargs)
