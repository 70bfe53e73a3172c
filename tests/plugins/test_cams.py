"""Class activation maps against their equations, written out place by place."""

import pytest
import torch

from tests.nets import net, probe_of, run

IMAGE = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(1))
LAYER = "b"


@pytest.fixture
def known():
    probe = probe_of(net(), IMAGE, target=2)
    layer = probe.layer(LAYER)
    return probe, layer.activation[0], layer.gradient()[0]


def test_grad_cam_plus_plus(known):
    probe, values, gradient = known
    cam = torch.zeros(values.shape[1:])
    for channel, slope in zip(values, gradient, strict=True):
        weight = 0.0
        for g in slope.flatten():
            below = 2 * g**2 + channel.sum() * g**3
            if below != 0:
                weight += g**2 / below * max(g, 0)
        cam += weight * channel
    torch.testing.assert_close(run(probe, "grad_cam_plus_plus", LAYER).map[0], cam.relu())


def test_x_grad_cam(known):
    probe, values, gradient = known
    cam = torch.zeros(values.shape[1:])
    for channel, slope in zip(values, gradient, strict=True):
        cam += (slope * channel).sum() / channel.abs().sum() * channel
    torch.testing.assert_close(run(probe, "x_grad_cam", LAYER).map[0], cam.relu())
    torch.testing.assert_close(run(probe, "x_grad_cam", LAYER, relu=False).map[0], cam)


def test_layer_cam(known):
    probe, values, gradient = known
    expected = (gradient.clamp(min=0) * values).sum(0).relu()
    torch.testing.assert_close(run(probe, "layer_cam", LAYER).map[0], expected)


def test_they_share_one_pass(known):
    probe, *_ = known
    for name in (
        "grad_cam",
        "grad_cam_plus_plus",
        "x_grad_cam",
        "layer_cam",
        "linear_approximation",
    ):
        assert run(probe, name, LAYER).passes == {"forward": 0, "backward": 0}
