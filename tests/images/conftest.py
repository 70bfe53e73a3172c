from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@dataclass(frozen=True)
class Step:
    """What esegeta.config gives for one entry of `preprocess`."""

    use: str
    with_: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="session")
def step():
    return lambda use, **arguments: Step(use, arguments)


@pytest.fixture(scope="session")
def oblique():
    """An affine turned about all three axes, with three different spacings and left-handed."""
    a, b, c = np.deg2rad([20, -15, 35])
    x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    affine = np.eye(4)
    turn = np.array(z) @ np.array(y) @ np.array(x)
    # The first axis runs to the inferior, the third to the left: not in RAS order at all.
    affine[:3, :3] = turn @ np.array([[0, 0, -1], [0, 1, 0], [-1, 0, 0]]) @ np.diag([0.8, 1.3, 2.1])
    affine[:3, 3] = [12, -34, 56]
    return affine


@pytest.fixture(scope="session")
def shared():
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not here")
    return folder
