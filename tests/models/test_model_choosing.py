"""Layers by pattern, and the one that "auto" stands for."""

import pytest
import torch
from torch import nn

from esegeta.errors import ModelError
from esegeta.models import choose, layers
from esegeta.testing import TinyNet


class Classifier(nn.Module):
    """As many are: features, a pool to one cell, a head; its last rectifier runs twice."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1))
        self.act = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = self.act(self.features(x))
        x = self.act(x - 0.1)
        return self.head(self.pool(x).flatten(1))


class Unet(nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.encoder = nn.ModuleList([conv(1, 3, 3, padding=1), conv(3, 6, 2, stride=2)])
        self.up = nn.Upsample(scale_factor=2)
        self.decoder = nn.Sequential(conv(6, 3, 3, padding=1), nn.ReLU())
        self.out = conv(3, 2, 1)
        self.soft = nn.Softmax(1)

    def forward(self, x):
        for layer in self.encoder:
            x = layer(x)
        return self.soft(self.out(self.decoder(self.up(x))))


@pytest.mark.parametrize(
    ("model", "image", "expected"),
    [
        (Classifier(), torch.rand(1, 1, 8, 6), "act#2"),
        (TinyNet(2, "classification"), torch.rand(1, 2, 8, 6), "middle"),
        (Unet(nn.Conv2d), torch.rand(1, 1, 8, 6), "decoder"),
        (Unet(nn.Conv3d), torch.rand(1, 1, 8, 6, 4), "decoder"),
    ],
    ids=["classifier", "functional", "unet", "unet 3D"],
)
def test_auto_is_the_last_layer_with_a_grid_before_the_prediction(model, image, expected):
    assert choose("auto", layers(model.eval(), image)) == [expected]


def test_patterns():
    listed = layers(Unet(nn.Conv2d).eval(), torch.rand(1, 1, 8, 6))
    assert choose("encoder.*", listed) == ["encoder.0", "encoder.1"]
    assert choose("*coder.[01]", listed) == ["encoder.0", "encoder.1", "decoder.0", "decoder.1"]
    assert choose("decoder.?", listed) == ["decoder.0", "decoder.1"]
    assert choose("anything", listed) == ["anything"]  # a name stands for itself


def test_a_pattern_names_every_call_and_no_layer_without_a_grid():
    listed = layers(Classifier().eval(), torch.rand(1, 1, 8, 6))
    assert choose("a*", listed) == ["act#1", "act#2"]
    with pytest.raises(ModelError, match="no layer with a grid like 'hea\\*'"):
        choose("hea*", listed)


def test_no_grid_at_all():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    with pytest.raises(ModelError, match='"auto" has none to choose'):
        choose("auto", layers(flat, torch.rand(1, 1, 8, 6)))
