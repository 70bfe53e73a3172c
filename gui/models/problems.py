"""What is wrong with the config, and where in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from esegeta.errors import Problem, join

PAGES = ("models", "images", "preprocess", "target", "methods")


def problems_from(records: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Read problems as a helper process tells them."""
    return [Problem(**record) for record in records]


def path_of(place: Sequence[str | int]) -> str:
    """Write a place as problems do: ``methods[1].with``."""
    path = ""
    for key in place:
        path = join(path, key)
    return path


def below(problems: Iterable[Problem], *place: str | int) -> list[Problem]:
    """Give the problems at a place and inside it."""
    path = path_of(place)
    return [p for p in problems if p.path == path or p.path.startswith((f"{path}.", f"{path}["))]


def exactly(problems: Iterable[Problem], *place: str | int) -> list[Problem]:
    """Give the problems at a place itself."""
    path = path_of(place)
    return [problem for problem in problems if problem.path == path]


def sentence(problem: Problem) -> str:
    """Say what is wrong and how to mend it, without saying where."""
    text = f"{problem.message[:1].upper()}{problem.message[1:]}"
    if problem.nearest is not None:
        text += f"; did you mean {problem.nearest!r}?"
    elif problem.valid is not None:
        text += f". Valid: {problem.valid}"
    return text


def page_of(path: str) -> str:
    """Name the page of the wizard where the value at a path is edited."""
    key = path.partition(".")[0].partition("[")[0]
    if key == "methods":
        rest = path.partition(".")[2]
        return "parameters" if rest and not rest.startswith("use") else "methods"
    return {"preprocess": "images", "models": "model", "images": "images", "target": "target"}.get(
        key, "run"
    )
