"""Attention, taken apart so that a rule sees its weights; each function is called as PyTorch's own is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta.probe.rules.calls import Unsupported

#: What attention weights (…, queries, keys) make of values (…, keys, features).
Attend = Callable[[Tensor, Tensor], Tensor]
Linear = Callable[[Tensor, Tensor, "Tensor | None"], Tensor]


def weights(
    query: Tensor, key: Tensor, mask: Tensor | None, causal: bool, scale: float | None
) -> Tensor:
    """How much each query attends to each key: softmax(QKᵀ/√d), (…, queries, keys)."""
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        past = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~past, -torch.inf)
    if mask is not None:
        hidden = mask.dtype == torch.bool
        scores = scores.masked_fill(~mask, -torch.inf) if hidden else scores + mask
    return scores.softmax(-1)


def scaled_dot_product(
    attend: Attend,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``F.scaled_dot_product_attention``."""
    if dropout_p:
        raise Unsupported
    if enable_gqa:
        times = query.shape[-3] // key.shape[-3]
        key, value = (t.repeat_interleave(times, -3) for t in (key, value))
    return attend(weights(query, key, attn_mask, is_causal, scale), value)


def multi_head(
    attend: Attend,
    linear: Linear,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """``F.multi_head_attention_forward``: tokens first, the batch second."""
    strange = (bias_k, bias_v, static_k, static_v)
    if any(given is not None for given in strange) or add_zero_attn or (training and dropout_p):
        raise Unsupported
    batched = query.dim() == 3
    projections: Any = (q_proj_weight, k_proj_weight, v_proj_weight)
    if not use_separate_proj_weight:
        assert in_proj_weight is not None
        projections = in_proj_weight.chunk(3)
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    seen: list[Tensor] = []

    def projected(t: Tensor, own: Tensor, bias: Tensor | None) -> Tensor:
        t = linear(t, own, bias)  # (tokens, N, features)
        t = t if batched else t[:, None]
        return t.reshape(*t.shape[:2], num_heads, -1).permute(1, 2, 0, 3)

    def noted(shares: Tensor, values: Tensor) -> Tensor:
        seen.append(shares)
        return attend(shares, values)

    q, k, v = map(projected, (query, key, value), projections, biases)
    mask = masks(attn_mask, key_padding_mask, q)
    found = noted(weights(q, k, mask, False, 1 / math.sqrt(q.shape[-1])), v)
    joined = linear(found.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias)
    shown = seen[0].mean(1) if average_attn_weights else seen[0]
    if not batched:
        joined, shown = joined[:, 0], shown[0]
    return joined, shown if need_weights else None


def masks(attn: Tensor | None, padding: Tensor | None, like: Tensor) -> Tensor | None:
    """Both masks in one to be added to the scores (N, heads, queries, keys)."""
    total = None
    if attn is not None:
        total = _added(attn, like)
        total = total if total.dim() == 2 else total.view(*like.shape[:2], *total.shape[1:])
    if padding is not None:
        padding = _added(padding, like)
        padding = (padding if padding.dim() == 2 else padding[None])[:, None, None]
        total = padding if total is None else total + padding
    return total


def _added(mask: Tensor, like: Tensor) -> Tensor:
    """A mask of what is to be left out (where it is boolean) as one that is added."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, -torch.inf)


#: By the function's name.
COMPOSITE = {
    F.scaled_dot_product_attention.__name__: scaled_dot_product,
    F.multi_head_attention_forward.__name__: multi_head,
}
