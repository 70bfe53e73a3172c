"""Maxima, minima and max-pools under the rescale rule; each is called as PyTorch's own is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta.probe.rules import pairs as of
from esegeta.probe.rules.calls import Call, Unsupported
from esegeta.probe.rules.pairs import Pair

POOLS: dict[str, tuple[Callable[..., Any], int, int]] = {
    f"{kind}max_pool{axes}d": (getattr(F, f"{kind}max_pool{axes}d_with_indices"), axes, own)
    for kind, own in (("", 5), ("adaptive_", 1))
    for axes in (1, 2, 3)
}
"""The function that also gives the places, the number of its axes, and that of its settings."""

#: Of a pool that is asked for its places as well.
_WITH = "with_indices"


def pool(call: Call) -> Any:
    """A max-pool over windows, also adaptive."""
    function, axes, own = POOLS[call.name]
    (pair,), rest = call.pairs, call.args[1:][:own]
    kwargs = {k: v for k, v in call.kwargs.items() if k not in ("input", "return_indices")}
    with torch.no_grad():
        value, index = function(pair.x.detach(), *rest, **kwargs)
        _, before = function(pair.b, *rest, **kwargs)
    flat = of.linear(lambda t: t.flatten(-axes), pair)
    found = of.picked(flat, -1, index.flatten(-axes), before.flatten(-axes))
    whole = of.linear(lambda t: t.view(value.shape), found)
    asked = call.argument(own + 1, "return_indices") or _WITH in call.plain.__name__
    return (whole, index) if asked else whole


def largest(call: Call) -> Any:
    """``max`` and ``amax``, of two tensors, along axes, or of all."""
    return _largest(call, call.pairs, of.linear(lambda t: t, call.pairs[0]))


def smallest(call: Call) -> Any:
    """``min`` and ``amin``."""
    return _largest(call, call.pairs, of.linear(torch.neg, call.pairs[0]), torch.neg)


def _largest(
    call: Call, pairs: list[Pair], first: Pair, back: Callable[[Tensor], Tensor] | None = None
) -> Any:
    dim = call.argument(1, "dim")
    if len(pairs) == 2 or isinstance(dim, Tensor) or "other" in call.kwargs:
        return of.joined(call.compute, *pairs)
    dims = tuple(range(len(first.shape))) if dim is None or dim == () else dim
    dims = tuple(sorted(d % len(first.shape) for d in ((dims,) if isinstance(dims, int) else dims)))
    keep = bool(call.argument(2, "keepdim"))
    ends = tuple(range(-len(dims), 0))
    flat = of.linear(lambda t: t.movedim(dims, ends).flatten(-len(dims)), first)
    with torch.no_grad():
        index, before = (t.max(-1, keepdim=True).indices for t in (flat.x.detach(), flat.b))
    found = of.picked(flat, -1, index, before)

    def shaped(t: Tensor) -> Tensor:
        t = t.squeeze(-1) if back is None else back(t.squeeze(-1))
        for d in dims if keep else ():
            t = t.unsqueeze(d)
        return t

    whole = of.linear(shaped, found)
    if call.name in ("amax", "amin") or dim is None:
        return whole
    if len(dims) != 1:
        raise Unsupported
    index = index.squeeze(-1)
    kind = getattr(torch.return_types, call.name)
    return kind, (whole, index.unsqueeze(dims[0]) if keep else index)
