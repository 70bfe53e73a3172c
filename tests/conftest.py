"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import settings

from tests.matrix import Coverage, mark

settings.register_profile("esegeta", deadline=None)  # machines that test are shared and uneven
settings.load_profile("esegeta")

DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-coverage", action="store_true", help="write docs/coverage.md")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Coverage(write=config.getoption("--write-coverage")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark(item)


@pytest.fixture
def shared() -> Path:
    """The folder of real data; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip("the real data of ../shared/data is not here")
    return DATA


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
