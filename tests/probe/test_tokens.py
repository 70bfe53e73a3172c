"""Token and channels-last layers as grids."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from esegeta.probe.tokens import as_grid, grid_of
from tests.nets import probe_of


@pytest.mark.parametrize(
    ("shape", "spatial", "grid"),
    [
        ((1, 8, 14, 14), (224, 224), (14, 14)),
        ((1, 14, 14, 8), (224, 224), (14, 14)),  # Swin
        ((1, 7, 7, 768), (224, 224), (7, 7)),
        ((1, 768, 7, 7), (224, 224), (7, 7)),
        ((1, 64, 1, 1), (32, 32), (1, 1)),
        ((1, 197, 768), (224, 224), (14, 14)),  # ViT: a class token
        ((1, 196, 768), (224, 224), (14, 14)),
        ((1, 261, 384), (224, 224), (16, 16)),  # DINOv2: a class token and four registers
        ((1, 217, 96), (96, 96, 96), (6, 6, 6)),
        ((1, 4, 6, 8, 32), (64, 96, 128), (4, 6, 8)),
        ((1, 16, 32, 32, 32), (32, 128, 128), (32, 32, 32)),  # strides (1, 4, 4)
        ((1, 64, 128, 128), (128, 512), (128, 128)),  # strides (1, 4)
        ((1, 64, 16), (32, 64), None),  # patches of 4 × 8 voxels: not told apart, so not guessed
        ((1, 12, 16), (28, 28), None),  # steps of a recurrent layer
        ((1, 1000), (224, 224), None),
        ((1, 3, 10), (224, 224), None),
    ],
)
def test_grids(shape, spatial, grid):
    assert grid_of(torch.zeros(shape), spatial) == grid


@given(
    patch=st.sampled_from([4, 8, 16]),
    cells=st.lists(st.integers(2, 6), min_size=2, max_size=3),
    extra=st.integers(0, 5),
)
def test_tokens_go_back_to_their_patches(patch, cells, extra):
    spatial = [patch * n for n in cells]
    grid = torch.arange(torch.Size(cells).numel() * 2.0).reshape(1, 2, *cells)
    tokens = torch.cat([torch.full((1, extra, 2), -1.0), grid.flatten(2).transpose(1, 2)], 1)
    found = as_grid(tokens, spatial)
    if found is not None and tuple(found.shape[2:]) == tuple(cells):
        assert torch.equal(found, grid)
    else:  # another patch size leaves fewer tokens over: the count alone cannot tell
        other = tokens.shape[1] - torch.Size(found.shape[2:]).numel()
        assert other < extra


class TinyViT(nn.Module):
    """A vision transformer of the usual build: class token, registers, blocks of attention."""

    def __init__(self, registers=2):
        super().__init__()
        self.patch = nn.Conv2d(2, 16, 4, stride=4)
        self.extra = nn.Parameter(torch.randn(1, 1 + registers, 16))
        self.position = nn.Parameter(torch.randn(1, 1 + registers + 24, 16))
        layer = nn.TransformerEncoderLayer(
            16, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.extra.expand(len(x), -1, -1), tokens], 1) + self.position
        return self.head(self.blocks(tokens)[:, 0])


def test_layers_of_a_vision_transformer_have_grids():
    torch.manual_seed(0)
    model = TinyViT().eval()
    probe = probe_of(model, torch.randn(2, 24, 16), layers=["patch", "blocks.layers.0"])
    assert probe.layer("blocks.layers.0").activation.shape == (1, 16, 6, 4)
    gradient = probe.layer("blocks.layers.0").gradient()
    assert gradient.shape == (1, 16, 6, 4)
    assert gradient.abs().max() > 0
    assert probe.passes.forward == 1
    assert probe.gradient(rule="guided").abs().max() > 0  # its GELUs are met in the composite layer
