"""Loads the files that hold plug-ins, and says why where one cannot be loaded."""

import ast
import contextlib
import hashlib
import importlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata, util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from esegeta.ctrl_c import CtrlC
from esegeta.errors import PluginError
from esegeta.plugin import FAMILIES, Plugin, plugin_of

BUILT_IN = "built-in"
"""Where the plug-ins that come with esegeta come from, as `Registry.origin` says it."""

GROUP = "esegeta.plugins"
PACKAGE = "esegeta.plugins"
FOLDERS = {
    "attribution": "attribution",
    "layer_attribution": "layer_attribution",
    "explainability": "explainability",
    "wrappers": "wrapper",
    "metrics": "metric",
    "training": "training",
}
"""The sub-folders of the built-in plug-ins, and the family each is for."""

EXTRAS = {
    "lime": "methods",
    "shap": "methods",
    "sklearn": "methods",
    "torchray": "torchray",
    "lucent": "lucent",
    "quantus": "quantus",
    "lightning": "train",
    "optuna": "train",
}
"""Which extra of esegeta brings a module."""


@dataclass(frozen=True)
class Unavailable:
    """A plug-in, or a whole file of them, that was found and cannot be used.

    Parameters
    ----------
    name : str
        The plug-in's name; the file's stem or the entry point's name where no plug-in can be
        read off the file.
    family : str or None
        Its family, where known.
    source : str
        The file or entry point.
    reason, remedy : str
        Why, and what would mend it.
    """

    name: str
    family: str | None
    source: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Found:
    """What one file or entry point gave."""

    origin: str
    plugins: list[Plugin] = field(default_factory=list)
    unavailable: list[Unavailable] = field(default_factory=list)


class SourceOnly(SourceFileLoader):
    """Always compiles the source.

    Bytecode caches go by the second and the size, and so miss a quick edit; nor is it for us to
    write into the user's folder.
    """

    def get_code(self, fullname: str) -> CodeType:
        """Compile the file as it is now."""
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def built_in() -> list[Found]:
    """Load the plug-ins that come with esegeta.

    Raises
    ------
    PluginError
        Where the installation lacks them altogether.
    """
    try:
        packages = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in FOLDERS}
    except ModuleNotFoundError as error:
        raise PluginError(
            f"esegeta is not installed whole ({error}); pip install it again"
        ) from error
    found = []
    for name, package in packages.items():
        for path in _files(Path(package.__path__[0])):
            module = f"{package.__name__}.{path.stem}"
            found.append(_load(path, BUILT_IN, module, FOLDERS[name]))
    return found


def folder(path: Path) -> list[Found]:
    """Load each plug-in file that lies directly in a folder."""
    return [_load(file, str(path)) for file in _files(path)]


def entry_points() -> list[Found]:
    """Load what other installed packages offer: a module of plug-ins, or one decorated function."""
    found = []
    for point in metadata.entry_points(group=GROUP):
        origin = f"entry point {point.name}"
        with CtrlC():
            found.append(_point(point, origin))
    return found


def _point(point: metadata.EntryPoint, origin: str) -> Found:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            target = point.load()
        plugins = _plugins(target) if isinstance(target, ModuleType) else [plugin_of(target)]
    except BaseException as error:
        file = origin if point.dist is None else f"{origin} of {point.dist.name}"
        reason = _reason(error, point.value)
        lost = Unavailable(point.name, None, file, reason, _remedy(error, file))
        return Found(origin, [], [lost])
    return Found(origin, plugins)


def modules(package: ModuleType) -> Iterator[ModuleType | Unavailable]:
    """Import the files of a built-in package that hold something else than plug-ins."""
    for path in _files(Path(package.__path__[0])):
        with CtrlC():
            found = _module(path, f"{package.__name__}.{path.stem}")
        yield found


def _module(path: Path, name: str) -> ModuleType | Unavailable:
    try:
        return _import(path, name)
    except BaseException as error:
        return _lost(path.stem, None, path, error)


def _import(path: Path, module: str | None) -> ModuleType:
    """Import a file by its module's name or, without one, by its path."""
    # What it prints on import must not mix with our output (`esegeta schema > file`).
    with contextlib.redirect_stdout(sys.stderr):
        return importlib.import_module(module) if module else _by_path(path)


