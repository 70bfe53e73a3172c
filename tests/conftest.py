"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import settings

settings.register_profile("esegeta", deadline=None)  # machines that test are shared and uneven
settings.load_profile("esegeta")

DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def shared() -> Path:
    """The folder of real data; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip("the real data of ../shared/data is not here")
    return DATA


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
