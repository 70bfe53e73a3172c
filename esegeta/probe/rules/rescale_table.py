"""Which function passes a difference on how: the rescale rule, function by function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from esegeta.probe.rules import pairs as of
from esegeta.probe.rules import rescale_attention as attention
from esegeta.probe.rules import rescale_blocks as blocks
from esegeta.probe.rules import rescale_largest as largest
from esegeta.probe.rules.calls import Call, Unsupported
from esegeta.probe.rules.pairs import Pair

Rule = Callable[[Call], Any]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Functions of one number, or of several at each place.
AT_EACH_PLACE = _words(
    "relu relu6 hardtanh leaky_relu elu celu selu rrelu prelu gelu silu mish hardswish hardsigmoid "
    "hardshrink softshrink tanhshrink softsign softplus threshold logsigmoid sigmoid tanh "
    "expm1 exp2 log log1p log2 log10 abs sin cos tan asin acos atan arcsin arccos arctan sinh cosh "
    "asinh acosh atanh erf erfc erfinv special_erfinv lgamma digamma sign sgn floor ceil round trunc "
    "frac logit sinc nan_to_num clamp clamp_min clamp_max maximum minimum fmax fmin where masked_fill "
    "pow rpow atan2 arctan2 hypot lerp remainder fmod xlogy logaddexp heaviside copysign addcdiv rdiv"
)

#: Functions that are linear in each of their inputs.
PRODUCTS = _words(
    "matmul mm bmm mv dot vdot inner outer ger einsum tensordot kron baddbmm addbmm addmm addmv addr "
    "addcmul bilinear linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
    "convolution linalg_multi_dot chain_matmul linalg_vecdot cross linalg_cross"
)

#: Functions that are linear in what depends on the image; the rest of their arguments may not.
LINEAR = _words(
    "add sub rsub neg positive sum nansum mean cumsum diff trapezoid trapz cat stack hstack vstack "
    "dstack column_stack chunk split split_with_sizes tensor_split unsafe_chunk unsafe_split hsplit "
    "vsplit dsplit unbind reshape view view_as reshape_as flatten unflatten ravel squeeze unsqueeze "
    "permute transpose t T mT H mH swapaxes swapdims movedim moveaxis expand expand_as broadcast_to "
    "broadcast_tensors repeat repeat_interleave tile roll flip fliplr flipud rot90 narrow select "
    "index_select gather take take_along_dim masked_select __getitem__ __setitem__ slice index pad "
    "constant_pad_nd reflection_pad2d replication_pad2d interpolate upsample upsample_nearest "
    "upsample_bilinear upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_bilinear2d "
    "upsample_trilinear3d upsample_bicubic2d upsample_linear1d affine_grid pixel_shuffle "
    "pixel_unshuffle channel_shuffle native_channel_shuffle fold unfold im2col col2im "
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
    "dropout dropout1d dropout2d dropout3d feature_dropout alpha_dropout feature_alpha_dropout "
    "native_dropout clone contiguous to type type_as float double half bfloat16 cpu cuda _to_copy "
    "to_dense copy fill zero scatter scatter_add slice_scatter select_scatter diagonal_scatter "
    "index_add index_copy index_fill index_put masked_scatter tril triu diag diagonal diag_embed "
    "diagflat trace block_diag real imag complex view_as_real view_as_complex resolve_conj "
    "fft_fft fft_ifft fft_rfft fft_irfft fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_fftn fft_ifftn "
    "fft_rfftn fft_irfftn fft_fftshift fft_ifftshift grid_sample max_unpool1d max_unpool2d "
    "max_unpool3d batch_norm instance_norm aten_instance_norm alias lift_fresh as_strided detach data "
    "requires_grad_ requires_grad retain_grad register_hook as_tensor pinverse unsafe_split_with_sizes "
    "resize_as adjoint conj"
)

#: Functions whose values do not depend on what their inputs hold.
CONSTANT = _words(
    "zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty "
    "new_full new_tensor normal uniform empty_strided new_empty_strided broadcast_shapes"
)

#: Functions that take of their second input its shape, its type or its device only.
LIKE = frozenset(("to", "type_as", "view_as", "reshape_as", "expand_as", "resize_as", "new_tensor"))


def _at_each_place(call: Call) -> Pair:
    return of.joined(call.compute, *call.pairs)


def _product(call: Call) -> Pair:
    if len(call.pairs) > 4:
        raise Unsupported
    return of.product(call.compute, *call.pairs)


def _times(call: Call) -> Pair:
    if all(pair.differs for pair in call.pairs):
        return of.multiply(*call.pairs)
    return of.joined(call.compute, *call.pairs)


def _quotient(call: Call) -> Pair:
    if len(call.pairs) == 2 and not call.kwargs.get("rounding_mode"):
        return of.divide(*call.pairs)
    return of.joined(call.compute, *call.pairs)


def _one(rule: Callable[[Pair], Pair]) -> Rule:
    return lambda call: rule(call.pairs[0])


def _block(rule: Callable[..., Any]) -> Rule:
    return lambda call: rule(*call.args, **call.kwargs)


#: By the function's name. What is not here and not linear is unknown.
RULES: dict[str, Rule] = {
    **dict.fromkeys(AT_EACH_PLACE, _at_each_place),
    **dict.fromkeys(PRODUCTS, _product),
    **dict.fromkeys(largest.POOLS, largest.pool),
    **dict.fromkeys(("max", "amax"), largest.largest),
    **dict.fromkeys(("min", "amin"), largest.smallest),
    "mul": _times,
    "div": _quotient,
    "square": _one(of.square),
    "sqrt": _one(of.sqrt),
    "rsqrt": _one(of.rsqrt),
    "exp": _one(of.exp),
    "reciprocal": _one(of.reciprocal),
    "batch_norm": blocks.batch_norm,
    "std": _block(blocks.variance(root=True)),
    "var": _block(blocks.variance(root=False)),
    **{
        name: _block(getattr(blocks, name))
        for name in (
            "layer_norm", "rms_norm", "group_norm", "instance_norm", "aten_instance_norm", "normalize",
            "local_response_norm", "norm", "linalg_norm", "softmax", "log_softmax", "softmin",
            "logsumexp", "glu",
        )
    },
    **{
        name: _block(getattr(attention, name))
        for name in ("scaled_dot_product_attention", "multi_head_attention_forward")
    },
    "linalg_vector_norm": _block(blocks.norm),
    "frobenius_norm": _block(blocks.norm),
}  # fmt: skip


def _alone(call: Call) -> bool:
    return len(call.pairs) == 1


def _above(call: Call) -> bool:
    """Only what stands above the fraction's line differs."""
    return not call.depends_on(1, "other") and not call.kwargs.get("rounding_mode")


