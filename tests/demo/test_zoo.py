"""The zoo's networks: shapes, names, and what they refuse."""

import pytest
import torch
from torch import nn

from esegeta.models.zoo import DigitNet, UNet


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize(
    ("ndim", "depth", "sides"), [(2, 1, (6, 10)), (2, 3, (24, 16)), (3, 2, (8, 12, 16))]
)
def test_unet_gives_logits_of_the_images_size(ndim, depth, sides, norm):
    network = UNet(ndim=ndim, channels=2, classes=5, width=4, depth=depth, norm=norm).eval()
    assert network(torch.randn(2, 2, *sides)).shape == (2, 5, *sides)


def test_unet_levels_have_the_grids_and_widths_their_names_promise():
    network = UNet(ndim=3, width=4, depth=3).eval()
    shapes = {}
    for name, module in network.named_modules():
        module.register_forward_hook(
            lambda _module, _inputs, output, name=name: shapes.update({name: tuple(output.shape)})
        )
    network(torch.randn(1, 1, 32, 32, 32))
    for level in range(3):
        grid = (32 // 2**level,) * 3
        assert shapes[f"enc.{level}"] == shapes[f"dec.{level}"] == (1, 4 * 2**level, *grid)
        assert shapes[f"up.{level}"] == (1, 4 * 2**level, *grid)
    assert shapes["bottom"] == (1, 32, 4, 4, 4)
    assert shapes["head"] == (1, 2, 32, 32, 32)


@pytest.mark.parametrize(
    ("norm", "kind"), [("instance", nn.InstanceNorm2d), ("batch", nn.BatchNorm2d)]
)
def test_unet_uses_the_norm_asked_for(norm, kind):
    norms = [
        m
        for m in UNet(ndim=2, norm=norm).modules()
        if isinstance(m, nn.modules.batchnorm._NormBase)
    ]
    assert norms
    assert all(type(m) is kind for m in norms)


def test_unet_uses_its_skips():
    network = UNet(ndim=2, width=4, depth=2, norm="batch").eval()
    for up in network.up:
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
    first, second = torch.randn(2, 1, 1, 8, 8)
    assert not torch.allclose(network(first), network(second))


def test_every_parameter_of_the_unet_gets_a_gradient():
    network = UNet(ndim=2, width=4, depth=2)
    network(torch.randn(2, 1, 16, 16)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_unet_refuses_sides_it_cannot_halve():
    with pytest.raises(ValueError, match=r"halves the image 3 times.*multiple of 8.*64 × 60 × 64"):
        UNet(depth=3)(torch.zeros(1, 1, 64, 60, 64))


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (1, 2, 16, 16, 16), (1, 16, 16, 16)])
def test_unet_refuses_other_dimensions_and_channels(shape):
    with pytest.raises(
        ValueError, match=r"3D U-Net takes images of shape \(N, 1, size, size, size\)"
    ):
        UNet(ndim=3)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ndim": 4}, "2 or 3, not 4"),
        ({"depth": 0}, "at least 1, not 0"),
        ({"norm": "layer"}, "'instance' or 'batch', not 'layer'"),
    ],
)
def test_unet_refuses_what_it_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        UNet(**arguments)


def test_digit_net_shapes():
    network = DigitNet(channels=3, classes=7, width=4).eval()
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 7)
    assert network.stage[0](torch.randn(1, 3, 32, 32)).shape == (1, 4, 32, 32)
    assert network.stage[2](torch.randn(1, 8, 16, 16)).shape == (1, 16, 8, 8)
