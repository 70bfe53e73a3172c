"""The config that is edited: JSON data with its file, undo and redo; keys it does not know stay."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esegeta.config.fields import as_name
from esegeta.config.reading import locate, read

from .paths import absolute

Place = tuple[str | int, ...]
"""Where a value stands in the data: ``("methods", 0, "with", "steps")``."""

Data = dict[str, Any]

EMPTY: Data = {"version": 1, "models": [], "images": [], "methods": []}
LONGEST = 500
"""How many edits can be undone."""


@dataclass(frozen=True)
class _Edit:
    """The data before an edit, and where the edit was."""

    before: Any
    place: Place


class Document:
    """A config as data. No edit changes a container in place, so that old states stay as they are.

    Parameters
    ----------
    data : dict, optional
        By default an empty config.
    file : Path, optional
        Where it was read from and is saved to.
    base : Path, optional
        What its relative paths are relative to: by default the file's folder, else the current one.
    """

    def __init__(
        self, data: Data | None = None, file: Path | None = None, base: Path | None = None
    ) -> None:
        self.data: Data = EMPTY if data is None else data
        self.file = file
        self.base = (base or (file.parent if file else Path.cwd())).resolve()
        self.listeners: list[Callable[[Place], None]] = []
        self._saved = self.data
        self._undo: list[_Edit] = []
        self._redo: list[_Edit] = []
        self._typing: Place | None = None

    @classmethod
    def open(cls, path: Path, *, as_copy: bool = False) -> Document:
        """Read a config file, or one that comes with esegeta, by its name.

        `as_copy`: what is read has no file to be saved to, as the config in a run's folder.

        Raises
        ------
        ConfigError
            Where it is no JSON file.
        """
        file = locate(Path(path).expanduser())
        data = read(file)
        if not isinstance(data, dict):
            data = {"version": data}  # nothing of it can be shown, and the check says so
        if as_copy or file != Path(path).expanduser():
            return cls(data, None, file.parent)
        return cls(data, file.absolute())

    @property
    def name(self) -> str:
        """What to call it in the window."""
        if self.file is not None:
            return self.file.name
        given = self.data.get("name")
        return given if isinstance(given, str) and given else "untitled"

    @property
    def run_name(self) -> str:
        """The name of its run: its own, else the file's, as a run of the file would have it."""
        given = self.data.get("name")
        if isinstance(given, str) and given:
            return given
        return as_name(self.file.stem if self.file else "", "run")

    @property
    def named(self) -> Data:
        """The data with a name in any case, as a run of the file would read it."""
        return self.data if "name" in self.data else {"name": self.run_name, **self.data}

    @property
    def home(self) -> Path:
        """Where it is saved if nobody says otherwise; what comes with esegeta is left as it is."""
        return self.base if self.file is not None else Path.cwd()

    @property
    def dirty(self) -> bool:
        """Whether it differs from its file."""
        return self.data is not self._saved and text_of(self.data) != text_of(self._saved)

    def get(self, *place: str | int, default: Any = None) -> Any:
        """Give the value at a place, or `default` where there is none."""
        found: Any = self.data
        for key in place:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return default
        return found

    def part(self, *place: str | int) -> Data:
        """Give the object at a place, not to be changed; an empty one where there is none."""
        found = self.get(*place)
        return found if isinstance(found, dict) else {}

    def entries(self, *place: str | int) -> list[Any]:
        """Give the list at a place; none where there is no list."""
        found = self.get(*place)
        return found if isinstance(found, list) else []

    def set(self, place: Place, value: Any, *, typing: bool = False) -> None:
        """Set the value at a place; objects on the way are made where they are missing.

        `typing`: one edit of a text among several at the same place, which are undone together.
        """
        if text_of(self.get(*place, default=...)) == text_of(value):
            return
        self._change(place, _with(self.data, place, value), typing)

    def remove(self, place: Place) -> None:
        """Take away what stands at a place, and the object around it that would be empty then."""
        if self.get(*place, default=...) is ...:
            return
        data = _without(self.data, place)
        above = place[:-1]
        if above and isinstance(above[-1], str) and _at(data, above) == {}:
            data = _without(data, above)
        self._change(place, data)

    def insert(self, place: Place, value: Any) -> None:
        """Put a value into a list, before what stands at the place."""
        *above, index = place
        entries = list(self.entries(*above))
        entries.insert(int(index), value)
        self._change(place, _with(self.data, tuple(above), entries))

    def append(self, place: Place, value: Any) -> int:
        """Put a value at the end of a list; give its index."""
        index = len(self.entries(*place))
        self.insert((*place, index), value)
        return index

    def move(self, place: Place, to: int) -> None:
        """Move an entry of a list."""
        *above, index = place
        entries = list(self.entries(*above))
        entries.insert(to, entries.pop(int(index)))
        self._change((*above, to), _with(self.data, tuple(above), entries))

    def _change(self, place: Place, data: Data, typing: bool = False) -> None:
        if not (typing and self._typing == place and self._undo):
            self._undo = [*self._undo[-LONGEST + 1 :], _Edit(self.data, place)]
        self._typing = place if typing else None
        self._redo = []
        self.data = data
        self._tell(place)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether an edit was undone."""
        return bool(self._redo)

    def undo(self) -> Place | None:
        """Take back the last edit; give its place."""
        return self._swap(self._undo, self._redo)

    def redo(self) -> Place | None:
        """Do again what was undone; give its place."""
        return self._swap(self._redo, self._undo)

    def _swap(self, source: list[_Edit], target: list[_Edit]) -> Place | None:
        if not source:
            return None
        edit = source.pop()
        target.append(_Edit(self.data, edit.place))
        self.data, self._typing = edit.before, None
        self._tell(edit.place)
        return edit.place

    def _tell(self, place: Place) -> None:
        for listener in list(self.listeners):
            listener(place)

    def save(self, file: Path | None = None) -> None:
        """Write it, whole or not at all; where the folder is another, paths become absolute.

        Raises
        ------
        OSError
            Where it cannot be written.
        """
        file = (file or self.file or Path(f"{self.name}.json")).expanduser().absolute()
        if file == self.file and not self.dirty and file.exists():
            return
        data = self.data
        if file.parent.resolve() != self.base:
            data = absolute(data, self.base)
        written = file.resolve()  # a link stays one
        part = written.with_name(f".{os.getpid()}-{written.name}")
        try:
            part.write_bytes(_bytes(data))
            part.replace(written)
        finally:
            part.unlink(missing_ok=True)
        self.file, self.base = file, file.parent.resolve()
        self.data = self._saved = data
        self._typing = None
        self._tell(())

    def __str__(self) -> str:
        return text_of(self.data, indent=2)


def text_of(data: Any, indent: int | None = None) -> str:
    """Write JSON; unlike ``==`` it tells 1 from 1.0 and from true."""
    return json.dumps(data, indent=indent, ensure_ascii=False, default=str)


def _bytes(data: Data) -> bytes:
    try:
        return f"{text_of(data, indent=2)}\n".encode()
    except UnicodeEncodeError:  # half a character, which JSON can write and UTF-8 cannot
        return f"{json.dumps(data, indent=2)}\n".encode()


def _at(data: Any, place: Place) -> Any:
    for key in place:
        data = data[key]
    return data


def _with(data: Any, place: Place, value: Any) -> Any:
    """Give a copy with another value at a place; what is not on the way there is shared."""
    if not place:
        return value
    key, rest = place[0], place[1:]
    if isinstance(key, int):
        entries = list(data)
        entries[key] = _with(entries[key], rest, value)
        return entries
    whole = dict(data) if isinstance(data, dict) else {}
    whole[key] = _with(whole.get(key), rest, value)
    return whole


def _without(data: Any, place: Place) -> Any:
    """Give a copy without what stands at a place."""
    above = place[:-1]
    parent = _at(data, above)
    if isinstance(parent, list):
        rest: Any = [entry for index, entry in enumerate(parent) if index != place[-1]]
    else:
        rest = {key: value for key, value in parent.items() if key != place[-1]}
    return _with(data, above, rest)
