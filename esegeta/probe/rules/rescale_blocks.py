"""Norms and softmaxes, taken apart into pairs; each is called as PyTorch's own is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta.probe.rules import pairs as of
from esegeta.probe.rules.calls import Unsupported
from esegeta.probe.rules.pairs import Pair

Maybe = Tensor | Pair | None


def _affine(pair: Pair, weight: Tensor | None, bias: Tensor | None, shape: Sequence[int]) -> Pair:
    if weight is not None:
        factor = weight.view(shape)
        pair = of.linear(lambda t: t * factor, pair)
    if bias is not None:
        shift = bias.view(shape)
        pair = of.linear(lambda t: t + shift, pair)
    return pair


def normalised(pair: Pair, dims: Sequence[int], eps: float, *, centre: bool = True) -> Pair:
    """(x − mean) / √(variance + eps) over axes; without centring, by the mean square."""
    if centre:
        pair = of.linear(lambda t: t - t.mean(dims, keepdim=True), pair)
    variance = of.linear(lambda t: t.mean(dims, keepdim=True), of.square(pair))
    return of.scaled(pair, of.rsqrt(of.linear(lambda t: t + eps, variance)))


def layer_norm(
    input: Pair,
    normalized_shape: Sequence[int],
    weight: Maybe = None,
    bias: Maybe = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Pair:
    """``F.layer_norm``."""
    dims = tuple(range(-len(normalized_shape), 0))
    return _scaled_by(normalised(input, dims, eps), weight, bias, tuple(normalized_shape))


def _scaled_by(pair: Pair, weight: Maybe, bias: Maybe, shape: Sequence[int]) -> Pair:
    if isinstance(weight, Pair) or isinstance(bias, Pair):
        raise Unsupported
    return _affine(pair, weight, bias, shape)


def rms_norm(
    input: Pair,
    normalized_shape: Sequence[int],
    weight: Maybe = None,
    eps: float | None = None,
) -> Pair:
    """``F.rms_norm``."""
    dims = tuple(range(-len(normalized_shape), 0))
    own = torch.finfo(input.x.dtype).eps if eps is None else eps
    return _scaled_by(
        normalised(input, dims, own, centre=False), weight, None, tuple(normalized_shape)
    )


def group_norm(
    input: Pair,
    num_groups: int,
    weight: Maybe = None,
    bias: Maybe = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Pair:
    """``F.group_norm``."""
    shape = input.shape
    groups = of.linear(lambda t: t.reshape(shape[0], num_groups, -1), input)
    whole = of.linear(lambda t: t.reshape(shape), normalised(groups, (2,), eps))
    return _scaled_by(whole, weight, bias, _channels(input))


def _channels(pair: Pair) -> tuple[int, ...]:
    return (1, -1) + (1,) * (len(pair.shape) - 2)


def instance_norm(
    input: Pair,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Maybe = None,
    bias: Maybe = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Pair:
    """``F.instance_norm`` by the image's own statistics."""
    dims = tuple(range(2, len(input.shape)))
    return _scaled_by(normalised(input, dims, eps), weight, bias, _channels(input))


