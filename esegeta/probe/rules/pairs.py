"""What a difference in the inputs of a function adds to the difference of its values.

A `Pair` is a tensor for the image, with its graph, and the same tensor for the baseline. Each
function here computes a pair from pairs, and puts multipliers m into the graph in the derivative's
place, such that Σ m·(x − b) over its inputs is exactly f(x) − f(b) (Shrikumar et al., 2017). Where
x and b are equal they are the derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

Function = Callable[..., Tensor]


class Pair:
    """A tensor for the image, and for the baseline.

    Parameters
    ----------
    x : Tensor
        For the image, with its graph.
    b : Tensor or callable
        For the baseline, or how to compute it if anyone asks.
    """

    def __init__(self, x: Tensor, b: Tensor | Callable[[], Tensor]) -> None:
        self.x = x
        self._b = b

    @property
    def b(self) -> Tensor:
        """For the baseline."""
        known = self._b if isinstance(self._b, Tensor) else self._b()
        self._b = known
        return known

    def known(self, b: Tensor) -> None:
        """Say what it is for the baseline."""
        self._b = b

    @property
    def differs(self) -> bool:
        """Whether a multiplier can be passed on to it."""
        return self.x.requires_grad

    @property
    def shape(self) -> torch.Size:
        """Of either."""
        return self.x.shape


class _Ruled(torch.autograd.Function):
    """A value whose gradient goes back by a function of ours."""

    @staticmethod
    def forward(ctx: Any, held: list[Any], *inputs: Tensor) -> Tensor:
        value: Tensor = held[0]
        ctx.back = held[1]
        held.clear()
        # (What is a view here must not be changed in place by the model.)
        return value.clone() if value._is_view() else value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return (None, *ctx.back(gradients[0]))


def ruled(
    value: Tensor, back: Callable[[Tensor], Sequence[Tensor | None]], *inputs: Tensor
) -> Tensor:
    """The value, with ``back`` in the place of its derivative by the inputs.

    It is handed over in a list, so that autograd does not take it for an input.
    """
    result: Tensor = _Ruled.apply([value, back], *inputs)  # type: ignore[no-untyped-call]
    return result


def same(a: Tensor, b: Tensor) -> Tensor:
    """Where two values are so near that the quotient of differences is noise.

    Relative to the values themselves: where they lie on either side of a kink at zero they never are.
    """
    tolerance = torch.finfo(a.dtype).eps ** (2 / 3)
    near: Tensor = ((a - b).abs() <= tolerance * (a.abs() + b.abs())) | (a == b)
    return near


def linear(function: Function, *pairs: Pair) -> Pair:
    """A function that is linear in all its inputs together: its derivative is right."""
    return Pair(function(*(p.x for p in pairs)), lambda: function(*(p.b for p in pairs)))


def plus(a: Pair, b: Pair) -> Pair:
    """The sum of both."""
    return linear(torch.add, a, b)


# Functions of one number


def elementwise(function: Function, pair: Pair) -> Pair:
    """A function of each number on its own: the quotient of differences."""
    with torch.no_grad():
        value, before = function(pair.x.detach()), function(pair.b)
    pair = expanded(pair, value.shape)
    with torch.no_grad():
        slope = _slope(function, pair.x.detach(), pair.b, value, before)
    return Pair(ruled(value, lambda g: (g * slope,), pair.x), before)


def _slope(function: Function, x: Tensor, b: Tensor, value: Tensor, before: Tensor) -> Tensor:
    near = same(x, b)
    slope = (value - before) / (x - b)
    return slope.where(~near, derivative(function, (x + b) / 2)) if near.any() else slope


def derivative(function: Function, x: Tensor) -> Tensor:
    """Of a function of each number; zero where it is infinite, as of a root at zero."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        value = function(leaf)
    if not value.requires_grad:
        return torch.zeros_like(x)
    (found,) = torch.autograd.grad(value, leaf, torch.ones_like(value))
    return found.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def _closed(function: Function, slope: Callable[[Pair, Pair], Tensor]) -> Callable[[Pair], Pair]:
    """A function whose quotient of differences has a form without cancellation.

    Parameters
    ----------
    slope : callable
        Of the input and the value.
    """

    def rule(pair: Pair) -> Pair:
        with torch.no_grad():
            known = Pair(pair.x.detach(), pair.b)
            value = Pair(function(known.x), function(known.b))
            slopes = slope(known, value)
        return Pair(ruled(value.x, lambda g: (g * slopes,), pair.x), value.b)

    return rule


def exp_slope(x: Tensor, b: Tensor) -> Tensor:
    """(exp(x) − exp(b)) / (x − b), and exp(x) where they are equal; −∞ is allowed."""
    apart = (x - b).abs().where(x != b, 0)
    share = (-torch.expm1(-apart) / apart).where(apart > 0, 1)
    return torch.maximum(x, b).exp() * share


