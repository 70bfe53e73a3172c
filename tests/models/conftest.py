from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NETWORKS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, channels: int = 1, classes: int = 2, *, width: int = 4):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3)))


class Zoo:
    @classmethod
    def small(cls, width=2):
        return Net(width=width)


def make(**arguments):
    return Net(**arguments)


def nothing():
    return {"net": Net()}


def broken():
    sizes = []
    return nn.Linear(sizes[3], 1)


ready = Net()
"""


@dataclass
class Spec:
    name: str = "net"
    factory: str | None = None
    file: Path | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    trust: bool = False
    task: str = "classification"
    classes: tuple[str, ...] = ()
    output: str | None = None


@pytest.fixture
def spec():
    return Spec


@pytest.fixture
def nets(tmp_path):
    file = tmp_path / "nets.py"
    file.write_text(NETWORKS)
    return file
