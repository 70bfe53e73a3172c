"""The target page: class, wrapper, mask, contrast and patches, of the config or of one model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from esegeta.config import DEFAULT_WRAPPER

from ..document import Document, Place
from ..language import tr
from ..paths import found
from .catalogue import Catalogue, Entry
from .form import MISSING, Field

PREDICTED = "predicted"
MASKS = ("predicted", "border", "component", "box", "label", "label value", "all")
"""Kinds of masks, as they are offered."""

LARGEST = 1_000_000
"""Bytes of a file of class names that is read, at most."""


class TargetModel:
    """Edits a target; `level` is where what it is for stands: a model, a use of a method, or all.

    A method's own target stands above the models', and these above the config's.
    """

    def __init__(
        self, document: Document, catalogue: Catalogue | None = None, level: Place = ()
    ) -> None:
        self.document = document
        self.catalogue = catalogue or Catalogue()
        self.level = level

    def levels(self) -> list[tuple[str, Place]]:
        """Name what a target can be for: all, one model, or a use of a method that has its own."""
        models = self.document.entries("models")
        named: list[tuple[str, Place]] = [
            (tr("%s only") % _name(model, index), ("models", index))
            for index, model in enumerate(models)
            if isinstance(model, dict)
            and (len(models) > 1 or isinstance(model.get("target"), dict))
        ]
        uses: list[tuple[str, Place]] = [
            (tr("%s only") % (use.get("name") or use.get("use")), ("methods", index))
            for index, use in enumerate(self.document.entries("methods"))
            if isinstance(use, dict) and isinstance(use.get("target"), dict)
        ]
        return [(tr("All models"), ()), *named, *uses]

    @property
    def place(self) -> Place:
        """Where the target stands."""
        return (*self.level, "target")

    def get(self, key: str) -> Any:
        """Give a value of the target at this level; `MISSING` where it is inherited or by default."""
        return self.document.get(*self.place, key, default=MISSING)

    def inherited(self, key: str) -> Any:
        """Give the value that holds here: a model's own, else the config's; `MISSING` where none."""
        own = self.get(key)
        if own is MISSING and self.level:
            return self.document.get("target", key, default=MISSING)
        return own

    def put(self, key: str, value: Any, *, typing: bool = False) -> None:
        """Set a value of the target."""
        self.document.set((*self.place, key), value, typing=typing)

    def reset(self, key: str) -> None:
        """Take a value away, so that what it replaces counts."""
        self.document.remove((*self.place, key))

    def tasks(self) -> set[str]:
        """Give the tasks of the models that this target is for."""
        return {str(m["task"]) for m in self._models() if isinstance(m, dict) and m.get("task")}

    def _models(self) -> list[Any]:
        """Give the models that this target is for."""
        models = self.document.entries("models")
        return [self.document.get(*self.level)] if self.level[:1] == ("models",) else models

    def classes(self) -> list[str]:
        """Name the classes of the models that this target is for, each once."""
        base = self.document.base
        names = [name for model in self._models() for name in class_names(model, base)]
        return list(dict.fromkeys(names))

    def class_text(self) -> str:
        """Write the class for the field; a class that is named like a number has quotes."""
        value = self.inherited("class")
        if value is MISSING:
            return PREDICTED
        if isinstance(value, str):
            return f'"{value}"' if value.isdigit() and value not in self.classes() else value
        return str(value) if not isinstance(value, dict | list) else ""

    def set_class(self, text: str, *, typing: bool = False) -> None:
        """Set the class: a name, or else a number where no class is named so."""
        text = text.strip()
        if text == PREDICTED and not self.level:
            self.reset("class")
        elif text.isdigit() and text not in self.classes():
            self.put("class", int(text), typing=typing)
        elif text:
            self.put("class", text.strip('"') if text.strip('"').isdigit() else text, typing=typing)

    def others(self) -> list[str]:
        """Name the models whose own targets count in place of this one, where it is the config's."""
        return [
            _name(model, index)
            for index, model in enumerate(self.document.entries("models"))
            if not self.level and isinstance(model, dict) and model.get("target")
        ]

    def wrappers(self) -> list[Entry]:
        """Give the wrappers that serve the tasks."""
        tasks = self.tasks()
        every = self.catalogue.wrappers.values()
        return [one for one in every if not tasks or tasks & set(one.tasks)]

    def wrapper(self) -> Entry | None:
        """Give the wrapper that is named here or inherited; None where the default counts."""
        name = self.inherited("wrapper")
        return self.catalogue.wrappers.get(name) if isinstance(name, str) else None

    def default_wrapper(self) -> str:
        """Name the wrapper of the task, where none is named."""
        tasks = self.tasks()
        return DEFAULT_WRAPPER.get(tasks.pop(), "?") if len(tasks) == 1 else tr("by the task")

    def set_wrapper(self, name: str | None) -> None:
        """Name the wrapper; parameters of another one go with it."""
        target = dict(self.document.part(*self.place))
        if name == target.get("wrapper"):
            return
        target.pop("with", None)
        target.pop("wrapper", None)
        if name is not None:
            target["wrapper"] = name
        if target:
            self.document.set(self.place, target)
        else:
            self.document.remove(self.place)

    def wrapper_fields(self) -> list[Field]:
        """Give the wrapper's parameters; those that it does not know are shown too."""
        entry = self.wrapper() or self.catalogue.wrappers.get(self.default_wrapper())
        known = list(entry.parameters) if entry else []
        given = self.get("with")
        names = {field.key for field in known}
        extra = [key for key in given if key not in names] if isinstance(given, dict) else []
        return known + [Field(key, "mixed") for key in extra]

    def mask(self) -> tuple[str, str]:
        """Give kind and numbers of the mask, as they are edited."""
        value = self.inherited("mask")
        if value is MISSING:
            return PREDICTED, ""
        if isinstance(value, dict) and len(value) == 1:
            ((kind, numbers),) = value.items()
            if kind == "label":
                return "label value", str(numbers)
            if kind == "component" and isinstance(numbers, list):
                return kind, ", ".join(map(str, numbers))
            if kind == "box" and isinstance(numbers, list):
                pairs = [p if isinstance(p, list) else [p] for p in numbers]
                return kind, ", ".join(" to ".join(map(str, pair)) for pair in pairs)
        return str(value), ""

    def set_mask(self, kind: str, numbers: str = "", *, typing: bool = False) -> None:
        """Set the mask; numbers that are none are written as they are, and the check tells."""
        if kind == PREDICTED and not self.level:
            self.reset("mask")
            return
        parts = [part.strip() for part in numbers.split(",") if part.strip()]
        value: Any = kind
        if kind == "label value":
            value = {"label": _whole(numbers)}
        elif kind == "component":
            value = {"component": [_whole(part) for part in parts]}
        elif kind == "box":
            value = {"box": [[_whole(n) for n in part.split(" to ")] for part in parts]}
        self.put("mask", value, typing=typing)

    def request(self, model: int, image: int, folder: Path) -> dict[str, Any]:
        """Say which prediction is wanted."""
        data, base = self.document.named, str(self.document.base)
        wanted = {"config": data, "base": base, "folder": str(folder)}
        return {**wanted, "model": model, "image": image}

    def images_for(self, model: int) -> list[int]:
        """Give the images that a model is for, by index."""
        name = _name(self.document.get("models", model), model)
        found = []
        for index, image in enumerate(self.document.entries("images")):
            only = image.get("models") if isinstance(image, dict) else None
            if not isinstance(only, list) or name in only:
                found.append(index)
        return found


def class_names(model: Any, base: Path) -> list[str]:
    """Name a model's classes: as listed, or from a file of one per line."""
    given = model.get("classes") if isinstance(model, dict) else None
    if isinstance(given, str) and given:
        try:
            with found(given, base).open(encoding="utf-8") as file:
                given = [line.strip() for line in file.read(LARGEST).strip().splitlines()]
        except (OSError, UnicodeDecodeError):
            return []
    names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    return [f"not {names[0]}", *names] if len(names) == 1 else names


def _name(model: Any, index: int) -> str:
    if not isinstance(model, dict):
        return tr("model %d") % (index + 1)
    factory = str(model.get("factory") or "").rpartition(":")[2]
    return str(model.get("name") or factory or tr("model %d") % (index + 1))


def _whole(text: str) -> Any:
    stripped = text.strip()
    return int(stripped) if stripped.lstrip("-").isdigit() else stripped
