"""The paths in a config: made absolute where it moves, and short where they lie beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

PLAIN = ("output", "$schema")
LISTS = ("plugins", "references")
PARTS = {
    "models": ("file", "weights", "classes", "factory"),
    "images": ("path", "label", "factory"),
}


def absolute(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """Give a config whose relative paths, relative to `base` until now, are absolute."""

    def whole(key: str, value: Any) -> Any:
        if not isinstance(value, str) or value.startswith(("~", "/")) or not value:
            return value
        if key == "factory":
            place, colon, attribute = value.rpartition(":")
            return f"{base / place}{colon}{attribute}" if place.endswith(".py") else value
        return value if "://" in value else str(base / value)

    made = {key: whole(key, value) if key in PLAIN else value for key, value in data.items()}
    for key in LISTS:
        if isinstance(made.get(key), list):
            made[key] = [whole(key, value) for value in made[key]]
    for key, names in PARTS.items():
        if isinstance(made.get(key), list):
            made[key] = [_part(entry, names, whole) for entry in made[key]]
    return made


def _part(entry: Any, names: tuple[str, ...], whole: Callable[[str, Any], Any]) -> Any:
    if not isinstance(entry, dict):
        return entry
    return {key: whole(key, value) if key in names else value for key, value in entry.items()}


def written(path: Path, base: Path, *, saved: bool) -> str:
    """Say how a path that was picked is written: relative where it lies below a saved config."""
    path = path.absolute()
    if saved and path.is_relative_to(base):
        return str(path.relative_to(base))
    return str(path)


def short(path: Path) -> str:
    """Write a path for people, from their own folder on."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def found(text: str, base: Path) -> Path:
    """Give the path that a config means."""
    try:
        return base / Path(text).expanduser()
    except RuntimeError:  # ~somebody who is not there
        return base / text
