"""The code that something in a config stands on, as facts to be hashed; none of it is run."""

import ast
import importlib.util
import modulefinder
import os
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from importlib.metadata import distribution, packages_distributions, version
from pathlib import Path

from esegeta.errors import RunError
from esegeta.runs.hashes import sha256

MOST = 20_000
"""Source files of one package; more is some folder that merely looks like one."""

INSTALLED = {"site-packages", "dist-packages"}
"""Folders of what pip or the system has installed: a version says what is in them."""

Facts = list[tuple[str, str | None]]
"""Names with a hash or a version each."""


@lru_cache(maxsize=1024)
def of_factory(factory: str) -> Facts:
    """Tell what ``file.py:Class`` or ``package.module:callable`` stands on.

    A file stands on what it imports from its own folder; a module on every source file of its
    top-level package, or on the version where that is an installed one. Remembered until `forget`.

    Raises
    ------
    RunError
        Where a package holds more files than any does.
    """
    where, _, name = factory.rpartition(":")
    if where.endswith(".py"):
        return [(name, None), *((path.name, content(path)) for path in imported(Path(where)))]
    return [(f"{where}:{name}", None), *_of_package(where.partition(".")[0])]


def forget() -> None:
    """Look anew at the code of factories: it may have been changed, as from a notebook."""
    of_factory.cache_clear()


def of_library(name: str) -> Facts:
    """Tell the releases of the distributions that bring a top-level module."""
    return [(one, release(one)) for one in sorted(set(_installed().get(name, ())))]


def release(distribution: str) -> str:
    """Tell the version of what is installed, without how it was compiled: 2.8.0 of 2.8.0+cu128."""
    return version(distribution).partition("+")[0]


def content(path: Path | str) -> str | None:
    """Hash a file's content; None where there is none."""
    path = Path(path)
    try:
        facts = path.stat()
    except OSError:
        return None
    return _content(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=MOST)
def _content(path: Path, _modified: int, _size: int) -> str | None:
    """Hash a file; remembered until it is touched, as a weights file serves many jobs."""
    return sha256(path)


def imported(script: Path) -> tuple[Path, ...]:
    """Find a script and all it imports from its own folder."""
    finder = modulefinder.ModuleFinder(path=[str(script.parent)])
    try:
        finder.run_script(str(script))
    except (OSError, SyntaxError):
        return (script,)
    found = (getattr(module, "__file__", None) for module in finder.modules.values())
    files = {Path(file) for file in found if file}
    return (script, *sorted(files - {script}))


def beside(source: Path) -> tuple[Path, ...]:
    """Find a source file and all it imports relatively (``from ._helper import f``), at any depth."""
    found: dict[Path, None] = {}
    pending = [source]
    while pending:
        file = pending.pop()
        if file not in found and file.is_file():
            found[file] = None
            pending.extend(_relative(file))
    return (source, *sorted(found.keys() - {source}))


def _relative(file: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # no plug-in is found in it
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            home = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            yield from (home.with_suffix(".py"), home / "__init__.py")
            yield from (home / f"{name.name}.py" for name in node.names)


def _of_package(name: str) -> Facts:
    try:
        found = importlib.util.find_spec(name)  # of a top-level name: nothing is imported for it
    except (ImportError, ValueError):
        found = None
    if found is None:
        return []  # loading the model says so
    folders = [Path(place) for place in found.submodule_search_locations or ()]
    places = folders or [Path(found.origin or "")]
    owners = _installed().get(name) if any(INSTALLED & set(p.parts) for p in places) else None
    if owners:
        return [fact for owner in sorted(set(owners)) for fact in _of_distribution(owner)]
    if not folders:
        return [(path.name, content(path)) for path in imported(places[0])]
    return [
        (str(path.relative_to(folder)), content(path))
        for folder in folders
        for path in sorted(_sources(folder))
    ]


def _of_distribution(name: str) -> Facts:
    """Tell a version, and whether it was installed anew from other code without another number."""
    record = distribution(name).read_text("RECORD") or ""
    files = sorted(line for line in record.splitlines() if ".py,sha256=" in line)
    return [(name, version(name)), *((line, None) for line in files)]


def _sources(folder: Path) -> Iterator[Path]:
    """Find the code of a package, in all folders that can be imported from."""
    count = 0
    for place, below, files in os.walk(folder):
        below[:] = [name for name in below if name.isidentifier() and name != "__pycache__"]
        for name in files:
            if name.endswith((*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)):
                yield Path(place, name)
                count += 1
        if count > MOST:
            raise RunError(
                f"the package {folder} holds more than {MOST:,} source files; name the factory by "
                "its file ('path/file.py:Class'), or put its package into a folder of its own"
            )


@lru_cache(maxsize=1)
def _installed() -> dict[str, list[str]]:
    """Name the distributions that bring each top-level module."""
    return dict(packages_distributions())
