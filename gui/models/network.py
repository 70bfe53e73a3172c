"""The model page: networks of the config, the classes a file defines, and what a check found."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..document import Document, Place
from ..language import tr
from ..paths import found, written
from .form import MISSING, Field, field_of

PATHS = ("weights", "file")
HIDDEN = ("factory", "file", "arguments", "preprocess", "target", "patches")
"""Keys of a model that have widgets of their own, or are edited elsewhere."""

DEFINED = re.compile(r"^(?:class|def) (\w+)", re.MULTILINE)
IMPORTED = re.compile(r"^from (\.|[\w.]+\.)(\w+) import (?:\(([^)]*)\)|([\w, ]+|\*))", re.MULTILINE)
"""``from .inner import a, b``: the package or a dot, the module, and the names; ``*`` are all."""

KINDS = {bool: "boolean", int: "integer", float: "number", str: "string"}


@dataclass(frozen=True)
class Callee:
    """A class or function that a file defines, with what it can be called with."""

    name: str
    arguments: tuple[Field, ...] = ()
    summary: str = ""


@dataclass
class Layer:
    """A layer of a checked network, with those inside it."""

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    inner: list[Layer] = field(default_factory=list)


class NetworkModel:
    """Edits the networks of a config."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def titles(self) -> list[str]:
        """Name each network as results will."""
        return [self._title(entry) for entry in self.document.entries("models")]

    def _title(self, entry: Any) -> str:
        if not isinstance(entry, dict):
            return "?"
        text = entry.get("name") or str(entry.get("factory") or "").rpartition(":")[2]
        return str(text or Path(str(entry.get("file") or tr("new model"))).stem)

    def add(self) -> int:
        """Add an empty network; give its index."""
        return self.document.append(("models",), {"task": "classification"})

    def place_of_file(self, index: int) -> tuple[str, str]:
        """Give file (or package) and name of the factory."""
        factory = self.document.get("models", index, "factory")
        if not isinstance(factory, str):
            return "", ""
        place, _, name = factory.rpartition(":")
        return (place, name) if place else (name, "")

    def set_factory(self, index: int, place: str, name: str, *, typing: bool = False) -> None:
        """Name the factory; a saved network is then no longer meant."""
        entry = dict(self.document.part("models", index))
        entry.pop("file", None)
        entry["factory"] = f"{place}:{name}"
        self.document.set(("models", index), entry, typing=typing)

    def pick(self, index: int, path: Path) -> None:
        """Take a file that was picked: source code, a saved network, or weights."""
        text = written(path, self.document.base, saved=self.document.file is not None)
        if path.suffix == ".py":
            callees = callees_of(path)
            self.set_factory(index, text, callees[0].name if callees else "")
        elif self.document.get("models", index, "factory") and path.suffix != ".pt2":
            self.document.set(("models", index, "weights"), text)
        else:
            entry = dict(self.document.part("models", index))
            entry.pop("factory", None)
            self.document.set(("models", index), {**entry, "file": text})

    def callees(self, index: int) -> list[Callee]:
        """List what the factory's file or package defines; nothing where it cannot be read."""
        place, name = self.place_of_file(index)
        if place.endswith(".py"):
            return callees_of(found(place, self.document.base))
        source = source_of(place)
        names = exported(source, place) if source is not None else {}
        known = callees_of(names[name]) if name in names else []
        chosen = {callee.name: callee for callee in known}
        return [chosen.get(other, Callee(other)) for other in names]

    def arguments(self, index: int) -> list[Field]:
        """Give the arguments of the factory, and those given that it does not seem to take."""
        _, name = self.place_of_file(index)
        known = next((c.arguments for c in self.callees(index) if c.name == name), ())
        names = {argument.key for argument in known}
        given = self.document.part("models", index, "arguments")
        return [*known, *(Field(key, "mixed") for key in given if key not in names)]

    def place(self, index: int, *keys: str) -> Place:
        """Give the place of a value of a network."""
        return ("models", index, *keys)

    def request(self, index: int) -> dict[str, Any]:
        """Say what is to be checked; images that a glob of many files means count as one."""
        return {"config": self.document.named, "base": str(self.document.base), "model": index}


def source_of(name: str) -> Path | None:
    """Find the file of a module by its dotted name, without importing anything; None where none is."""
    folders: Sequence[str] | None = None
    source = None
    for part in name.split(".") if all(map(str.isidentifier, name.split("."))) else ():
        # Only the first part may be kept elsewhere than on the path, as what is being developed.
        try:
            spec = find_spec(part) if folders is None else PathFinder.find_spec(part, folders)
        except ValueError:  # a module that nobody has found, as the program itself
            return None
        if spec is None:
            return None
        source, folders = spec.origin, spec.submodule_search_locations or []
    return Path(source) if source is not None and source.endswith(".py") else None


