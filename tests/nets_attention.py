"""Small vision transformers that write attention in every way users do."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

WAYS = ["module", "encoder", "fused", "by hand", "tokens first"]


class Block(nn.Module):
    """Attention and a shortcut; every way has the same weights."""

    def __init__(self, way, width=8, heads=2):
        super().__init__()
        self.way, self.heads = way, heads
        self.norm = nn.LayerNorm(width)
        self.attend = nn.MultiheadAttention(width, heads, batch_first=way != "tokens first")
        self.mlp = nn.Sequential(nn.Linear(width, 16), nn.GELU(), nn.Linear(16, width))

    def forward(self, x):
        y = self.norm(x)
        if self.way == "module":
            y = self.attend(y, y, y, need_weights=False)[0]
        elif self.way == "tokens first":
            y = y.transpose(0, 1)
            y = self.attend(y, y, y)[0].transpose(0, 1)
        else:
            qkv = F.linear(y, self.attend.in_proj_weight, self.attend.in_proj_bias)
            q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            if self.way == "fused":
                y = F.scaled_dot_product_attention(q, k, v)
            else:
                y = F.dropout((q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1), 0.0) @ v
            y = self.attend.out_proj(y.transpose(1, 2).flatten(2))
        x = x + y
        return x + self.mlp(x)


class ViT(nn.Module):
    """A vision transformer: a class token or the mean; logits, or logits of every voxel."""

    def __init__(
        self, ndim=2, way="module", token=True, task="classification", patch=4, cells=(4, 3)
    ):
        super().__init__()
        torch.manual_seed(0)
        conv = nn.Conv2d if ndim == 2 else nn.Conv3d
        up = nn.ConvTranspose2d if ndim == 2 else nn.ConvTranspose3d
        self.task, self.token = task, token
        self.middle = conv(2, 8, patch, patch)
        self.first = nn.Parameter(torch.randn(1, int(token), 8))
        self.position = nn.Parameter(torch.randn(1, torch.Size(cells).numel() + int(token), 8))
        if way == "encoder":
            layer = nn.TransformerEncoderLayer(
                8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        else:
            self.blocks = nn.Sequential(Block(way), Block(way))
        self.head = nn.Linear(8, 3) if task == "classification" else up(8, 3, patch, patch)

    def forward(self, x):
        x = self.middle(x)
        grid = x.shape[2:]
        x = x.flatten(2).transpose(1, 2)
        x = self.blocks(torch.cat([self.first.expand(len(x), -1, -1), x], 1) + self.position)
        if self.task == "classification":
            return self.head(x[:, 0] if self.token else x.mean(1))
        return self.head(x[:, int(self.token) :].transpose(1, 2).unflatten(2, grid))
