"""Errors whose message is written for the person at the terminal."""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SHOWN = 12
"""How many valid names a message lists before it only counts them."""


class EsegetaError(Exception):
    """Something the user can mend; the message says what, where, and what would be valid."""


class PluginError(EsegetaError):
    """A plug-in is missing, broken, or written against the contract."""


class ModelError(EsegetaError):
    """A model cannot be built, loaded, or run."""


class ImageError(EsegetaError):
    """An image cannot be read, prepared, or given to this model."""


class TargetError(EsegetaError):
    """What is to be explained does not exist in this image or model."""


class MethodError(EsegetaError):
    """A method cannot be applied here."""


class RunError(EsegetaError):
    """A run cannot be started, continued, or written."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a config.

    Parameters
    ----------
    path : str
        Where it stands in the JSON file, as ``methods[1].with.steps``; empty for the file itself.
    message : str
        What is wrong, without value and remedy.
    value : str, optional
        The offending value, shortened.
    valid : str, optional
        What would be valid there.
    nearest : str, optional
        The valid name most like the one given.
    """

    path: str
    message: str
    value: str | None = None
    valid: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        """Path, message and value on one line; what would be valid on a second."""
        first = f"{self.path}: {self.message}" if self.path else self.message
        if self.value is not None:
            first += f" (here: {self.value})"
        hints = []
        if self.nearest is not None:
            hints.append(f"did you mean {self.nearest!r}?")
        if self.valid is not None:
            hints.append(f"valid: {self.valid}")
        return first + ("\n    " + " · ".join(hints) if hints else "")


class ConfigError(EsegetaError):
    """A config is wrong; `problems` holds everything that is, not only the first.

    Parameters
    ----------
    problems : sequence of Problem
    source : str
        The file they stand in, for the message.
    """

    def __init__(self, problems: Sequence[Problem], source: str = "the config") -> None:
        super().__init__(problems, source)
        self.problems = list(problems)
        self.source = source

    def __str__(self) -> str:
        """Every problem under one heading that counts them."""
        heading = f"{self.source} has {counted(len(self.problems), 'problem')}:"
        return "\n".join([heading, *(f"  {p}" for p in self.problems)])


def join(path: str, key: str | int) -> str:
    """Add a key or an index to a JSON path: ``methods[1].with``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not key.replace("_", "a").replace("-", "a").isalnum():
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key


def dangling(path: Path) -> str | None:
    """Say where a link leads, if it leads nowhere."""
    if path.is_symlink() and not path.exists():
        return f"a link to {str(path.readlink())!r}, which is not there"
    return None


def counted(number: int, noun: str) -> str:
    """Give a number of things in words: 1 voxel, 2 voxels."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"


def shorten(value: object, limit: int = 60) -> str:
    """Give the repr of `value`, cut in the middle where it is longer than `limit` characters."""
    text = repr(value)
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Find the valid name most like `name`, or None where none is like it.

    Case is forgiven, and so is leaving out what stands before a dot (``lift`` for ``captum.lift``).
    """
    whole: dict[str, str] = {}
    last: dict[str, str] = {}
    for candidate in valid:
        whole.setdefault(candidate.lower(), candidate)
        last.setdefault(candidate.lower().rpartition(".")[2], candidate)
    for names, cutoff in ((whole, 0.6), (last, 0.8)):
        found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=cutoff)
        if found:
            return names[found[0]]
    return None


def listed(valid: Iterable[str]) -> str:
    """List names for a message: the first twelve, then how many more there are."""
    names = list(valid)
    text = ", ".join(names[:SHOWN])
    return text if len(names) <= SHOWN else f"{text}, and {len(names) - SHOWN} more"


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """Say that a name does not exist, which one it may have been, and which there are."""
    names = list(valid)
    if not names:
        return f"there is no {kind} {name!r}; there are none at all"
    guess = nearest(name, names)
    hint = f"did you mean {guess!r}? There are" if guess else "there are"
    return f"there is no {kind} {name!r}; {hint}: {listed(names)}"
