"""Takes out what is malformed, so that the rest of a config can still be checked."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from esegeta.config.models import Config
from esegeta.errors import Problem

ROUNDS = 6
PLACEHOLDER: dict[str, Any] = {
    "name": "placeholder",
    "task": "classification",
    "use": "placeholder",
    "models": [{"factory": "placeholder:placeholder", "task": "classification"}],
    "images": [{"factory": "placeholder:placeholder"}],
    "methods": ["placeholder"],
    "evaluate": ["placeholder"],
    "data": {"factory": "placeholder:placeholder"},
    "train": [{"use": "placeholder", "data": {"factory": "placeholder:placeholder"}}],
    "preprocess": [{"use": "placeholder"}],
}
"""What stands in for a required key or an entry; nothing said of it reaches the user."""


def repaired(data: Any, base: Path) -> Config | None:
    """Make a config of what is well-formed in `data`; None where that is too little.

    Lists keep their length, so that paths into them stay right. The result is for checking only.
    """
    data = copy.deepcopy(data)
    if not isinstance(data, dict):
        return None
    for _ in range(ROUNDS):
        try:
            return Config.model_validate(data, context={"base": base})
        except ValidationError as error:
            for detail in error.errors():
                _mend(data, detail["loc"], missing=detail["type"] == "missing")
    return None


def _mend(data: Any, loc: Sequence[int | str], missing: bool) -> None:
    """Drop what is wrong at `loc`; put a placeholder where it cannot be dropped."""
    parents = [data]
    for key in loc[:-1]:
        try:
            parents.append(parents[-1][key])
        except (KeyError, IndexError, TypeError):
            return  # an earlier repair of this round has taken it away
    *_, parent = parents
    last = loc[-1] if loc else ""
    if isinstance(parent, dict) and missing:
        parent[last] = copy.deepcopy(PLACEHOLDER.get(str(last)))
    elif isinstance(parent, dict):
        parent.pop(last, None)
    elif isinstance(parent, list) and isinstance(last, int):
        entries = PLACEHOLDER.get(str(loc[-2])) if len(loc) > 1 else None
        if isinstance(entries, list) and len(loc) == 2 and last < len(parent):
            parent[last] = copy.deepcopy(entries[0])
        else:
            _mend(data, loc[:-1], missing=False)


def related(path: str, others: Sequence[Problem]) -> bool:
    """Whether `path` lies at, above or below a place that is known to be wrong.

    A misspelt key is wrong in two places: where it stands, and where the key it means is missing.
    """
    places = {other.path for other in others}
    places |= {
        f"{other.path.rpartition('.')[0]}.{other.nearest}".lstrip(".")
        for other in others
        if other.nearest
    }
    return any(_above(path, place) or _above(place, path) for place in places)


def _above(upper: str, lower: str) -> bool:
    return lower == upper or (lower.startswith(upper) and lower[len(upper)] in ".[")


def doubtful_models(data: Any, problems: Sequence[Problem]) -> frozenset[int]:
    """Number the models of whose task, classes or name nothing sure is known."""
    models = data.get("models") if isinstance(data, dict) else None
    count = len(models) if isinstance(models, list) and models else 1
    telling = ("task", "classes", "target", "name")
    found = set()
    for index in range(count):
        here = f"models[{index}]"
        for problem in problems:
            key = problem.path[len(here) + 1 :] if problem.path.startswith(here) else None
            whole = problem.path in ("models", here)
            if whole or (key and key.startswith(telling)) or (key and problem.nearest in telling):
                found.add(index)
    return frozenset(found)
