"""Which sum of inputs with weights a call is: layers, products with constants, shortcuts, biases.

A sum remembers what it is the value of. So a batch norm, a factor or a bias behind a convolution are
one with it, however they are written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from esegeta.probe.rules.calls import Call, Unsupported
from esegeta.probe.rules.graph import nodes
from esegeta.probe.rules.pairs import Pair, ruled
from esegeta.probe.rules.relevance_table import Relevance
from esegeta.probe.rules.shares import Part, Shares, WeightedSum


class WeightedRule(TorchFunctionMode):
    """The part of `RelevanceRule` that serves sums with weights.

    Attributes
    ----------
    unknown : Counter
        Calls of functions that depend on the image in a way the rule does not know, by name.
    absorbed : float
        Relevance that stayed with biases and stabilisers, or had no input to go to; since `forget`.
    """

    def __init__(self, rule: Relevance) -> None:
        super().__init__()
        self.rule = rule
        self.unknown: Counter[str] = Counter()
        self._absorbed: list[Tensor] = []
        self._all: list[WeightedSum] = []
        self._sums = WeakTensorKeyDictionary()
        self._gates = WeakTensorKeyDictionary()

    @property
    def absorbed(self) -> float:
        """What reached no input of a function."""
        return float(torch.stack(self._absorbed).sum()) if self._absorbed else 0.0

    def forget(self) -> None:
        """Count what is absorbed from zero."""
        self._absorbed.clear()

    def turn(self, output: Tensor, dual: bool) -> None:
        """Let the units that an output is read from be as they are, or their duals.

        A dual unit has all its weights negated: what inhibits the unit excites it.
        """
        for node in nodes(output, end=lambda node: _weighted_sum(node) is not None):
            own = _weighted_sum(node)
            if own is not None:
                own.dual = dual

    def _weigh(
        self,
        call: Call,
        shares: Shares,
        inputs: Sequence[Tensor],
        function: Callable[[Sequence[Tensor], Part], Tensor | None],
        bias: Tensor | None = None,
        **options: bool,
    ) -> Tensor:
        with torch.no_grad():
            value = call.compute(*(pair.x.detach() for pair in call.pairs))
        return self._summed(
            WeightedSum(shares, function, inputs, bias, value, self._account, **options),
            inputs,
            value,
        )

    def _summed(self, own: WeightedSum, inputs: Sequence[Tensor], value: Tensor) -> Tensor:
        result = ruled(value, own.back, *inputs)
        self._all.append(own)
        self._sums[result] = own, inputs, result._version
        return result

    def _layer(self, call: Call) -> Tensor:
        if call.pairs[0] is not call.argument(0, "input") or len(call.pairs) > 1:
            raise Unsupported
        dense = call.name == "linear"
        weight, bias = call.argument(1, "weight"), call.argument(2, "bias")
        rest = {k: v for k, v in call.kwargs.items() if k not in ("input", "weight", "bias")}

        def function(inputs: Sequence[Tensor], part: Part) -> Tensor | None:
            own = _part(weight, part)
            if own is None:
                return None
            found: Tensor = call.plain(inputs[0], own, None, *call.args[3:], **rest)
            return found

        if isinstance(bias, Tensor) and not dense:
            bias = bias.view(-1, *[1] * (weight.dim() - 2))
        shares = self.rule.dense if dense else self.rule.spread
        return self._weigh(call, shares, [call.pairs[0].x], function, bias, dense=dense)

    def _matrix(self, call: Call) -> Tensor:
        """A product with a constant: what multiplies the image's part are its weights."""
        leaves = tree_leaves((call.args, call.kwargs))
        constants = [t for t in leaves if isinstance(t, Tensor)]
        if len(constants) != 1:
            raise Unsupported

        def function(inputs: Sequence[Tensor], part: Part) -> Tensor | None:
            own = _part(constants[0], part)
            if own is None:
                return None

            def filled(leaf: Any) -> Any:
                return (
                    inputs[0] if isinstance(leaf, Pair) else own if leaf is constants[0] else leaf
                )

            args, kwargs = tree_map(filled, (call.args, call.kwargs))
            found: Tensor = call.plain(*args, **kwargs)
            return found

        return self._weigh(call, self.rule.dense, [call.pairs[0].x], function, dense=True)

    def _sum(self, call: Call) -> Any:
        if call.kwargs.get("alpha", 1) != 1:
            raise Unsupported
        if len(call.pairs) == 1:
            return self._shifted(call)
        signs = (1, -1) if call.name == "sub" else (1, 1)

        def function(inputs: Sequence[Tensor], part: Part) -> Tensor | None:
            if call.name == "add":
                return None if part == "negative" else inputs[0] + inputs[1]
            chosen = [
                sign * x if part == "all" or (sign > 0) == (part == "positive") else 0 * x
                for sign, x in zip(signs, inputs, strict=True)
            ]
            return chosen[0] + chosen[1]

        inputs = [pair.x for pair in call.pairs]
        return self._weigh(call, self.rule.spread, inputs, function, weighted=call.name != "add")

    def _shifted(self, call: Call) -> Tensor:
        """A constant that is added to the image's part is a bias."""
        x = call.pairs[0].x
        with torch.no_grad():
            value = call.compute(x.detach())
            second = call.argument(1, "other") is call.pairs[0]
            turned = call.name == "rsub" or (call.name == "sub" and second)
            shift = value + x if turned else value - x
        return self._shifted_to(-x if turned else x, shift, value)

    def _shifted_to(self, x: Tensor, shift: Tensor, value: Tensor) -> Tensor:
        found = self._behind(x)
        if found is not None and found[0].value.shape == value.shape:
            own, inputs = found
            return self._summed(own.scaled(torch.ones_like(x), shift, value), inputs, value)
        own = WeightedSum(
            self.rule.spread, _itself, [x], shift, value, self._account, weighted=False
        )
        return self._summed(own, [x], value)

    def _multiplied(self, call: Call) -> Any:
        x = call.pairs[0].x
        found = self._behind(x)
        if found is None:
            return NotImplemented
        own, inputs = found
        with torch.no_grad():
            value, scale = call.compute(x.detach()), call.compute(torch.ones_like(x))
        if value.shape != x.shape:
            return NotImplemented
        return self._summed(own.scaled(scale, None, value), inputs, value)

    def _protect(self, target: Tensor | None) -> None:
        """Let sums keep their own copy of what is about to be overwritten."""
        if target is not None:
            for own in self._all:
                own.keep(target)

    def _overwrite(self, target: Tensor, result: Tensor) -> Tensor:
        self._protect(target)
        found = self._behind(result)
        changed: Tensor = target.copy_(result)
        if found is not None:
            self._sums[changed] = *found, changed._version
        return changed

    def _behind(self, x: Tensor) -> tuple[WeightedSum, Sequence[Tensor]] | None:
        """The sum that x is the value of, and its inputs, if it is one and still as it was.

        (What a hook of ours records is a copy: the norm behind it belongs to the sum no more.)
        """
        if x not in self._sums:
            return None
        own, inputs, version = self._sums[x]
        return (own, inputs) if x._version == version else None

    def _account(self, relevance: Tensor) -> None:
        self._absorbed.append(relevance.double())


def _itself(inputs: Sequence[Tensor], part: Part) -> Tensor | None:
    return None if part == "negative" else inputs[0].clone()


def _part(weight: Tensor, part: Part) -> Tensor | None:
    if part == "all":
        return weight
    own = weight.clamp(min=0) if part == "positive" else weight.clamp(max=0)
    return own if own.any() else None


def _weighted_sum(node: Any) -> WeightedSum | None:
    """The sum with weights that a node of the graph goes back through, if it does."""
    own = getattr(getattr(node, "back", None), "__self__", None)
    return own if isinstance(own, WeightedSum) and own.weighted else None
