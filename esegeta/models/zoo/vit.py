"""A plain vision transformer in two or three dimensions, whose patches can be masked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONV: Mapping[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}

EPSILON = 1e-6
"""Of layer norms, as in timm and DINOv2."""


class PatchEmbed(nn.Module):
    """Patches as tokens: a convolution whose stride is its size."""

    def __init__(self, channels: int, width: int, patch: Sequence[int]) -> None:
        super().__init__()
        self.proj = CONV[len(patch)](channels, width, tuple(patch), tuple(patch))

    def forward(self, images: Tensor) -> Tensor:
        """(N, n, width) of images (N, channels, *spatial)."""
        tokens: Tensor = self.proj(images)
        return tokens.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Every token attends to all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shapes: (N, T, width) → the same."""
        query, key, value = self._split(tokens)
        mixed = F.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return result

    def weights(self, tokens: Tensor) -> Tensor:
        """(N, heads, T, T) how much each token takes of the others."""
        query, key, _ = self._split(tokens)
        return (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).softmax(-1)

    def _split(self, tokens: Tensor) -> Sequence[Tensor]:
        """Queries, keys and values (N, heads, T, width per head)."""
        split: Tensor = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))
        return split.permute(2, 0, 3, 1, 4).unbind(0)


class LayerScale(nn.Module):
    """A gain per channel; one, where a state dict has none."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Shapes: (N, T, width) → the same."""
        return tokens * self.gamma


class Mlp(nn.Module):
    """Two layers, the first of four times the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shapes: (N, T, width) → the same."""
        result: Tensor = self.fc2(F.gelu(self.fc1(tokens)))
        return result


class Block(nn.Module):
    """Attention and perceptron, each behind a layer norm and beside a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, EPSILON)
        self.attn = Attention(width, heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, EPSILON)
        self.mlp = Mlp(width)
        self.ls2 = LayerScale(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shapes: (N, T, width) → the same."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        result: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return result


class Encoder(nn.Module):
    """Patches, a class token and registers through blocks; the names are those of timm and DINOv2.

    A masked patch is replaced by the learned ``mask_token`` before its position is added, so that the
    model knows where something is missing; the number of tokens stays.

    Parameters
    ----------
    size, patch : sequence of int
        Of the image and of a patch, per spatial axis; the first must be a multiple of the second.
    channels : int
        Of the image.
    width, depth, heads : int
        Numbers per token, blocks, and heads of each block's attention.
    registers : int
        Tokens beside the class token that belong to no place.
    """

    def __init__(
        self,
        size: Sequence[int],
        patch: Sequence[int],
        channels: int,
        width: int,
        depth: int,
        heads: int,
        registers: int,
    ) -> None:
        super().__init__()
        self.size, self.patch, self.channels = tuple(size), tuple(patch), channels
        self.grid = tuple(side // step for side, step in zip(size, patch, strict=True))
        self.count = math.prod(self.grid)
        self.patch_embed = PatchEmbed(channels, width, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_tokens = nn.Parameter(torch.zeros(1, registers, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.count, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, EPSILON)
        start(self)

    def embed(self, images: Tensor) -> Tensor:
        """(N, n, width) the tokens of patches, before they know their places.

        Raises
        ------
        ValueError
            When the images have other channels or another size than the model is for.
        """
        if tuple(images.shape[1:]) != (self.channels, *self.size):
            raise ValueError(
                f"this transformer takes images of shape (N, {self.channels}, "
                f"{', '.join(map(str, self.size))}), not {tuple(images.shape)}."
            )
        tokens: Tensor = self.patch_embed(images)
        return tokens

    def forward(self, tokens: Tensor, kept: Tensor | None = None) -> Tensor:
        """(N, n, width) what the blocks make of patches (N, n, width), class token and registers dropped.

        Parameters
        ----------
        kept : Tensor, optional
            (N, n) bool, which patches are seen.
        """
        if kept is not None:
            tokens = torch.where(kept[..., None], tokens, self.mask_token.to(tokens.dtype))
        places = self.pos_embed
        first = (self.cls_token + places[:, :1]).expand(len(tokens), -1, -1)
        registers = self.register_tokens.expand(len(tokens), -1, -1)
        tokens = torch.cat([first, registers, tokens + places[:, 1:]], 1)
        for block in self.blocks:
            tokens = block(tokens)
        result: Tensor = self.norm(tokens[:, -self.count :])
        return result


def start(module: nn.Module) -> None:
    """Draw the weights of a transformer that begins from nothing."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=0.02)
            nn.init.zeros_(part.bias)
    for name, token in module.named_parameters():
        if name.endswith(("_token", "_tokens", "pos_embed")):
            nn.init.trunc_normal_(token, std=0.02)
