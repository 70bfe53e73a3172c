"""The table of what each method serves, made of the contract tests that passed: ``docs/coverage.md``.

Every run of all contract tests makes it and fails where the book says something else. To write it:
``make coverage``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from docs.markdown import paragraph, table
from esegeta.registry import find
from esegeta.testing import CASES, MethodContract

PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
MARK = "contract"

HEAD = """# What each method serves

Made by the contract tests (`make coverage`), not by hand: ✓ stands for a contract that passed there, on small
networks with in-place, functional and module rectifiers; a number for a refusal, with its reason below. A
classifier takes its image whole, so patches are for segmentation.
"""
FAMILIES = {
    "attribution": "Attribution",
    "layer_attribution": "Layer attribution",
    "explainability": "Explainability",
}
TITLES = {
    f"{ndim}d-{task}{patches}": f"{ndim}D {task}{' in patches' if patches else ''}"
    for ndim in (2, 3)
    for task, patches in (
        ("classification", ""),
        ("segmentation", ""),
        ("segmentation", "-patched"),
    )
}


class Coverage:
    """Collects how the contract tests ended, also from the processes of xdist."""

    def __init__(self, *, write: bool) -> None:
        self.write = write
        self.passed: dict[tuple[str, str], bool] = {}
        self.reasons: dict[tuple[str, str], str] = {}
        self.problem: str | None = None

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        facts = dict(report.user_properties)
        if MARK not in facts or (report.when != "call" and report.passed):
            return
        method, case = facts[MARK]
        if case is not None:
            self.passed[method, case] = self.passed.get((method, case), True) and report.passed
        for other, reason in facts.get("refused", {}).items():
            self.reasons[method, other] = reason

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput") or not self.complete():
            return
        page = self.page()
        if self.write:
            PAGE.write_text(page, encoding="utf-8")
        elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page:
            self.problem = f"{PAGE.name} is not what the contract tests say; run: make coverage"
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.problem:
            terminalreporter.write_sep("=", self.problem, red=True)

    def complete(self) -> bool:
        """Whether every method was tried on everything, and all of it was as it should be."""
        known = self.passed.keys() | self.reasons.keys()
        every = {(plugin.name, case) for plugin in find().methods() for case in map(str, CASES)}
        return every <= known and all(self.passed.values())

    def page(self) -> str:
        """Write the page."""
        numbers: dict[str, int] = {}
        rows: Mapping[str, list[list[str]]] = defaultdict(list)
        for plugin in sorted(find().methods(), key=lambda plugin: plugin.name):
            cells = [self._cell(plugin.name, case, numbers) for case in TITLES]
            rows[plugin.family].append([f"[{plugin.name}](methods/{plugin.name}.md)", *cells])
        lines = [*HEAD.splitlines()]
        for family, title in FAMILIES.items():
            lines += ["", f"## {title}", "", *table(["method", *TITLES.values()], rows[family])]
        if numbers:
            lines += ["", "## Refusals", ""]
            for reason, number in numbers.items():
                lines += paragraph(f"{number}. {reason}")
        return "\n".join(lines) + "\n"

    def _cell(self, method: str, case: str, numbers: dict[str, int]) -> str:
        if (method, case) in self.passed:
            return "✓"
        return str(numbers.setdefault(self.reasons[method, case], len(numbers) + 1))


def mark(item: pytest.Item) -> None:
    """Note of a contract's test what it is about, for whoever reads its report."""
    cls, spec = getattr(item, "cls", None), getattr(item, "callspec", None)
    if cls is not None and issubclass(cls, MethodContract):
        case = None if spec is None else str(spec.params["case"])
        item.user_properties.append((MARK, [cls.plugin, case]))