def _chosen(call: Call) -> bool:
    """Which of two values is taken does not depend on the image."""
    return len(call.args) > 1 and not any(pair.x.dtype == torch.bool for pair in call.pairs)


def _masked(call: Call) -> bool:
    return not call.depends_on(1, "mask")


def _by_running_statistics(call: Call) -> bool:
    return not call.argument(5, "training" if call.name == "batch_norm" else "use_input_stats")


def _interpolated(call: Call) -> bool:
    return not call.depends_on(2, "weight")


def _added_quotient(call: Call) -> bool:
    return not call.depends_on(2, "tensor2")


#: When a call of a function that has a rule is linear all the same.
STILL_LINEAR: dict[str, Callable[[Call], bool]] = {
    **dict.fromkeys((*PRODUCTS, "mul"), _alone),
    "div": _above,
    "where": _chosen,
    "masked_fill": _masked,
    "lerp": _interpolated,
    "addcdiv": _added_quotient,
    "batch_norm": _by_running_statistics,
    "instance_norm": _by_running_statistics,
    "aten_instance_norm": _by_running_statistics,
}

#: Functions that may be given truths that depend on the image, as which of two values is taken.
CHOICES = frozenset((*AT_EACH_PLACE, "mul"))


def is_constant(call: Call) -> bool:
    """Whether what a call gives does not depend on the image after all."""
    return call.name in CONSTANT or (call.name in LIKE and not call.depends_on(0, "input"))


def is_linear(call: Call) -> bool:
    """Whether a call is linear in all that depends on the image."""
    if call.name in RULES:
        return call.name in STILL_LINEAR and STILL_LINEAR[call.name](call)
    return call.name in LINEAR and not _moved(call)


def _moved(call: Call) -> bool:
    """Whether a call takes its values from places that depend on the image."""
    if call.name == "grid_sample":
        return call.depends_on(1, "grid")
    return any(
        not pair.x.is_floating_point() and not pair.x.is_complex() for pair in call.pairs
    ) or (not any(pair.differs for pair in call.pairs) and torch.is_grad_enabled())