def aten_instance_norm(
    input: Pair,
    weight: Maybe,
    bias: Maybe,
    running_mean: Any,
    running_var: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Pair:
    """``torch.instance_norm``, of another order of arguments."""
    return instance_norm(input, None, None, weight, bias, True, momentum, eps)


def batch_norm(call: Any) -> Pair:
    """A batch norm by the statistics of the batch, in whichever order its arguments stand."""
    pair, eps = call.args[0], call.argument(7, "eps")
    dims = (0, *range(2, len(pair.shape)))
    # F.batch_norm has the statistics before the weight, torch.batch_norm after it.
    first = 3 if call.plain is F.batch_norm else 1
    weight, bias = call.argument(first, "weight"), call.argument(first + 1, "bias")
    return _scaled_by(
        normalised(pair, dims, 1e-5 if eps is None else eps), weight, bias, _channels(pair)
    )


def local_response_norm(
    input: Pair, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Pair:
    """``F.local_response_norm``: by the mean square of neighbouring channels."""

    def neighbours(t: Tensor) -> Tensor:
        rows = F.pad(t.movedim(1, -1).flatten(0, -2), (size // 2, (size - 1) // 2))
        means = F.avg_pool1d(rows[:, None], size, 1)[:, 0]
        return means.view(t.movedim(1, -1).shape).movedim(-1, 1) * alpha + k

    means = of.linear(neighbours, of.square(input))
    return of.scaled(input, of.elementwise(lambda t: t**-beta, means))


def normalize(
    input: Pair, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None
) -> Pair:
    """``F.normalize``."""
    length = norm(input, p, dim, keepdim=True)
    return of.divide(input, of.elementwise(lambda t: t.clamp_min(eps), length))


def norm(
    input: Pair,
    p: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    out: Any = None,
    dtype: Any = None,
    **options: Any,
) -> Pair:
    """``torch.linalg.vector_norm`` and its like, of order 1 or 2."""
    order = options.pop("ord", p)
    if options or dtype is not None or order not in (None, "fro", 1, 2):
        raise Unsupported
    dims = tuple(range(len(input.shape))) if dim is None else dim
    if order == 1:
        return of.linear(lambda t: t.sum(dims, keepdim=keepdim), of.elementwise(torch.abs, input))
    return of.sqrt(of.linear(lambda t: t.sum(dims, keepdim=keepdim), of.square(input)))


def linalg_norm(
    A: Pair,  # noqa: N803 - PyTorch's own name
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    **options: Any,
) -> Pair:
    """``torch.linalg.norm`` of vectors; of a matrix only the one that is a vector's too."""
    matrix = len(A.shape) == 2 if dim is None else isinstance(dim, (tuple, list)) and len(dim) == 2
    if ord is not None and (matrix or dim is None):
        raise Unsupported
    return norm(A, 2 if ord is None else ord, dim, keepdim, **options)


def variance(root: bool) -> Callable[..., Pair]:
    """``torch.var``, or its root."""

    def rule(
        input: Pair,
        dim: Any = None,
        unbiased: Any = True,
        keepdim: bool = False,
        *,
        correction: Any = None,
    ) -> Pair:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        less = int(bool(unbiased)) if correction is None else correction
        dims = tuple(range(len(input.shape))) if dim is None else dim
        apart = of.linear(lambda t: t - t.mean(dims, keepdim=True), input)
        each = (dims,) if isinstance(dims, int) else dims
        count = math.prod(input.shape[d] for d in each) - less
        found = of.linear(lambda t: t.sum(dims, keepdim=keepdim) / count, of.square(apart))
        return of.sqrt(found) if root else found

    return rule


def softmax(
    input: Pair,
    dim: int | None = None,
    _stacklevel: Any = None,
    dtype: torch.dtype | None = None,
    *,
    log: bool = False,
    **options: Any,
) -> Pair:
    """``F.softmax``."""
    if isinstance(_stacklevel, torch.dtype):  # the method has the type in its place
        dtype = _stacklevel
    if dtype is not None:
        input = of.linear(lambda t: t.to(dtype), input)
    if dim is None:
        dim = 0 if len(input.shape) in (0, 1, 3) else 1
    return of.softmax(input, dim, log=log)


def log_softmax(input: Pair, *args: Any, **kwargs: Any) -> Pair:
    """``F.log_softmax``."""
    return softmax(input, *args, log=True, **kwargs)


def softmin(input: Pair, *args: Any, **kwargs: Any) -> Pair:
    """``F.softmin``."""
    return softmax(of.linear(torch.neg, input), *args, **kwargs)


def logsumexp(input: Pair, dim: Any, keepdim: bool = False, **options: Any) -> Pair:
    """``torch.logsumexp`` over one axis."""
    if isinstance(dim, (tuple, list)):
        if len(dim) != 1:
            raise Unsupported
        (dim,) = dim
    found = of.logsumexp(input, dim)
    return found if keepdim else of.linear(lambda t: t.squeeze(dim), found)


def glu(input: Pair, dim: int = -1) -> Pair:
    """``F.glu``: one half times the sigmoid of the other."""
    half = input.shape[dim] // 2
    value = of.linear(lambda t: t.narrow(dim, 0, half), input)
    gate = of.linear(lambda t: t.narrow(dim, half, half), input)
    return of.multiply(value, of.elementwise(torch.sigmoid, gate))
