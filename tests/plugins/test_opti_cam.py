"""Opti-CAM against torch's own optimiser, and against every mixture of a layer with two channels."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from esegeta import MethodError
from tests.nets import net, probe_of, run

IMAGE = torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(1))


def seen(image, channels, weights, empty):
    cam = torch.einsum("k,k...->...", weights, channels)[None, None]
    mask = F.interpolate(cam, image.shape[1:], mode="bilinear")[0]
    mask = (mask - mask.min()) / (mask.max() - mask.min())
    return cam[0], empty + mask * (image - empty)


@pytest.mark.parametrize("baseline", ["zero", "minimum"])
def test_equals_adam_on_the_score(baseline):
    model = net()
    channels = F.relu(model.a(IMAGE[None]))
    channels = model.b(channels)[0].relu().detach()
    channels = channels[channels.flatten(1).amax(1) > 0]
    probe = probe_of(model, IMAGE, target=1)
    empty = probe.baseline(baseline)[0]
    weights = torch.zeros(len(channels), requires_grad=True)
    adam = torch.optim.Adam([weights], 0.1)
    tried = []
    for _ in range(9):
        _, image = seen(IMAGE, channels, weights.softmax(0), empty)
        loss = -model(image[None])[0, 1]
        adam.zero_grad()
        loss.backward()
        adam.step()
        cam, image = seen(IMAGE, channels, weights.detach().softmax(0), empty)
        tried.append((float(model(image[None])[0, 1]), cam))
    best, cam = max(tried, key=lambda one: one[0])
    found = run(probe, "opti_cam", "b", steps=9, baseline=baseline)
    torch.testing.assert_close(found.map, cam, rtol=1e-4, atol=1e-5)
    assert found.notes["score through the map"] == pytest.approx(best, rel=1e-5)
    assert found.passes == {"forward": 2 + 18, "backward": 9}


class TwoPlaces(nn.Module):
    """Two channels, each about a half of the image; the score wants the left and minds the right."""

    def __init__(self):
        super().__init__()
        self.halves = nn.Conv2d(1, 2, 1, bias=False)
        self.halves.weight.data.fill_(1)
        self.register_buffer("side", torch.zeros(1, 2, 8, 8))
        self.side[:, 0, :, :4], self.side[:, 1, :, 4:] = 1, 1
        self.layer = nn.Identity()

    def forward(self, x):
        x = self.layer(self.halves(x) * self.side)
        left, right = x.sum((2, 3)).T
        return torch.stack([left - 2 * right, right - 2 * left], 1)


@pytest.mark.parametrize("target", [0, 1])
def test_finds_the_best_of_all_mixtures(target):
    image = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0)) + 0.5
    model = TwoPlaces()
    found = run(probe_of(model, image, target=target), "opti_cam", "layer", steps=60, rate=0.3)
    channels = (image[None] * model.side)[0]
    best = max(
        float(model(seen(image, channels, torch.tensor([w, 1 - w]), 0)[1][None])[0, target])
        for w in torch.linspace(0, 1, 201).tolist()
    )
    assert found.notes["score through the map"] >= 0.98 * best > 0
    own, other = (found.map[0, :, :4], found.map[0, :, 4:])[:: 1 if target == 0 else -1]
    assert own.min() > 5 * other.max()


def test_a_layer_without_positive_channels_is_refused():
    model = net()
    nn.init.constant_(model.b.bias, -100)
    with pytest.raises(MethodError, match="No channel of the layer 'b' is positive"):
        run(probe_of(model, IMAGE, target=0), "opti_cam", "b", steps=2)
