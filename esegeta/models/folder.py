"""The folder of a user's file, importable for a while."""

import contextlib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

NEVER_TWICE = frozenset(sys.stdlib_module_names) | {"esegeta", "numpy", "torch"}
"""What is in use already and breaks when it is imported a second time."""


class Folder:
    """What was imported from the folder of a user's file.

    Attributes
    ----------
    path : Path
        The folder.
    package : str
        A name of its own, so that files of one name in two folders do not clash, and files in
        it may import each other relatively.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.package = f"_esegeta_{hashlib.sha256(str(self.path).encode()).hexdigest()[:12]}"

    def run(self, file: Path) -> ModuleType:
        """Run a file of the folder as a module, afresh each time."""
        name = f"{self.package}.{file.stem.replace('.', '_')}"
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and inspect look a class's module up there
        spec.loader.exec_module(module)
        return module


@contextlib.contextmanager
def importable(path: Path) -> Iterator[Folder]:
    """Let files in a folder import their siblings; afterwards the siblings' names are free again.

    Two models whose folders both hold a `blocks.py` each get their own, and nothing else in the
    process ever meets either.
    """
    folder = Folder(path)
    names = _offered(folder.path)
    hidden = _take([name for name in names if _shadows(name, folder.path)])
    before = {_root(name) for name in sys.modules}
    _take([folder.package])
    package = ModuleType(folder.package, "Stands for the folder of a user's file.")
    package.__path__ = [str(folder.path)]
    sys.modules[folder.package] = package
    sys.path.insert(0, str(folder.path))
    importlib.invalidate_caches()  # files written since the folder was last listed
    try:
        yield folder
    except BaseException:
        _take([folder.package])
        raise
    finally:
        with contextlib.suppress(ValueError):  # the user's code may have taken it away itself
            sys.path.remove(str(folder.path))
        new = [name for name in names - before if _lies_in(sys.modules.get(name), folder.path)]
        _take(new)
        sys.modules.update(hidden)


def _root(name: str) -> str:
    return name.partition(".")[0]


def _of(root: str) -> dict[str, ModuleType]:
    """Give a top-level module and all below it, as far as they are loaded."""
    return {name: module for name, module in sys.modules.items() if _root(name) == root}


def _take(roots: Iterable[str]) -> dict[str, ModuleType]:
    """Take top-level modules, and all below them, out of those that are loaded."""
    taken = {name: module for root in roots for name, module in _of(root).items()}
    for name in taken:
        del sys.modules[name]
    return taken


def _offered(folder: Path) -> set[str]:
    """Name what can be imported from a folder."""
    names = {file.stem for file in folder.glob("*.py")}
    names |= {file.parent.name for file in folder.glob("*/*.py")}
    return {name for name in names if name.isidentifier() and name[:2] != "__"} - NEVER_TWICE


def _shadows(name: str, folder: Path) -> bool:
    """Say whether a loaded module is in the way of the folder's own of that name."""
    module = sys.modules.get(name)
    if module is None or _lies_in(module, folder):
        return False
    # As in any import, a folder without __init__.py comes only after a real module.
    real = (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()
    return real or getattr(module, "__file__", None) is None


def _lies_in(module: ModuleType | None, folder: Path) -> bool:
    """Say whether a top-level module is a file or a package directly in the folder."""
    file = getattr(module, "__file__", None)
    places = [Path(place).resolve().parent for place in getattr(module, "__path__", [])]
    return folder in places or (file is not None and Path(file).resolve().parent == folder)
