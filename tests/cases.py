"""Networks for the contract tests of methods that not every network serves."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from esegeta.models.zoo import OneForAll
from esegeta.testing import CASES, Case
from tests.nets_attention import ViT


class Transformer(Case):
    """A vision transformer: a class token for classes, none for voxels."""

    @property
    def spatial(self):
        """So that there are two cells of it in a patch."""
        sides = (16, 12, 12) if self.patched else (12, 8, 8)
        return sides[: self.ndim]

    def model(self):
        cells = (2,) * self.ndim if self.patched else tuple(side // 4 for side in self.spatial)
        return ViT(self.ndim, "fused", self.task == "classification", self.task, cells=cells).eval()


class SelfExplaining(Case):
    """A classifier that gives every patch its part in every class."""

    @property
    def spatial(self):
        """Of whole patches."""
        return (12, 8) if self.ndim == 2 else (12, 8, 8)

    def model(self):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return OneForAll(self.spatial, 2, 3, 4, width=16, depth=1, heads=2).eval()


class Deep(nn.Module):
    """A convolution between the layer that is explained and the last one."""

    def __init__(self, ndim, task):
        super().__init__()
        conv = nn.Conv2d if ndim == 2 else nn.Conv3d
        self.task = task
        self.middle, self.late = conv(2, 6, 3, padding=1), conv(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 3) if task == "classification" else conv(6, 3, 1)

    def forward(self, x):
        x = F.relu(self.late(F.relu(self.middle(x))))
        return self.head(x.flatten(2).mean(2) if self.task == "classification" else x)


class Deeper(Case):
    """For methods that compare at a second layer."""

    def model(self):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return Deep(self.ndim, self.task).eval()


def cases_of(kind):
    """Every case of the contract, with networks of a kind."""
    return [kind(case.ndim, case.task, case.patched) for case in CASES]