square = _closed(torch.square, lambda p, y: p.x + p.b)
exp = _closed(torch.exp, lambda p, y: exp_slope(p.x, p.b))
reciprocal = _closed(torch.reciprocal, lambda p, y: -y.x * y.b)
rsqrt = _closed(torch.rsqrt, lambda p, y: -((y.x * y.b) ** 2) / (y.x + y.b))
# Where both are zero nothing differs, and nothing is passed on.
sqrt = _closed(torch.sqrt, lambda p, y: (1 / (y.x + y.b)).where(y.x + y.b > 0, 0))


# Functions of several


def expanded(pair: Pair, shape: Sequence[int]) -> Pair:
    """The pair, repeated to a shape."""
    return pair if tuple(pair.shape) == tuple(shape) else linear(lambda t: t.expand(shape), pair)


def joined(function: Function, *pairs: Pair) -> Pair:
    """A function of several numbers at each place: its derivative half way, and the least change of it.

    Half way the derivative is exact for products. What it leaves over for other functions (a
    maximum, a choice) is given to the inputs in proportion to how much they differ.
    """
    if len(pairs) == 1 and pairs[0].differs:
        return elementwise(function, pairs[0])
    with torch.no_grad():
        value = function(*(p.x.detach() for p in pairs))
        before = function(*(p.b for p in pairs))
    pairs = tuple(expanded(p, value.shape) for p in pairs)
    with torch.no_grad():
        moving = [p for p in pairs if p.differs]
        slopes = _halfway(function, pairs)
        steps = [p.x.detach() - p.b for p in moving]
        left = value - before
        for slope, step in zip(slopes, steps, strict=True):
            left = left - slope * step
        length = torch.stack([step.square() for step in steps]).sum(0)
        share = (left / length).where(length > 0, 0)
        found = [slope + share * step for slope, step in zip(slopes, steps, strict=True)]
    return Pair(ruled(value, lambda g: [g * m for m in found], *(p.x for p in moving)), before)


def _halfway(function: Function, pairs: Sequence[Pair]) -> list[Tensor]:
    with torch.enable_grad():
        leaves = [((p.x.detach() + p.b) / 2).requires_grad_() if p.differs else p.x for p in pairs]
        wanted = [leaf for leaf, p in zip(leaves, pairs, strict=True) if p.differs]
        value = function(*leaves)
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in wanted]
    found = torch.autograd.grad(value, wanted, torch.ones_like(value), allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for g, w in zip(found, wanted, strict=True)]


#: From how many times smaller parts on a product is split one-sidedly.
CANCELLING = 10.0


def multiply(a: Pair, b: Pair) -> Pair:
    """A product at each place, in which each factor keeps the mean of the other.

    Where the two parts would be large and cancel (a root's reciprocal at a baseline without
    variance), one factor keeps its value at the one end, the other at the other end: also exact.
    """
    with torch.no_grad():
        ax, bx, ab, bb = a.x.detach(), b.x.detach(), a.b, b.b
        for_a, for_b = (bx + bb) / 2, (ax + ab) / 2
        da, db = ax - ab, bx - bb
        parts = [(for_a * da).abs() + (for_b * db).abs()]
        parts += [(bx * da).abs() + (ab * db).abs(), (bb * da).abs() + (ax * db).abs()]
        less = torch.minimum(parts[1], parts[2])
        bad = parts[0] > CANCELLING * less + torch.finfo(ax.dtype).tiny
        if bad.any():
            first = bad & (parts[1] <= parts[2])
            for_a = torch.where(first, bx, torch.where(bad, bb, for_a))
            for_b = torch.where(first, ab, torch.where(bad, ax, for_b))
        value = ax * bx

    def back(g: Tensor) -> tuple[Tensor, Tensor]:
        return (g * for_a).sum_to_size(ax.shape), (g * for_b).sum_to_size(bx.shape)

    return Pair(ruled(value, back, a.x, b.x), lambda: a.b * b.b)


def scaled(u: Pair, s: Pair, value: Tensor | None = None) -> Pair:
    """u·s, where s is a scale of u that explodes when u is constant: a norm, a quotient.

    u differs at the smaller of both scales, s at the u that had the larger one: exact, and without
    the cancellation of huge parts where the image or the baseline has no variance.
    """
    with torch.no_grad():
        ux, sx, ub, sb = u.x.detach(), s.x.detach(), u.b, s.b
        near = sx.abs() <= sb.abs()
        for_u, for_s = torch.where(near, sx, sb), torch.where(near, ub, ux)
        value = ux * sx if value is None else value

    def back(g: Tensor) -> tuple[Tensor, Tensor]:
        return (g * for_u).sum_to_size(ux.shape), (g * for_s).sum_to_size(sx.shape)

    return Pair(ruled(value, back, u.x, s.x), lambda: u.b * s.b)


