"""Steps of preprocessing: the config's, or those that one model has in their place."""

from __future__ import annotations

from typing import Any

from ..document import Document, Place
from ..language import tr
from .catalogue import Catalogue
from .form import Field


class StepsModel:
    """Edits steps; `level` is where a model stands that may have its own, or nothing for all."""

    def __init__(
        self, document: Document, catalogue: Catalogue | None = None, level: Place = ()
    ) -> None:
        self.document = document
        self.catalogue = catalogue or Catalogue()
        self.level = level

    def levels(self) -> list[tuple[str, Place]]:
        """Name what steps can be for: all models, or one."""
        models = self.document.entries("models")
        named: list[tuple[str, Place]] = [
            (tr("%s only") % _name(model, index), ("models", index))
            for index, model in enumerate(models)
            if isinstance(model, dict)
        ]
        return [(tr("All models"), ()), *named]

    @property
    def place(self) -> Place:
        """Where the steps stand."""
        return (*self.level, "preprocess")

    @property
    def own(self) -> bool:
        """Whether there are steps here, and not only those for all."""
        return not self.level or isinstance(self.document.get(*self.place), list)

    def take_own(self, own: bool) -> None:
        """Give a model steps of its own, first those for all; or take them away."""
        if own:
            self.document.set(self.place, list(self.document.entries("preprocess")))
        else:
            self.document.remove(self.place)

    def titles(self) -> list[str]:
        """Name the steps."""
        steps = self.document.entries(*self.place)
        return [str(step.get("use", "?")) if isinstance(step, dict) else "?" for step in steps]

    def fields(self, index: int) -> list[Field]:
        """Give the arguments of a step; those that it does not know are shown too."""
        use = self.document.get(*self.place, index, "use")
        known = list(self.catalogue.steps.get(use, [])) if isinstance(use, str) else []
        names = {field.key for field in known}
        given = self.document.part(*self.place, index, "with")
        return known + [Field(key, "mixed") for key in given if key not in names]

    def add(self, name: str) -> int:
        """Add a step at the end."""
        return self.document.append(self.place, {"use": name})

    def others(self) -> list[str]:
        """Name the models that have steps of their own, where these are the ones for all."""
        return [
            _name(entry, index)
            for index, entry in enumerate(self.document.entries("models"))
            if not self.level
            and isinstance(entry, dict)
            and isinstance(entry.get("preprocess"), list)
        ]


def _name(model: dict[str, Any], index: int) -> str:
    return str(model.get("name") or tr("model %d") % (index + 1))
