"""DeepLIFT's rescale rule as a function mode (Shrikumar, Greenside & Kundaje, 2017).

The baseline passes first, and what it gives to functions that are not linear is noted. Then the image
passes: each of these functions gets the multiplier from the two differences in the derivative's place,
so that the gradient of the score is its multiplier at every place. The image alone goes back. The
two never share a batch, so a model may take its images as it likes, one at a time too.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from esegeta.errors import MethodError
from esegeta.probe.rules.calls import Call, Unsupported
from esegeta.probe.rules.graph import nodes
from esegeta.probe.rules.pairs import Pair, ruled
from esegeta.probe.rules.rescale_table import CHOICES, RULES, is_constant, is_linear

#: What autograd calls functions that have a rule. One of these on the way to the output ran where the
#: mode does not see it: in a scripted function, or a custom one.
ESCAPED = re.compile(
    r"(Relu|LeakyRelu|Elu|Celu|Prelu\w*|Gelu|Silu|Mish|Hard\w+|Threshold|Softplus|Sigmoid|Tanh|Exp|Log|Sqrt|"
    r"Rsqrt|Reciprocal|Softmax|LogSoftmax|\w+Norm|MaxPool\w+|AdaptiveMaxPool\w+|ScaledDot\w+)Backward\d+"
    r"|\w+(?<!_Ruled)Backward"
)

#: Numbers that leave PyTorch: a model that goes on with one hides what depends on the image.
LEAVING = frozenset(("item", "tolist", "numpy", "__float__", "__int__", "__bool__", "__array__"))


class RescaleRule(TorchFunctionMode):
    """Gives functions the rescale rule's multipliers as derivatives.

    First `of_baseline`, in it a forward of the baseline; then `of_image`, in it the same forward of the
    image. Both inputs must require grad.

    Attributes
    ----------
    unknown : Counter
        Calls of functions that depend on the image in a way the rule does not know, by name.
    failed : MethodError or None
        What the model was stopped for, whatever was made of that on the way.
    beside : bool
        Whether a function behind the layers that the rule starts at took what comes from the image
        beside them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unknown: Counter[str] = Counter()
        self.failed: MethodError | None = None
        self.beside = False
        self._tape: deque[tuple[str, list[Tensor]]] = deque()
        self._recording = False
        # What depends on the image but has no gradient: truths, places, what was detached.
        self._cut_off = WeakTensorKeyDictionary()
        # Where the rule starts at layers: what the image gives before and beside them.
        self._before = WeakTensorKeyDictionary()

    @contextmanager
    def of_baseline(self) -> Iterator[None]:
        """Note what the baseline gives to functions."""
        self._tape.clear()
        yield from self._passing(recording=True)

    @contextmanager
    def of_image(self) -> Iterator[None]:
        """Let the image follow the baseline.

        Raises
        ------
        MethodError
            If the model calls other functions for the image than it did for the baseline.
        """
        yield from self._passing(recording=False)
        if self._tape:
            raise self._strayed(None)

    def _passing(self, *, recording: bool) -> Iterator[None]:
        self._recording, self._cut_off = recording, WeakTensorKeyDictionary()
        with torch.enable_grad(), self:
            yield

    def look_for_escaped(self, output: Tensor) -> None:
        """Count among the unknown what is on the way to an output and was not seen."""
        for node in nodes(output):
            name = node.name()
            if ESCAPED.fullmatch(name) and "Batch" not in name:
                self.unknown[name] += 1

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        beside = bool(self._before) and any(map(self._comes_before, leaves))
        if not any(map(self._depends, leaves)):
            result = func(*args, **kwargs)
            if beside:
                self.comes_before(result)
            return result
        self.beside |= beside
        call = Call.of(func, args, kwargs, self._depends, self._unset)
        if call.name not in RULES or is_linear(call) or not _can(call):
            return self._as_it_is(call, func(*args, **kwargs))
        return self._overwrite(call, (self._note if self._recording else self._follow)(call))

    def comes_before(self, values: Any) -> None:
        """Note that tensors come from the image, before any layer that the rule starts at."""
        for tensor in tree_leaves(values):
            if isinstance(tensor, Tensor):
                self._before[tensor] = True

    def _comes_before(self, thing: Any) -> bool:
        return isinstance(thing, Tensor) and not thing.requires_grad and thing in self._before

    def _depends(self, thing: Any) -> bool:
        return isinstance(thing, Tensor) and (thing.requires_grad or thing in self._cut_off)

    @staticmethod
    def _unset() -> Tensor:
        raise AssertionError("the baseline's tensor is known only while the image follows it")

    def _as_it_is(self, call: Call, result: Any) -> Any:
        """What a function gave that the rule leaves alone; said, where it should not."""
        found = [t for t in tree_leaves(result) if isinstance(t, Tensor)]
        floating = [t for t in found if t.is_floating_point() or t.is_complex()]
        if is_constant(call):
            return result
        if not self._recording and (
            (floating and not is_linear(call))
            or (floating and not all(t.requires_grad for t in floating))
            or call.name in LEAVING
        ):
            self.unknown[call.name] += 1
        self._mark(found)
        return result

    def _mark(self, tensors: list[Tensor]) -> None:
        for tensor in tensors:
            if not tensor.requires_grad:
                self._cut_off[tensor] = True

    def _overwrite(self, call: Call, result: Any) -> Any:
        if call.target is None:
            return result
        return call.target.copy_(result)

    # The baseline's pass

    def _note(self, call: Call) -> Any:
        """Note the inputs. The result starts a graph of its own, so that none is kept."""
        values = [pair.x.detach().clone() for pair in call.pairs]
        self._tape.append((call.name, values))
        with torch.no_grad():
            result = call.compute(*(pair.x.detach() for pair in call.pairs))
        if not (torch.is_grad_enabled() and any(pair.differs for pair in call.pairs)):
            return self._marked(result)
        return self._marked(tree_map(_started, result))

    # The image's pass

    def _follow(self, call: Call) -> Any:
        if not self._tape or self._tape[0][0] != call.name:
            raise self._strayed(call)
        _, before = self._tape.popleft()
        if [t.shape for t in before] != [pair.shape for pair in call.pairs]:
            raise self._strayed(call)
        for pair, value in zip(call.pairs, before, strict=True):
            pair.known(value)
        if not (torch.is_grad_enabled() and any(pair.differs for pair in call.pairs)):
            with torch.no_grad():
                result = call.compute(*(pair.x for pair in call.pairs))
            if any(t.is_floating_point() for t in tree_leaves(result) if isinstance(t, Tensor)):
                self.unknown[call.name] += 1
            return self._marked(result)
        try:
            result = RULES[call.name](call)
        except Unsupported:
            self.unknown[call.name] += 1
            return self._marked(call.compute(*(pair.x for pair in call.pairs)))
        return self._marked(_without_pairs(result))

    def _marked(self, result: Any) -> Any:
        self._mark([t for t in tree_leaves(result) if isinstance(t, Tensor)])
        return result

    def _strayed(self, call: Call | None) -> MethodError:
        there = f"'{self._tape[0][0]}'" if self._tape else "nothing more"
        here = "nothing more" if call is None else f"'{call.name}'"
        self.failed = MethodError(
            f"The model takes another way for the image than for the baseline: {here} where that had "
            f"{there}. The rescale rule compares the two function by function; choose a baseline "
            "that the model treats alike, or another method."
        )
        return self.failed


def _can(call: Call) -> bool:
    """Whether the rule serves this call: what has no gradient may only choose at each place."""
    return call.name in CHOICES or all(pair.differs or _is_float(pair) for pair in call.pairs)


def _is_float(pair: Pair) -> bool:
    return pair.x.is_floating_point()


def _started(value: Any) -> Any:
    if not (isinstance(value, Tensor) and value.is_floating_point()):
        return value
    return ruled(value, lambda g: (None,), torch.zeros((), requires_grad=True))


def _without_pairs(result: Any) -> Any:
    """The image's part of what a rule gave."""
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], type):
        kind, parts = result
        return kind(tuple(map(_image, parts)))
    if isinstance(result, tuple):
        return tuple(map(_image, result))
    return _image(result)


def _image(part: Any) -> Any:
    return part.x if isinstance(part, Pair) else part
