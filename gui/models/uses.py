"""Uses of plug-ins in a list of the config: a name as a text, or an object with what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..document import Document
from .catalogue import Catalogue, Entry
from .form import Field


class UsesModel:
    """Edits the uses in a list; an entry that is a text becomes an object where it must.

    Attributes
    ----------
    KEY : str
        The config's key of the list.
    PART : str
        What the schema calls an entry of it.
    MORE : tuple of str
        The keys of an entry that are edited beside its parameters.
    """

    KEY: str
    PART: str
    MORE: tuple[str, ...]

    def __init__(self, document: Document, catalogue: Catalogue | None = None) -> None:
        self.document = document
        self.catalogue = catalogue or Catalogue()

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The plug-ins there are, by name."""
        raise NotImplementedError

    def title(self, entry: Any) -> str:
        """Name a use as its results will be named."""
        use = use_of(entry) or "?"
        name = entry.get("name") if isinstance(entry, dict) else None
        return f"{name} ({use})" if isinstance(name, str) and name != use else use

    def entry(self, index: int) -> Entry | None:
        """Give what is known of the plug-in that a use is of."""
        return self.entries.get(use_of(self.document.get(self.KEY, index)) or "")

    def fields(self, index: int) -> list[Field]:
        """Give the parameters of a use; those that the plug-in does not know are shown too."""
        entry = self.entry(index)
        known = list(entry.parameters) if entry else []
        names = {field.key for field in known}
        given = self.document.part(self.KEY, index, "with")
        return known + [Field(key, "mixed") for key in given if key not in names]

    def more(self, index: int) -> list[Field]:
        """Give the other keys of a use."""
        keys = self.keys(index)
        return [field for field in self.catalogue.part(self.PART) if field.key in keys]

    def keys(self, index: int) -> tuple[str, ...]:
        """Name the other keys of a use that have a meaning for its plug-in."""
        return self.MORE

    def set(self, index: int, keys: Sequence[str], value: Any, *, typing: bool = False) -> None:
        """Set a value of a use."""
        entry = self.document.get(self.KEY, index)
        if isinstance(entry, str):
            # In one edit, so that one undo takes it back.
            whole: Any = {"use": entry}
            self.document.set((self.KEY, index), _nested(whole, keys, value), typing=typing)
        else:
            self.document.set((self.KEY, index, *keys), value, typing=typing)

    def reset(self, index: int, keys: Sequence[str]) -> None:
        """Take a value away, so that the default counts."""
        self.document.remove((self.KEY, index, *keys))


def use_of(entry: Any) -> str | None:
    """Give the plug-in that an entry uses, written as a text or an object."""
    use = entry.get("use") if isinstance(entry, dict) else entry
    return use if isinstance(use, str) else None


def _nested(whole: dict[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys[1:]):
        value = {key: value}
    return {**whole, keys[0]: value}
