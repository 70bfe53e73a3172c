"""The networks and images that every plug-in is tried on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esegeta.probe import Patches

#: The layer of the test networks that layer methods are asked about.
LAYER = "middle"


class TinyNet(nn.Module):
    """A small network of either task, written in the ways that users write.

    It works on its input in place, has module, in-place and functional rectifiers, and a shortcut
    that returns its input.

    Parameters
    ----------
    ndim : int
        2 or 3.
    task : {"classification", "segmentation"}
    """

    def __init__(self, ndim: int, task: str) -> None:
        super().__init__()
        conv: Any = nn.Conv2d if ndim == 2 else nn.Conv3d
        norm: Any = nn.BatchNorm2d if ndim == 2 else nn.BatchNorm3d
        self.task = task
        self.first = conv(2, 6, 3, padding=1)
        self.norm = norm(6)
        self.act = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        self.middle = conv(6, 8, 3, padding=1, stride=2)
        self.head: nn.Module = nn.Linear(8, 3) if task == "classification" else conv(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 3), or (N, 3, *spatial)."""
        spatial = x.shape[2:]
        x -= 0.1
        x = self.act(self.norm(self.first(x)))
        x = F.relu(self.middle(x + self.shortcut(x)))
        if self.task == "classification":
            scores: Tensor = self.head(x.flatten(2).mean(2))
            return scores
        return F.interpolate(self.head(x), size=spatial, mode="nearest")


@dataclass(frozen=True)
class Case:
    """A network and an image of one task and dimension, the same every time.

    Parameters
    ----------
    ndim : int
        2 or 3.
    task : {"classification", "segmentation"}
    patched : bool
        Whether the image passes in patches.
    """

    ndim: int
    task: str
    patched: bool = False

    def __str__(self) -> str:
        return f"{self.ndim}d-{self.task}" + ("-patched" if self.patched else "")

    @property
    def patches(self) -> Patches | None:
        """How the image is cut, where it is."""
        return Patches(8, 4) if self.patched else None

    def model(self) -> nn.Module:
        """A fresh network with random weights and running statistics."""
        with torch.random.fork_rng():
            torch.manual_seed(1)
            net = TinyNet(self.ndim, self.task)
            for _ in range(3):
                net(torch.randn(4, 2, *self.spatial))
        return net.eval()

    @property
    def spatial(self) -> tuple[int, ...]:
        """Even and odd sides, all different."""
        return (16, 12) if self.ndim == 2 else (12, 8, 9)

    def image(self) -> Tensor:
        """(2, *spatial)."""
        return torch.rand((2, *self.spatial), generator=torch.Generator().manual_seed(3))


CASES = [Case(ndim, task) for ndim in (2, 3) for task in ("classification", "segmentation")]
CASES += [Case(ndim, "segmentation", patched=True) for ndim in (2, 3)]
