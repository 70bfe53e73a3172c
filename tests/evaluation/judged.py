"""Cases whose answers are known."""

from __future__ import annotations

import torch
from torch import nn

from esegeta.evaluation import Case
from tests.nets import REGISTRY, probe_of


class Lit(nn.Module):
    """A classifier: the more of some voxels' brightness is left, the surer it is of class 1.

    Its logits are ±slope·(mean of the voxels − middle).
    """

    def __init__(self, where, slope=10.0, middle=0.5):
        super().__init__()
        self.register_buffer("where", where.float())
        self.bias = nn.Parameter(torch.tensor(-slope * middle))
        self.slope = slope

    def forward(self, x):
        mean = (x * self.where).flatten(1).sum(1) / (self.where.sum() * x.shape[1])
        z = self.slope * mean + self.bias
        return torch.stack([-z, z], 1) / 2


def case_of(model, image, values, *, method="input_x_gradient", task="classification", **options):
    """A case of a map, of a fresh probe."""
    known = {name: options.pop(name) for name in ("label", "own_seed") if name in options}
    options.setdefault("target", 1)
    probe = probe_of(model, image, task=task, **options)
    return Case(probe, values, REGISTRY.get(method), **known)


def judge(case, name, **parameters):
    """What a metric says of a case."""
    plugin = REGISTRY.get(name, "metric")
    return plugin.function(case, **plugin.arguments(plugin.validate(parameters)))