@lru_cache(maxsize=8)
def _exported(path: Path, package: str, _: float) -> dict[str, Path]:
    """Name what a module defines, and what it takes from modules of its package, with their files.

    Texts are only searched, not parsed: large packages hold a megabyte of code.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    made = dict.fromkeys(DEFINED.findall(text), path)
    for module, inner, several, single in IMPORTED.findall(text):
        if module not in (".", f"{package}."):
            continue
        file = path.parent / f"{inner.replace('.', '/')}.py"
        if file.is_file():
            there = DEFINED.findall(file.read_text(encoding="utf-8", errors="replace"))
            listed = re.findall(r"(\w+)(\s+as\b)?", several or single)
            named = {name for name, renamed in listed if not renamed} or set(there)
            made |= {name: file for name in there if name in named and name not in made}
    return {name: file for name, file in made.items() if not name.startswith("_")}


def exported(path: Path, package: str) -> dict[str, Path]:
    """Name the classes and functions that a module offers, with the files that define them."""
    try:
        return _exported(path, package, path.stat().st_mtime)
    except OSError:
        return {}


def callees_of(path: Path) -> list[Callee]:
    """Read classes and functions off a source file, without running it; networks first."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    except SystemError:  # Python 3.11 raises it where another thread parses at the same time
        return []
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    networks = [node for node in classes if any("Module" in ast.unparse(b) for b in node.bases)]
    # A network that other networks of the file hold is rarely the one that is meant.
    inner = {
        call.func.id
        for node in classes
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }
    networks.sort(key=lambda node: node.name in inner)
    others = [node for node in classes if node not in networks]
    made = [_class(node) for node in (*networks, *others)]
    made += [_callee(node.name, node, node.args.args) for node in functions]
    return [callee for callee in made if not callee.name.startswith("_")]


def _class(node: ast.ClassDef) -> Callee:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            made = _callee(node.name, inner, inner.args.args[1:])
            return Callee(made.name, made.arguments, _summary(node))
    return Callee(node.name, (), _summary(node))


def _callee(name: str, node: ast.FunctionDef, arguments: list[ast.arg]) -> Callee:
    defaults: list[ast.expr | None] = [None] * (len(arguments) - len(node.args.defaults))
    pairs = [*zip(arguments, [*defaults, *node.args.defaults], strict=False)]
    pairs += [*zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
    return Callee(name, tuple(_argument(one, value) for one, value in pairs), _summary(node))


def _summary(node: ast.ClassDef | ast.FunctionDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0]


def _argument(argument: ast.arg, default: ast.expr | None) -> Field:
    """Make a field of an argument: its type by annotation or default, as far as these tell."""
    value = _literal(default) if default is not None else MISSING
    annotation = ast.unparse(argument.annotation) if argument.annotation is not None else ""
    kinds = {kind.__name__: name for kind, name in KINDS.items()}
    kind = kinds.get(annotation) or (KINDS.get(type(value)) if value is not MISSING else None)
    valid = annotation or ("" if default is None else tr("like %s") % ast.unparse(default))
    if kind is None:
        return Field(argument.arg, "mixed", "", value, required=default is None, valid=valid)
    return field_of(
        argument.arg,
        {"type": kind, **({} if value is MISSING else {"default": value})},
        {},
        required=default is None,
    )


def _literal(node: ast.expr) -> Any:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return MISSING
    value = list(value) if isinstance(value, tuple) else value
    return value if isinstance(value, bool | int | float | str | list) or value is None else MISSING


def tree_of(layers: list[Mapping[str, Any]]) -> list[Layer]:
    """Arrange layers, by the dots in their names, as a tree."""
    nodes: dict[str, Layer] = {}
    roots: list[Layer] = []
    for facts in layers:
        _node(str(facts["name"]), nodes, roots).facts = facts
    return roots


def _node(name: str, nodes: dict[str, Layer], roots: list[Layer]) -> Layer:
    if name not in nodes:
        nodes[name] = Layer(name)
        above, dot, _ = name.rpartition(".")
        (_node(above, nodes, roots).inner if dot else roots).append(nodes[name])
    return nodes[name]


def size_of(shape: Any) -> str:
    """Write a shape: ``1 × 16 × 32 × 32``."""
    return " × ".join(map(str, shape)) if shape else ""
