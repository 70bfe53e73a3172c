"""From the text of a JSON file to data, with kind words about what is no JSON."""

import json
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from esegeta.errors import ConfigError, Problem, listed, nearest, shorten


class Twice(dict[str, Any]):
    """An object in which keys stand more than once; it keeps their names until they are told."""

    keys_twice: tuple[str, ...] = ()


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
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _error(path, f"it cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _error(path, f"it is no UTF-8 text (byte {error.start})") from error
    return from_text(text, path)


def from_text(text: str, source: Path) -> Any:
    """Turn JSON into data; `source` is named in errors. Raises `ConfigError`."""
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise _syntax(text, error, source) from error
    except RecursionError as error:
        raise _error(source, "it is nested too deeply") from error
    except ValueError as error:  # NaN, or a number of thousands of digits
        raise _error(source, str(error)) from error
    problems: list[Problem] = []
    _tell_twice(data, "", problems)
    if problems:
        raise ConfigError(problems, str(source))
    return data


def join(path: str, key: str | int) -> str:
    """Add a key or an index to a JSON path: ``methods[1].with``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not key.replace("_", "a").replace("-", "a").isalnum():
        return f"{path}[{json.dumps(key)}]"
    return f"{path}.{key}" if path else key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) == len(pairs):
        return data
    keys = [key for key, _ in pairs]
    marked = Twice(data)
    marked.keys_twice = tuple(k for k in data if keys.count(k) > 1)
    return marked


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number; a config holds finite numbers only")


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
    if rest.startswith(("//", "/*", "#")):
        what, place = "JSON has no comments; take this one out", start
    elif not text.strip():
        what = "the file is empty"
    elif rest[:1] in ("}", "]") and text[before] == ",":
        what, place = "JSON has no comma after the last item", before
    elif rest.startswith("'"):
        what = "JSON texts stand in double quotes"
    else:
        what = error.msg
    line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
    lines = text.split("\n")
    shown = shorten(lines[line - 1].strip(), 100) if line <= len(lines) else None
    return ConfigError([Problem("", f"line {line}, column {column}: {what}", shown)], str(path))
