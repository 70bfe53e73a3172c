"""From the text of a JSON file to data, with kind words about what is no JSON."""

import json
import math
import re
from importlib import resources
from pathlib import Path
from typing import Any

from esegeta.errors import ConfigError, Problem, join, listed, nearest, shorten

LONGEST = 300
"""Digits of a whole number; with more, it would be beyond what a float holds."""

SAID = {
    "Expecting value": "a value is missing here",
    "Expecting ':' delimiter": "a colon is missing here",
    "Expecting ',' delimiter": "a comma is missing here",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing here",
    "Extra data": "the file should end here",
    "Unterminated string starting at": (
        "the text that begins here has no closing quote; is the file cut short?"
    ),
    "Invalid control character at": "a text cannot hold a line break or a tab; is the quote missing?",
    "Invalid \\escape": r'a backslash is written twice in JSON: "C:\\data"',
    "Invalid \\uXXXX escape": r"four hexadecimal digits belong behind \u",
}
"""What the parser says, in the words of this package."""

CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
"""Bytes that stand in no text."""


class Twice(dict[str, Any]):
    """An object in which keys stand more than once; it keeps their names until they are told."""

    keys_twice: tuple[str, ...] = ()


class NumberError(ValueError):
    """A number that JSON, or a computer, does not have."""

    def __init__(self, token: str, message: str) -> None:
        super().__init__(message)
        self.token = token


def locate(path: Path) -> Path:
    """Find the config file; a bare name such as ``demo`` may be one that esegeta brings.

    Raises
    ------
    ConfigError
        Where there is no such file.
    """
    if path.is_file():
        return path
    shipped = {Path(item.name).stem: item for item in _shipped()}
    if str(path) in shipped and not path.exists():
        return shipped[str(path)]
    folder = "this is a folder; give the JSON file in it"
    message = folder if path.is_dir() else "there is no such file"
    beside = sorted(p.name for p in path.parent.glob("*.json")) if path.parent.is_dir() else []
    names = [*beside, *shipped]
    hint = listed(names) if names else None
    raise ConfigError([Problem("", message, None, hint, nearest(path.name, names))], str(path))


def _shipped() -> list[Path]:
    """List the configs that come with esegeta."""
    try:
        folder = resources.files("esegeta.configs")
    except ModuleNotFoundError:
        return []
    return [Path(str(item)) for item in folder.iterdir() if item.name.endswith(".json")]


def read(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ConfigError
        Where it cannot be read, or is no JSON: line, column and the line itself.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _error(path, f"it cannot be read: {error.strerror or error}") from error
    encoding = json.detect_encoding(content)
    if not encoding.startswith("utf-8") and _begins(content, encoding):
        raise _error(path, f"this looks like {encoding[:6].upper()}; save it as UTF-8")
    if CONTROL.search(content):
        raise _error(path, "this is no JSON file: it holds bytes that no text has")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"this is no UTF-8 text (byte {error.start}); save it as UTF-8"
        raise _error(path, message) from error
    return from_text(text, path)


def _begins(content: bytes, encoding: str) -> bool:
    """Whether the bytes, taken for this encoding, begin as JSON does."""
    start = content[:64].decode(encoding, errors="replace").lstrip()
    return start[:1] in ("{", "[", '"', "/", "#")


def from_text(text: str, source: Path) -> Any:
    """Turn JSON into data; `source` is named in errors. Raises `ConfigError`."""
    try:
        data = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise _syntax(text, error, source) from error
    except RecursionError as error:
        raise _error(source, "it is nested too deeply") from error
    except NumberError as error:
        place = _outside_texts(text).find(error.token)
        raise _at(text, place, str(error), source) from error
    problems: list[Problem] = []
    _tell_twice(data, "", problems)
    if problems:
        raise ConfigError(problems, str(source))
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) == len(pairs):
        return data
    keys = [key for key, _ in pairs]
    marked = Twice(data)
    marked.keys_twice = tuple(k for k in data if keys.count(k) > 1)
    return marked


def _constant(name: str) -> float:
    raise NumberError(name, f"{name} is no JSON number; a config holds finite numbers only")


def _integer(digits: str) -> int:
    if len(digits) > LONGEST:
        raise NumberError(digits, f"this number is too long ({len(digits)} characters)")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NumberError(digits, "this number is too large")
    return number


def _outside_texts(text: str) -> str:
    """Blank out what stands in quotes; every place stays where it is."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda found: " " * len(found.group()), text, flags=re.S)


def _tell_twice(data: Any, path: str, problems: list[Problem]) -> None:
    """Collect keys that stand twice: which one counts would be a guess."""
    for key in getattr(data, "keys_twice", ()):
        problems.append(Problem(join(path, key), "this key stands twice in its object"))
    if isinstance(data, dict):
        for key, value in data.items():
            _tell_twice(value, join(path, key), problems)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            _tell_twice(value, join(path, index), problems)


def _error(path: Path, message: str) -> ConfigError:
    return ConfigError([Problem("", message)], str(path))


def _syntax(text: str, error: json.JSONDecodeError, path: Path) -> ConfigError:
    """Say where the JSON breaks, and why in the commonest cases."""
    start = error.pos
    while start < len(text) and (text[start].isspace() or text[start] == ","):
        start += 1
    rest, place = text[start:], error.pos
    before = len(text[:start].rstrip()) - 1
    what = SAID.get(error.msg, error.msg)
    if rest.startswith(("//", "/*", "#")):
        what, place = "JSON has no comments; take this one out", start
    elif not text.strip():
        what = "the file is empty"
    elif rest[:1] in ("}", "]") and text[before] == ",":
        what, place = "JSON has no comma after the last item", before
    elif rest.startswith("'"):
        what = "JSON texts stand in double quotes"
    elif re.match(r"(true|false|null|none)\b", rest, re.IGNORECASE) and "value" in what:
        what = "JSON writes true, false and null in small letters, and null for None"
    elif not rest and what.endswith("missing here"):
        what = "the file ends here, but a bracket is still open; is it cut short?"
    return _at(text, place, what, path)


def _at(text: str, place: int, what: str, path: Path) -> ConfigError:
    """Make the error that names line and column, and shows the line."""
    line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
    lines = text.split("\n")
    shown = shorten(lines[line - 1].strip(), 100) if line <= len(lines) else None
    return ConfigError([Problem("", f"line {line}, column {column}: {what}", shown)], str(path))
