"""The parameters page: the uses of methods in the config, and the form of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esegeta.errors import Problem

from ..document import Document, Place
from .catalogue import Catalogue, Entry
from .form import Field
from .methods import use_of
from .problems import below

MORE = ("name", "models", "timeout", "amp")
"""The keys of a use of a method that are edited beside its parameters and layers."""


class ParametersModel:
    """Edits the uses of methods; an entry that is a text becomes an object where it must."""

    def __init__(self, document: Document, catalogue: Catalogue | None = None) -> None:
        self.document = document
        self.catalogue = catalogue or Catalogue()

    def titles(self) -> list[str]:
        """Name each use as results will be named."""
        return [self._title(entry) for entry in self.document.entries("methods")]

    def _title(self, entry: Any) -> str:
        use = use_of(entry) or "?"
        name = entry.get("name") if isinstance(entry, dict) else None
        title = f"{name} ({use})" if isinstance(name, str) and name != use else use
        layers = entry.get("layers") if isinstance(entry, dict) else None
        named = [str(layer) for layer in layers] if isinstance(layers, list) else []
        models = entry.get("models") if isinstance(entry, dict) else None
        only = f" · {', '.join(map(str, models))}" if isinstance(models, list) else ""
        return f"{title} @ {', '.join(named)}{only}" if named else f"{title}{only}"

    def entry(self, index: int) -> Entry | None:
        """Give what is known of the method that a use is of."""
        return self.catalogue.methods.get(use_of(self.document.get("methods", index)) or "")

    def fields(self, index: int) -> list[Field]:
        """Give the parameters of a use; those that the method does not know are shown too."""
        entry = self.entry(index)
        known = list(entry.parameters) if entry else []
        names = {field.key for field in known}
        given = self.document.part("methods", index, "with")
        return known + [Field(key, "mixed") for key in given if key not in names]

    def more(self) -> list[Field]:
        """Give the other keys of a use."""
        return [field for field in self.catalogue.part("Method") if field.key in MORE]

    def place(self, index: int, *keys: str) -> Place:
        """Give the place of a value of a use."""
        return ("methods", index, *keys)

    def set(self, index: int, keys: Sequence[str], value: Any, *, typing: bool = False) -> None:
        """Set a value of a use."""
        entry = self.document.get("methods", index)
        if isinstance(entry, str):
            # In one edit, so that one undo takes it back.
            whole: Any = {"use": entry}
            self.document.set(("methods", index), _nested(whole, keys, value), typing=typing)
        else:
            self.document.set(("methods", index, *keys), value, typing=typing)

    def own_target(self, index: int) -> Place:
        """Give a use a target of its own, where it has none; give the place that has it."""
        if not isinstance(self.document.get("methods", index, "target"), dict):
            self.set(index, ("target",), {})
        return ("methods", index)

    def reset(self, index: int, keys: Sequence[str]) -> None:
        """Take a value away, so that the default counts."""
        self.document.remove(("methods", index, *keys))

    def layers(self, index: int) -> list[str]:
        """Give the layers of a use."""
        given = self.document.get("methods", index, "layers")
        return (
            [layer for layer in given if isinstance(layer, str)] if isinstance(given, list) else []
        )

    def duplicate(self, index: int) -> int:
        """Use the method once more, under a name of its own; give the new index."""
        entry = self.document.get("methods", index)
        entry = {"use": entry} if isinstance(entry, str) else dict(entry)
        taken = {self._name(other) for other in self.document.entries("methods")}
        number = 2
        while f"{use_of(entry)} {number}" in taken:
            number += 1
        entry["name"] = f"{use_of(entry)} {number}"
        self.document.insert(("methods", index + 1), entry)
        return index + 1

    def _name(self, entry: Any) -> Any:
        return entry.get("name", use_of(entry)) if isinstance(entry, dict) else entry

    def remove(self, index: int) -> None:
        """Take a use away."""
        self.document.remove(("methods", index))

    def problems(self, problems: Sequence[Problem], index: int) -> list[Problem]:
        """Give what is wrong with a use."""
        return below(problems, "methods", index)


def _nested(whole: dict[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys[1:]):
        value = {key: value}
    return {**whole, keys[0]: value}
