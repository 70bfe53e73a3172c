"""Small networks that write their activations in every way users do."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from esegeta.engine import make_probe
from esegeta.registry import find

REGISTRY = find()


def probe_of(model, image, *, task="classification", wrapper=None, **options):
    """A probe with the built-in wrappers."""
    name = wrapper or ("pixelwise" if task == "segmentation" else "classification")
    return make_probe(model.eval(), image, wrapper=REGISTRY.get(name, "wrapper"), **options)


def run(probe, name, layer=None, **parameters):
    """Run a method by name; the map."""
    from esegeta.engine import run_method

    plugin = REGISTRY.get(name)
    return run_method(probe, plugin, layer=layer, parameters=plugin.validate(parameters))


class Linear(nn.Module):
    """f(x) = w·x + b per class."""

    def __init__(self, spatial, channels=1, classes=2):
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        self.weight = nn.Parameter(torch.randn(classes, channels, *spatial, generator=generator))
        self.bias = nn.Parameter(torch.randn(classes, generator=generator))

    def forward(self, x):
        return x.flatten(1) @ self.weight.flatten(1).T + self.bias


class Net(nn.Module):
    """Three convolutions whose ReLUs are written in the given style."""

    def __init__(self, style="module", ndim=2, width=6):
        super().__init__()
        conv = nn.Conv2d if ndim == 2 else nn.Conv3d
        self.style = style
        self.a, self.b = conv(2, width, 3, padding=1), conv(width, width, 3, padding=1)
        self.c = conv(width, width, 3, padding=1)
        self.r1 = nn.ReLU(inplace=style == "inplace")
        self.r2 = nn.ReLU(inplace=style == "inplace")
        self.r3 = nn.ReLU(inplace=style == "inplace")
        self.head = nn.Linear(width, 3)

    def act(self, x, number):
        if self.style in ("module", "inplace"):
            return (self.r1, self.r2, self.r3)[number](x)
        if self.style == "reused":
            return self.r1(x)
        if self.style == "functional":
            return F.relu(x)
        if self.style == "functional inplace":
            return F.relu(x, inplace=True)
        if self.style == "method":
            return x.relu()
        if self.style == "method inplace":
            x.relu_()  # the return value is not used: what counts is the change in place
            return x
        if self.style == "torch":
            return torch.relu(x)
        if self.style == "clamp":
            return x.clamp(min=0)
        if self.style == "clamp_min_":
            return x.clamp_min_(0)
        raise ValueError(self.style)

    def forward(self, x):
        x = self.act(self.a(x), 0)
        x = self.act(self.b(x), 1)
        x = self.act(self.c(x), 2)
        return self.head(x.flatten(2).mean(2))


STYLES = [
    "module", "inplace", "reused", "functional", "functional inplace", "method", "method inplace",
    "torch", "clamp", "clamp_min_",
]  # fmt: skip


def net(style="module", ndim=2):
    """The same weights in every style."""
    torch.manual_seed(11)
    return Net(style, ndim).eval()


class Segmenter(nn.Module):
    """A small encoder-decoder of one or more logits."""

    def __init__(self, ndim=2, classes=3, channels=1):
        super().__init__()
        conv = nn.Conv2d if ndim == 2 else nn.Conv3d
        self.enc, self.mid = conv(channels, 5, 3, padding=1), conv(5, 7, 3, stride=2, padding=1)
        self.head = conv(12, classes, 1)

    def forward(self, x):
        skip = F.relu(self.enc(x))
        deep = F.interpolate(F.relu(self.mid(skip)), size=x.shape[2:], mode="nearest")
        return self.head(torch.cat([skip, deep], 1))
