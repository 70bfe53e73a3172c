"""Agreement with TorchRay, which runs in a process of its own because it patches torch."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

CASES = ("plain", "max-pool", "batch norm")
LAYERS = ("r1", "r2", "r3")
CONTRASTS = (("r1", "r3"), ("r1", "r2"), ("r2", "r2"), ("r3", "r3"))


class Chain(nn.Module):
    """Three convolutions; TorchRay knows no sums of a shortcut that are written as a + b."""

    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(3)
        self.a, self.b, self.c = (nn.Conv2d(n, 8, 3, padding=1) for n in (2, 8, 8))
        self.norm = nn.BatchNorm2d(8) if kind == "batch norm" else nn.Identity()
        self.max = nn.MaxPool2d(2) if kind == "max-pool" else nn.Identity()
        self.r1, self.r2, self.r3 = nn.ReLU(), nn.ReLU(), nn.ReLU()
        self.mean, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 4)
        if kind == "batch norm":  # its scales positive: TorchRay does not mind their sign
            with torch.no_grad():
                for values in (self.norm.weight, self.norm.running_var):
                    values.copy_(torch.rand(8) + 0.5)
                for values in (self.norm.bias, self.norm.running_mean):
                    values.copy_(torch.randn(8) / 5)

    def forward(self, x):
        x = self.max(self.r2(self.norm(self.b(self.r1(self.a(x))))))
        return self.head(self.mean(self.r3(self.c(x))).flatten(1))


def example(kind):
    model = Chain(kind).eval()
    image = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(1))
    return model, image, int(model(image[None]).argmax())


def write(path):
    """What TorchRay says, in its own process."""
    from esegeta.libraries import import_library

    peer = import_library("torchray.attribution.excitation_backprop")
    found = {}
    for kind in CASES:
        model, image, target = example(kind)
        for layer in LAYERS:
            found[kind, layer] = peer.excitation_backprop(
                model, image[None].clone().requires_grad_(), target, saliency_layer=layer
            ).detach()
        for layer, contrast in CONTRASTS:
            found[kind, layer, contrast] = peer.contrastive_excitation_backprop(
                model, image[None].clone().requires_grad_(), target,
                saliency_layer=layer, contrast_layer=contrast,
            ).detach()  # fmt: skip
    torch.save(found, path)


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    if importlib.util.find_spec("torchray") is None:
        pytest.skip("TorchRay is an extra that is not installed")
    path = tmp_path_factory.mktemp("torchray") / "found.pt"
    subprocess.run(
        [sys.executable, "-m", "tests.peers.test_torchray", str(path)],
        cwd=Path(__file__).parents[2],
        check=True,
    )
    return torch.load(path)


def normalised(values):
    return values / values.abs().sum()


def explained(kind):
    from tests.nets import probe_of

    model, image, target = example(kind)
    return probe_of(model, image, target=target)


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("layer", LAYERS)
def test_excitation_backprop(peer, kind, layer):
    probe = explained(kind)
    found = probe.relevance("excitation", probe.layer(layer)).sum(1, keepdim=True)
    expected = normalised(peer[kind, layer])
    torch.testing.assert_close(
        normalised(found), expected, rtol=1e-4, atol=1e-4 * float(expected.max())
    )


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize(("layer", "contrast"), CONTRASTS)
def test_contrastive_excitation_backprop(peer, kind, layer, contrast):
    """TorchRay gives its positive part."""
    probe = explained(kind)
    found = probe.contrast(probe.layer(layer), contrast).sum(1, keepdim=True).clamp(min=0)
    expected = normalised(peer[kind, layer, contrast])
    torch.testing.assert_close(
        normalised(found), expected, rtol=1e-4, atol=1e-4 * float(expected.max())
    )


if __name__ == "__main__":
    write(sys.argv[1])
