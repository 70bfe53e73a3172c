"""Relevance as a function mode: a forward under it has relevance / value as its gradients.

So one forward and one backward give the relevance everywhere: at a tensor it is the value times the
gradient. `shares` has the equations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from esegeta.probe.rules import heads
from esegeta.probe.rules.calls import Call, Unsupported
from esegeta.probe.rules.pairs import Pair, ruled
from esegeta.probe.rules.relevance_norms import NORMS, norm_of
from esegeta.probe.rules.relevance_sums import WeightedRule
from esegeta.probe.rules.relevance_table import (
    ACTIVATIONS,
    BIASED_PRODUCTS,
    CONVOLUTIONS,
    GATES,
    GATHERING,
    MERGING,
    SHAPED,
    WINNING,
)
from esegeta.probe.rules.rescale_table import PRODUCTS, is_constant, is_linear
from esegeta.probe.rules.shares import Part


class RelevanceRule(WeightedRule):
    """Gives functions a backward that takes relevance, divided by the value, to the inputs."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if not (torch.is_grad_enabled() and any(map(_depends, tree_leaves((args, kwargs))))):
            return func(*args, **kwargs)
        call = Call.of(func, args, kwargs, _depends, _no_baseline)
        try:
            result = self._ruled(call)
        except Unsupported:
            self.unknown[call.name] += 1
            result = call.compute(*(pair.x for pair in call.pairs))
        if result is NotImplemented:
            self._protect(args[0] if call.name == "__setitem__" else call.target)
            return self._as_it_is(call, func(*args, **kwargs))
        self._mark(call, result)
        return result if call.target is None else self._overwrite(call.target, result)

    def _ruled(self, call: Call) -> Any:
        """What a function gives under the rule; NotImplemented where its derivative is right."""
        name, both = call.name, len(call.pairs) > 1
        if name in heads.COMPOSITE:
            return self._attention(call)
        if name in CONVOLUTIONS or name == "linear":
            return self._layer(call)
        if name in BIASED_PRODUCTS:
            return self._biased(call)
        if name in PRODUCTS:
            return self._product(call) if both else self._matrix(call)
        if name in ("add", "sub", "rsub"):
            return self._sum(call)
        if name in ("mul", "div"):
            return self._times(call)
        if name in NORMS or name == "batch_norm":
            return self._norm(call)
        if name in GATHERING and self.rule.spread.favoured and not both:
            x = call.pairs[0].x
            return self._weigh(call, self.rule.spread, [x], _gathering(call), weighted=False)
        if name in ACTIVATIONS and not both:
            return self._unit(call.pairs[0].x, call.compute(call.pairs[0].x.detach()))
        if name == "log_softmax":
            return self._log_softmax(call)
        if name == "glu":
            return self._glu(call)
        return NotImplemented

    def _as_it_is(self, call: Call, result: Any) -> Any:
        """What a function gave that the rule leaves alone; said, where it should not."""
        found = [t for t in tree_leaves(result) if isinstance(t, Tensor)]
        floating = [t for t in found if t.is_floating_point() or t.is_complex()]
        known = is_linear(call) or call.name in WINNING or call.name in GATES
        if floating and not known and not is_constant(call):
            self.unknown[call.name] += 1
        self._mark(call, result)
        if call.name in MERGING:
            self._merged(call, result)
        return result

    def _merged(self, call: Call, result: Any) -> None:
        """Account for what goes to constants."""
        with torch.no_grad():
            if call.name == "__setitem__":
                whole, place, value = call.args
                result = whole.x if isinstance(whole, Pair) else whole
                shift = result.detach().clone()
                if isinstance(whole, Pair):
                    shift.zero_()
                shift[place] = 0 if isinstance(value, Pair) else value
            else:
                shift = call.compute(*(torch.zeros_like(pair.x) for pair in call.pairs))
        if bool(shift.any()):
            result.register_hook(lambda gradient: self._account((gradient * shift).sum()))

    def _mark(self, call: Call, result: Any) -> None:
        """Know a gate again."""
        shaped = call.name in SHAPED and len(call.pairs) == 1 and call.pairs[0].x in self._gates
        if shaped or call.name in GATES:
            for tensor in tree_leaves(result):
                if isinstance(tensor, Tensor):
                    self._gates[tensor] = True

    def _run(self, func: Callable[..., Any], *args: Any) -> Any:
        return self.__torch_function__(func, (), args)

    # Products of what depends on the image

    def _times(self, call: Call) -> Any:
        """A gate is held constant; of two factors without a gate each gets half."""
        if len(call.pairs) == 1:
            if call.name == "div" and isinstance(call.argument(1, "other"), Pair):
                raise Unsupported
            return self._multiplied(call)
        if call.name == "div":
            first, second = (pair.x for pair in call.pairs)
            return call.compute(first, second.detach())
        return self._product(call)

    def _product(self, call: Call) -> Any:
        values = [pair.x for pair in call.pairs]
        gates = [x in self._gates for x in values]
        if any(gates) and not all(gates):
            kept = [x.detach() if gate else x for x, gate in zip(values, gates, strict=True)]
            if len(values) == 2 and call.name in ("matmul", "bmm"):
                return self._run(call.plain, *kept)
            return call.compute(*kept)
        part = 1 / len(values)
        return call.compute(*(ruled(x, lambda g: (g * part,), x) for x in values))

    def _biased(self, call: Call) -> Any:
        if call.kwargs or len(call.args) != 3:
            raise Unsupported
        bias, first, second = (a.x if isinstance(a, Pair) else a for a in call.args)
        return self._run(torch.add, self._run(torch.matmul, first, second), bias)

    def _glu(self, call: Call) -> Tensor:
        dim = call.argument(1, "dim")
        value, gate = call.pairs[0].x.chunk(2, -1 if dim is None else dim)
        return value * gate.detach().sigmoid()

    def _attention(self, call: Call) -> Any:
        """Attention weights are gates: relevance passes through the values (Ali et al., 2022)."""

        def opened(leaf: Any) -> Any:
            return leaf.x if isinstance(leaf, Pair) else leaf

        args, kwargs = tree_map(opened, (call.args, call.kwargs))

        def attend(weights: Tensor, values: Tensor) -> Tensor:
            found: Tensor = self._run(torch.matmul, weights.detach(), values)
            return found

        if call.name == "scaled_dot_product_attention":
            return heads.scaled_dot_product(attend, *args, **kwargs)

        def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            found: Tensor = self._run(torch.nn.functional.linear, x, weight, bias)
            return found

        return heads.multi_head(attend, linear, *args, **kwargs)

    # Functions of one number, and norms

    def _unit(self, x: Tensor, value: Tensor) -> Tensor:
        """A value whose relevance is all its input's."""
        x_ = x.detach()
        known = x_ != 0
        slope = torch.where(known, value / torch.where(known, x_, 1), 0)
        lost = torch.where(known, 0, value)

        def back(gradient: Tensor) -> tuple[Tensor]:
            self._account((lost * gradient).sum())
            return (gradient * slope,)

        return ruled(value, back, x)

    def _norm(self, call: Call) -> Tensor:
        """A norm is a local linear map, or, where only excitation counts, leaves all with its unit."""
        norm, x = norm_of(call), call.pairs[0].x
        with torch.no_grad():
            value = call.compute(x.detach())
        excited = self.rule.kind in ("zplus", "excitation")
        found = self._behind(x)
        if found is not None:
            own, inputs = found
            if norm.constant or not own.shares.whole:
                shift = norm.shift if norm.constant else None
                scale = norm.scale.expand_as(value)
                return self._summed(own.scaled(scale, shift, value), inputs, value)
        if excited:
            return self._unit(x, value)
        return self._shifted_by(norm(x), norm.shift)

    def _shifted_by(self, x: Tensor, shift: Tensor | None) -> Tensor:
        if shift is None:
            return x

        def back(gradient: Tensor) -> tuple[Tensor]:
            self._account((gradient * shift).sum())
            return (gradient,)

        return ruled((x + shift).detach(), back, x)

    def _log_softmax(self, call: Call) -> Tensor:
        x = call.pairs[0].x
        with torch.no_grad():
            shift = call.compute(x.detach()) - x
        return self._shifted_by(x, shift)


def _depends(thing: Any) -> bool:
    return isinstance(thing, Tensor) and thing.requires_grad


def _no_baseline() -> Tensor:
    raise AssertionError("relevance has no baseline")


def _gathering(call: Call) -> Callable[[Sequence[Tensor], Part], Tensor | None]:
    def function(inputs: Sequence[Tensor], part: Part) -> Tensor | None:
        return None if part == "negative" else call.compute(inputs[0])

    return function
