"""The graph that autograd keeps of a forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor


def nodes(output: Tensor, end: Callable[[Any], bool] = lambda node: False) -> Iterator[Any]:
    """Yield each node behind an output once, but none behind an end."""
    pending, seen = [output.grad_fn], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        if not end(node):
            pending.extend(parent for parent, _ in node.next_functions)
