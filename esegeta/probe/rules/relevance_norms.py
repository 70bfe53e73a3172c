"""Norms as the local maps that they are at an image: a scale and a shift of each unit.

The statistics that a norm takes of the image itself are held constant, but for the mean, whose
subtraction is linear (Ali et al., 2022). Each function is called as PyTorch's own is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta.probe.rules.calls import Call, Unsupported


@dataclass
class Norm:
    """What a norm does to x at an image: scale · (x − mean) + shift.

    Attributes
    ----------
    scale, shift : Tensor
        Of a shape that goes with x; constants.
    centre : callable
        Takes the mean away, where there is one; linear.
    constant : bool
        Whether it takes no statistics of the image.
    """

    scale: Tensor
    shift: Tensor | None
    centre: Callable[[Tensor], Tensor]
    constant: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """The norm of x, without its shift."""
        return self.centre(x) * self.scale


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _affine(
    scale: Tensor, weight: Tensor | None, bias: Tensor | None, shape: Sequence[int]
) -> tuple[Tensor, Tensor | None]:
    scale = scale if weight is None else scale * weight.view(shape)
    return scale, None if bias is None else bias.view(shape)


def _normalised(
    x: Tensor,
    grouped: Sequence[int],
    dims: Sequence[int],
    eps: float,
    weight: Tensor | None,
    bias: Tensor | None,
    shape: Sequence[int],
    *,
    centred: bool = True,
) -> Norm:
    """A norm by the statistics of x over axes, once it is brought to the shape ``grouped``."""

    def centre(t: Tensor) -> Tensor:
        t = t.reshape(grouped)
        return (t - t.mean(tuple(dims), keepdim=True)).reshape(x.shape)

    x = x.detach()
    apart = centre(x) if centred else x
    variance = apart.reshape(grouped).square().mean(tuple(dims), keepdim=True)
    scale = (variance + eps).rsqrt().expand(tuple(grouped)).reshape(x.shape)
    return Norm(*_affine(scale, weight, bias, shape), centre if centred else _as_it_is)


def _channels(x: Tensor) -> tuple[int, ...]:
    return (1, -1) + (1,) * (x.dim() - 2)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Norm:
    """``F.layer_norm``."""
    dims = tuple(range(-len(normalized_shape), 0))
    return _normalised(input, input.shape, dims, eps, weight, bias, tuple(normalized_shape))


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Norm:
    """``F.rms_norm``."""
    dims = tuple(range(-len(normalized_shape), 0))
    own = torch.finfo(input.dtype).eps if eps is None else eps
    shape = tuple(normalized_shape)
    return _normalised(input, input.shape, dims, own, weight, None, shape, centred=False)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Norm:
    """``F.group_norm``."""
    grouped = (input.shape[0], num_groups, input[0].numel() // num_groups)
    return _normalised(input, grouped, (2,), eps, weight, bias, _channels(input))


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Norm:
    """``F.instance_norm``."""
    if not use_input_stats:
        return _by_running(input, running_mean, running_var, weight, bias, eps)
    dims = tuple(range(2, input.dim()))
    return _normalised(input, input.shape, dims, eps, weight, bias, _channels(input))


def aten_instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Norm:
    """``torch.instance_norm``, of another order of arguments."""
    return instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Norm:
    """``F.batch_norm``."""
    if not training:
        return _by_running(input, running_mean, running_var, weight, bias, eps)
    dims = (0, *range(2, input.dim()))
    return _normalised(input, input.shape, dims, eps, weight, bias, _channels(input))


def _by_running(
    x: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Norm:
    """A norm by statistics of the training: they are constants, and the mean a part of the shift."""
    if mean is None or variance is None:
        raise Unsupported
    shape = _channels(x)
    scale, shift = _affine((variance + eps).rsqrt().view(shape), weight, bias, shape)
    moved = -mean.view(shape) * scale
    return Norm(scale, moved if shift is None else shift + moved, _as_it_is, constant=True)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Norm:
    """``F.local_response_norm``."""
    return _divided(input, F.local_response_norm(input.detach(), size, alpha, beta, k))


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None
) -> Norm:
    """``F.normalize``."""
    return _divided(input, F.normalize(input.detach(), p, dim, eps))


def _divided(x: Tensor, value: Tensor) -> Norm:
    """A norm that only divides: where x is zero nothing is known of it, nor needed."""
    x = x.detach()
    return Norm(torch.where(x != 0, value / torch.where(x != 0, x, 1), 1), None, _as_it_is)


NORMS: dict[str, Callable[..., Norm]] = {
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "aten_instance_norm": aten_instance_norm,
    "local_response_norm": local_response_norm,
    "normalize": normalize,
}


def norm_of(call: Call) -> Norm:
    """What the norm does that a call is of.

    Raises
    ------
    Unsupported
        If its weights depend on the image.
    """
    if len(call.pairs) != 1:
        raise Unsupported
    x = call.pairs[0].x
    args: tuple[Any, ...] = tuple(x if arg is call.pairs[0] else arg for arg in call.args)
    kwargs: dict[str, Any] = {
        k: x if arg is call.pairs[0] else arg for k, arg in call.kwargs.items()
    }
    if call.name != "batch_norm":
        return NORMS[call.name](*args, **kwargs)
    if call.plain is F.batch_norm:
        return _batch_norm(*args, **kwargs)
    # torch.batch_norm has the weight before the statistics.
    x, weight, bias, mean, variance, training, momentum, eps = args[:8]
    return _batch_norm(x, mean, variance, weight, bias, training, momentum, eps)
