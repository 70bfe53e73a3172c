"""Attention, taken apart into pairs; each function is called as PyTorch's own is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta.probe.rules import pairs as of
from esegeta.probe.rules.calls import Unsupported
from esegeta.probe.rules.heads import masks
from esegeta.probe.rules.pairs import Pair


def attention(
    query: Pair, key: Pair, value: Pair, mask: Tensor | Pair | None, scale: float
) -> tuple[Pair, Pair]:
    """What queries find, (…, queries, features), and their weights, (…, queries, keys)."""
    scores = of.product(lambda q, k: (q * scale) @ k.transpose(-2, -1), query, key)
    if isinstance(mask, Pair):
        if mask.x.dtype == torch.bool:
            raise Unsupported
        scores = of.plus(scores, mask)
    elif mask is not None and mask.dtype == torch.bool:
        scores = of.linear(lambda t: t.masked_fill(~mask, -torch.inf), scores)
    elif mask is not None:
        scores = of.linear(lambda t: t + mask, scores)
    weights = of.softmax(scores, -1)
    return of.product(torch.matmul, weights, value), weights


def _paired(value: Tensor | Pair) -> Pair:
    return value if isinstance(value, Pair) else Pair(value, value)


def scaled_dot_product_attention(
    query: Tensor | Pair,
    key: Tensor | Pair,
    value: Tensor | Pair,
    attn_mask: Tensor | Pair | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Pair:
    """``F.scaled_dot_product_attention``."""
    q, k, v = map(_paired, (query, key, value))
    if dropout_p:
        raise Unsupported
    if enable_gqa:
        times = q.shape[-3] // k.shape[-3]
        k, v = (of.linear(lambda t: t.repeat_interleave(times, -3), p) for p in (k, v))
    if is_causal:
        shape = q.shape[-2], k.shape[-2]
        attn_mask = torch.ones(shape, dtype=torch.bool, device=q.x.device).tril()
    own = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    return attention(q, k, v, attn_mask, own)[0]


def multi_head_attention_forward(
    query: Tensor | Pair,
    key: Tensor | Pair,
    value: Tensor | Pair,
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
    key_padding_mask: Tensor | Pair | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | Pair | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Pair, Pair | None]:
    """``F.multi_head_attention_forward``: tokens first, the batch second."""
    strange = (bias_k, bias_v, static_k, static_v)
    if any(given is not None for given in strange) or add_zero_attn or (training and dropout_p):
        raise Unsupported
    if isinstance(attn_mask, Pair) or isinstance(key_padding_mask, Pair):
        raise Unsupported
    batched = len(_paired(query).shape) == 3
    weights: Sequence[Tensor | None] = (q_proj_weight, k_proj_weight, v_proj_weight)
    if not use_separate_proj_weight:
        assert in_proj_weight is not None
        weights = in_proj_weight.chunk(3)
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)

    def projected(t: Tensor, weight: Any, bias: Tensor | None) -> Tensor:
        t = F.linear(t, weight, bias)  # (tokens, N, features)
        t = t if batched else t[:, None]
        return t.reshape(*t.shape[:2], num_heads, -1).permute(1, 2, 0, 3)

    heads = [
        of.linear(lambda t, w=weight, b=bias: projected(t, w, b), _paired(given))
        for given, weight, bias in zip((query, key, value), weights, biases, strict=True)
    ]
    q, k, v = heads
    mask = masks(attn_mask, key_padding_mask, q.x)
    found, shares = attention(q, k, v, mask, 1 / math.sqrt(q.shape[-1]))

    def joined(t: Tensor) -> Tensor:
        t = F.linear(t.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias)
        return t if batched else t[:, 0]

    def shown(t: Tensor) -> Tensor:
        t = t.mean(1) if average_attn_weights else t
        return t if batched else t[0]

    return of.linear(joined, found), of.linear(shown, shares) if need_weights else None