def _lost(name: str, family: str | None, path: Path, error: BaseException) -> Unavailable:
    file = str(path)
    return Unavailable(name, family, file, _reason(error, file), _remedy(error, file))


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.glob("*.py") if p.name[0] not in "._" and p.is_file())


def _load(path: Path, origin: str, module: str | None = None, family: str | None = None) -> Found:
    """Import one file, and take its plug-ins.

    Whatever it raises makes it unavailable; only the user's own Ctrl-C goes on.
    """
    with CtrlC():
        return _imported(path, origin, module, family)


def _imported(path: Path, origin: str, module: str | None, family: str | None) -> Found:
    try:
        plugins = _plugins(_import(path, module))
    except BaseException as error:
        names = _declared(path) or [(path.stem, family)]
        lost = [_lost(name, kind, path, error) for name, kind in dict.fromkeys(names)]
        return Found(origin, [], lost)
    # A training may have the name of the method that reads what it makes.
    written = [(name, kind == "training") for name, kind in _declared(path)]
    twice = {pair for pair in written if written.count(pair) > 1}
    double = [plugin for plugin in plugins if (plugin.name, plugin.trains) in twice]
    kept = [plugin for plugin in plugins if plugin not in double]
    return Found(origin, kept, [_twice(plugin) for plugin in double])


def _by_path(path: Path) -> ModuleType:
    """Import a file under a name that no other file has; leave no trace where that fails."""
    name = f"esegeta_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    spec = util.spec_from_file_location(name, path, loader=SourceOnly(name, str(path)))
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} cannot be imported")
    module = util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


def _plugins(module: ModuleType) -> list[Plugin]:
    """Give the plug-ins that are written in a module, not those it imports from another."""
    own = [v for v in vars(module).values() if getattr(v, "__module__", None) == module.__name__]
    found = [getattr(value, "__esegeta__", None) for value in own]
    return list({id(p): p for p in found if isinstance(p, Plugin)}.values())


def _declared(path: Path) -> list[tuple[str, str | None]]:
    """Read name and family of each plug-in off the source, without running it."""
    try:
        return list(_written(path.read_bytes()))
    except (SyntaxError, ValueError, OSError):
        return []


@lru_cache(maxsize=1024)  # files are looked through at every start of a run, and seldom change
def _written(source: bytes) -> tuple[tuple[str, str | None], ...]:
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return tuple(found for node in functions for found in _declarations(node))


def _declarations(node: ast.FunctionDef) -> Iterator[tuple[str, str | None]]:
    for call in node.decorator_list:
        if not isinstance(call, ast.Call):
            continue
        decorator = call.func
        family = decorator.attr if isinstance(decorator, ast.Attribute) else None
        family = decorator.id if isinstance(decorator, ast.Name) else family
        if family in FAMILIES:
            keywords = {k.arg: k.value for k in call.keywords}
            library = getattr(keywords.get("library"), "value", None)
            method = getattr(keywords.get("method"), "value", None)
            name = method if isinstance(method, str) else node.name
            yield f"{library}.{name}" if isinstance(library, str) else name, family


def _twice(plugin: Plugin) -> Unavailable:
    """Say that the second function of a name hides the first."""
    reason = f"{plugin.source} defines two plug-ins of this name"
    return Unavailable(
        plugin.name, plugin.family, str(plugin.source), reason, "rename one of the two functions"
    )


def _reason(error: BaseException, source: str) -> str:
    """Say what went wrong, with the line where it did."""
    if isinstance(error, PluginError):
        return str(error)
    kind = type(error).__name__
    what = f"{kind}: {error}".removesuffix(": ")
    if isinstance(error, SyntaxError):
        text = f": {error.text.strip()}" if error.text else ""
        return f"{kind} in {error.filename or source}, line {error.lineno}: {error.msg}{text}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == source]
    where = f" ({source}, line {lines[-1]})" if lines else ""
    return f"{what}{where}"


def _remedy(error: BaseException, source: str) -> str:
    """Say what would mend it: an extra to install, or the file to change."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        module = error.name.partition(".")[0]
        if module in EXTRAS:
            return f"pip install 'esegeta[{EXTRAS[module]}]'"
        return f"install the package that brings the module {module!r}, or mend {source}"
    return f"mend {source}"
