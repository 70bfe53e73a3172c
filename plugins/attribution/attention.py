"""Maps of what a vision transformer attends to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta import Param, Passes, Probe, attribution

Read = Annotated[
    Literal["auto", "class token", "mean"],
    Param(
        help="The token that the score is read from; auto: the first if there are tokens beside those "
        "of the image, else the mean of all"
    ),
]


@attribution(
    paper="Abnar & Zuidema, ACL 2020",
    passes=Passes(1, 0),
    gradients=False,
)
def attention_rollout(
    probe: Probe,
    *,
    heads: Annotated[
        Literal["mean", "max", "min"], Param(help="What is taken of the heads of a block")
    ] = "mean",
    read: Read = "auto",
) -> Tensor:
    """How much of each patch of the image gets to the token that is read, by attention alone.

    The attention A of a block, of all its heads, is mixed with what the shortcut leaves as it is:
    (A + I) / 2, with rows that add up to 1. The product of all blocks is what the last tokens hold of
    the first. It does not depend on the class.

    For transformers whose tokens attend to all others (ViT, DeiT, UNETR), in 2D and 3D. Of an image in
    patches, tokens attend to those of their own patch only. Use `gradient_attention_rollout` to tell
    classes apart.
    """

    def combine(attentions: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
        rollout = _identity(attentions[0])
        for attention in attentions:
            fused = {"mean": attention.mean(1), "max": attention.amax(1), "min": attention.amin(1)}
            mixed = fused[heads] + _identity(attention)
            rollout = mixed / mixed.sum(-1, keepdim=True) @ rollout
        return _read(probe, rollout, read)

    return _enlarged(probe, probe.attention(combine))


@attribution(
    paper="Chefer, Gur & Wolf, ICCV 2021",
    passes=Passes(1, 1),
)
def gradient_attention_rollout(probe: Probe, *, read: Read = "auto") -> Tensor:
    """How much of each patch of the image gets to the token that is read, by attention that the score needs.

    Of the attention A of a block and the score's gradient there, what speaks for the class is kept,
    averaged over heads: E = mean (∂f/∂A ⊙ A)⁺. Relevance grows from block to block by R ← R + E R,
    from R = I. The map is what R adds to the identity in the row of the token that is read.

    For transformers whose tokens attend to all others (ViT, DeiT, UNETR), in 2D and 3D.
    """

    def combine(attentions: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
        start = relevance = _identity(attentions[0])
        for attention, gradient in zip(attentions, gradients, strict=True):
            relevance = relevance + (gradient * attention).relu().mean(1) @ relevance
        return _read(probe, relevance - start, read)

    return _enlarged(probe, probe.attention(combine, gradients=True))


def _identity(attention: Tensor) -> Tensor:
    return torch.eye(attention.shape[-1]).to(attention)


def _read(probe: Probe, rollout: Tensor, read: str) -> Tensor:
    """(N, tokens) the row of the token that the score is read from."""
    extra = probe.extra_tokens(rollout.shape[-1])
    if read == "class token" or (read == "auto" and extra):
        return rollout[:, 0]
    return rollout[:, extra:].mean(1)


def _enlarged(probe: Probe, grid: Tensor) -> Tensor:
    mode = "bilinear" if probe.ndim == 2 else "trilinear"
    return F.interpolate(grid, probe.spatial, mode=mode, align_corners=False)[0]
