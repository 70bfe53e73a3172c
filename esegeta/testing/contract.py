"""What the contracts of all families have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from esegeta.plugin import Plugin
from esegeta.registry import Registry, find
from esegeta.testing.cases import CASES, Case


@cache
def _found(folders: tuple[Path, ...]) -> Registry:
    return find(folders)


class Contract:
    """Finds the plug-in and makes a test per case that it says it serves."""

    plugin: ClassVar[str]
    #: Folders with plug-ins beside the built-in ones.
    folders: ClassVar[Sequence[Path]] = ()
    #: Settings that make the method cheap enough to test.
    parameters: ClassVar[Mapping[str, Any]] = {}
    #: What it is tried on, where it serves that.
    cases: ClassVar[Sequence[Case]] = CASES

    @classmethod
    def registry(cls) -> Registry:
        """The registry that knows the plug-in."""
        return _found(tuple(Path(folder) for folder in cls.folders))

    @classmethod
    def found(cls) -> Plugin:
        """The plug-in itself."""
        return cls.registry().get(cls.plugin)

    @classmethod
    def served(cls) -> list[Case]:
        """What it is tried on."""
        plugin = cls.found()
        return [c for c in cls.cases if c.ndim in plugin.ndim and c.task in plugin.tasks]

    @classmethod
    def refused(cls) -> list[Case]:
        """What it has to refuse: what the others serve and it does not."""
        served = set(map(str, cls.served()))
        return [case for case in CASES if str(case) not in served]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test per dimension and task that the plug-in serves."""
        if "case" in metafunc.fixturenames:
            metafunc.parametrize("case", self.served(), ids=str)

    def test_is_described(self) -> None:
        """Its docstring, its paper and the help of every parameter are there for people to read."""
        plugin = self.found()
        assert plugin.summary
        assert plugin.family == "wrapper" or plugin.paper
        for name, schema in plugin.parameters.model_json_schema().get("properties", {}).items():
            assert schema.get("description"), f"parameter {name} has no help"