def divide(a: Pair, b: Pair) -> Pair:
    """The quotient a / b."""
    return scaled(a, reciprocal(b), a.x.detach() / b.x.detach())


#: Points and weights of Gauss' quadrature on [0, 1]; one point is exact for products of two.
_GAUSS = {1: ((0.5, 1.0),), 2: ((0.5 - 3**-0.5 / 2, 0.5), (0.5 + 3**-0.5 / 2, 0.5))}


def product(function: Function, *pairs: Pair) -> Pair:
    """A function that is linear in each of up to four inputs (matmul, einsum, convolution by data).

    Its derivative is averaged over the way from the baseline to the image. Of two inputs each keeps
    the mean of the other.
    """
    with torch.no_grad():
        value = function(*(p.x.detach() for p in pairs))
    moving = [p for p in pairs if p.differs]
    ends = [(p.x.detach(), p.b) if p.differs else (p.x, p.x) for p in pairs]
    points = _GAUSS[1 if len(moving) <= 2 else 2]

    def back(g: Tensor) -> list[Tensor]:
        totals: list[Tensor] = []
        for point, weight in points:
            leaves = [
                torch.lerp(b, x, point).requires_grad_() if p.differs else x
                for p, (x, b) in zip(pairs, ends, strict=True)
            ]
            wanted = [leaf for leaf, p in zip(leaves, pairs, strict=True) if p.differs]
            with torch.enable_grad():
                found = torch.autograd.grad(function(*leaves), wanted, g)
            scaled = [weight * gradient for gradient in found]
            totals = [t + s for t, s in zip(totals, scaled, strict=True)] if totals else scaled
        return totals

    return Pair(ruled(value, back, *(p.x for p in moving)), partial(_reference, function, pairs))


@torch.no_grad()
def _reference(function: Function, pairs: Sequence[Pair]) -> Tensor:
    return function(*(p.b for p in pairs))


# Sums of exponentials


def _shares(pair: Pair, dim: int) -> Tensor:
    """Multipliers of log Σ exp(z) along an axis: positive, and the softmax where nothing differs."""
    x, b = pair.x.detach(), pair.b
    top = torch.maximum(x, b).amax(dim, keepdim=True)
    top = top.where(top.isfinite(), 0)
    sums = [(z - top).exp().sum(dim, keepdim=True) for z in (x, b)]
    logs = [z.logsumexp(dim, keepdim=True) for z in (x, b)]
    slope = ((logs[0] - logs[1]) / (sums[0] - sums[1])).where(
        ~same(sums[0], sums[1]), 2 / (sums[0] + sums[1])
    )
    return exp_slope(x - top, b - top) * slope


def logsumexp(pair: Pair, dim: int) -> Pair:
    """Give log Σ exp(z) along an axis, which stays with size 1."""
    with torch.no_grad():
        shares = _shares(pair, dim)
        value, before = (z.logsumexp(dim, keepdim=True) for z in (pair.x.detach(), pair.b))
    return Pair(ruled(value, lambda g: (g * shares,), pair.x), before)


def softmax(pair: Pair, dim: int, *, log: bool = False) -> Pair:
    """exp(z − log Σ exp(z)) along an axis, or its logarithm."""
    with torch.no_grad():
        shares = _shares(pair, dim)
        x, b = (z.log_softmax(dim) for z in (pair.x.detach(), pair.b))
        slope = None if log else exp_slope(x, b)
        value, before = (x, b) if log else (x.exp(), b.exp())

    def back(g: Tensor) -> tuple[Tensor]:
        g = g if slope is None else g * slope
        return (g - shares * g.sum(dim, keepdim=True),)

    return Pair(ruled(value, back, pair.x), before)


# The largest of several


def picked(pair: Pair, dim: int, index: Tensor, before: Tensor) -> Pair:
    """Values picked by the place of the largest along an axis.

    What the image's maximum is above the baseline's comes from the image's place; what it is below
    from the baseline's: from a place that differs at least as much, so the multiplier is at most 1.

    Parameters
    ----------
    index, before : Tensor
        The places for the image, and for the baseline.
    """
    with torch.no_grad():
        x, b = pair.x.detach(), pair.b
        top, low = x.gather(dim, index), b.gather(dim, before)
        place = index.where(top >= low, before)
        there, then = x.gather(dim, place), b.gather(dim, place)
        share = ((top - low) / (there - then)).where(~same(there, then), 1)

    def back(g: Tensor) -> tuple[Tensor]:
        return (torch.zeros_like(x).scatter_add(dim, place, g * share),)

    return Pair(ruled(top, back, pair.x), low)
