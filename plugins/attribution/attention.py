"""Maps of what a vision transformer attends to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import Param, Passes, Probe, attribution, resample

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

    return resample(probe.attention(combine), probe.spatial)[0]


@attribution(
    paper="Caron et al. (DINO), ICCV 2021",
    passes=Passes(1, 0),
    gradients=False,
)
def last_attention(probe: Probe, *, read: Read = "auto") -> Tensor:
    """What the token that is read takes of each patch of the image in the last block.

    The attention of that block, its mean over heads. It does not depend on the class, and says nothing of
    the blocks before; see `attention_rollout` for these. Of a model with an encoder and a decoder it is
    the encoder's last block.

    For transformers whose tokens attend to all others (ViT, DeiT, UNETR), in 2D and 3D.
    """

    def combine(attentions: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
        return _read(probe, attentions[-1].mean(1), read)

    return resample(probe.attention(combine), probe.spatial)[0]


@attribution(
    paper="Chefer, Gur & Wolf, ICCV 2021",
    passes=Passes(1, 1),
)
def gradient_attention_rollout(
    probe: Probe,
    *,
    rule: Annotated[
        Literal["relevance", "rollout"],
        Param(
            help="How blocks follow each other; rollout keeps signs and ignores the score's scale"
        ),
    ] = "relevance",
    read: Read = "auto",
) -> Tensor:
    """How much of each patch of the image gets to the token that is read, by attention that the score needs.

    From the attention A of each block and the score's gradient there:

    * relevance: what speaks for the class is kept, averaged over heads: E = mean (∂f/∂A ⊙ A)⁺. Relevance
      grows from block to block by R ← R + E R, from R = I. The map is what R adds to the identity in the
      row of the token that is read.
    * rollout: M = mean ∂f/∂A ⊙ A with its sign, divided by its largest size, so that the map does not
      depend on how steep the score is. M + I, with rows whose sizes add up to 1, is multiplied from block
      to block (Wang & Wang, NeurIPS 2022). Take this one with a contrast: its map tells what speaks
      against the class too, and that of the probability is that of the log-odds.

    For transformers whose tokens attend to all others (ViT, DeiT, UNETR), in 2D and 3D.
    """
    follow = {"relevance": _relevance, "rollout": _signed_rollout}[rule]

    def combine(attentions: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
        slopes = [a * g for a, g in zip(attentions, gradients, strict=True)]
        return _read(probe, follow(slopes), read)

    return resample(probe.attention(combine, gradients=True), probe.spatial)[0]


def _relevance(slopes: Sequence[Tensor]) -> Tensor:
    # What R adds to the identity, R − I: of a flat score it is smaller than the digits of 1.
    added = torch.zeros_like(slopes[0][:, 0])
    for slope in slopes:
        gained = slope.relu().mean(1)
        added = added + gained + gained @ added
    return added


def _signed_rollout(slopes: Sequence[Tensor]) -> Tensor:
    rollout = _identity(slopes[0])
    for slope in slopes:
        mean = slope.mean(1)
        largest = mean.abs().amax((1, 2), keepdim=True)
        mixed = mean / largest.where(largest > 0, 1) + _identity(slope)
        size = mixed.abs().sum(-1, keepdim=True)
        rollout = mixed / size.where(size > 0, 1) @ rollout
    return rollout


def _identity(attention: Tensor) -> Tensor:
    return torch.eye(attention.shape[-1]).to(attention)


def _read(probe: Probe, rollout: Tensor, read: str) -> Tensor:
    """(N, tokens) the row of the token that the score is read from."""
    extra = probe.extra_tokens(rollout.shape[-1])
    if read == "class token" or (read == "auto" and extra):
        return rollout[:, 0]
    return rollout[:, extra:].mean(1)
