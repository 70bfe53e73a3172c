"""The parameters page: the uses of methods in the config, and the form of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esegeta.errors import Problem

from ..document import Place
from .catalogue import Entry
from .problems import below
from .uses import UsesModel, use_of


class ParametersModel(UsesModel):
    """Edits the uses of methods."""

    KEY, PART, MORE = "methods", "Method", ("name", "models", "timeout", "amp")

    def keys(self, index: int) -> tuple[str, ...]:
        """Name the other keys of a use; only what is trained reads an artifact."""
        entry = self.entry(index)
        trained = entry is not None and entry.takes_artifact
        given = self.document.get("methods", index, "artifact") is not None
        return (*self.MORE, "artifact") if trained or given else self.MORE

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The methods there are, by name."""
        return self.catalogue.methods

    def titles(self) -> list[str]:
        """Name each use as results will be named."""
        return [self.title(entry) for entry in self.document.entries("methods")]

    def title(self, entry: Any) -> str:
        """Name a use, with its layers and models where these are said."""
        title = super().title(entry)
        layers = entry.get("layers") if isinstance(entry, dict) else None
        named = [str(layer) for layer in layers] if isinstance(layers, list) else []
        models = entry.get("models") if isinstance(entry, dict) else None
        only = f" · {', '.join(map(str, models))}" if isinstance(models, list) else ""
        return f"{title} @ {', '.join(named)}{only}" if named else f"{title}{only}"

    def own_target(self, index: int) -> Place:
        """Give a use a target of its own, where it has none; give the place that has it."""
        if not isinstance(self.document.get("methods", index, "target"), dict):
            self.set(index, ("target",), {})
        return ("methods", index)

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
