"""What is installed, what is missing, and what would keep a run from working."""

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from esegeta.libraries import mend_torchvision
from esegeta.version import __version__

State = Literal["ok", "missing", "broken"]

NEEDED = (
    "torch",
    "numpy",
    "scipy",
    "captum",
    "nibabel",
    "torchio",
    "scikit-image",
    "matplotlib",
    "pillow",
    "pydantic",
    "typer",
    "rich",
    "safetensors",
    "pebble",
)
EXTRAS = {
    "gui": ("PySide6-Essentials", "pyqtgraph"),
    "methods": ("lime", "shap"),
    "ray": ("ray",),
    "torchray": ("torchray",),
    "lucent": ("torch-lucent",),
    "quantus": ("quantus",),
}
MODULES = {
    "scikit-image": "skimage",
    "pillow": "PIL",
    "PySide6-Essentials": "PySide6",
    "torch-lucent": "lucent",
}
"""What a distribution is imported as, where that differs from its name."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
    state : {"ok", "missing", "broken"}
        What is missing is optional; what is broken keeps something from working.
    detail : str
        A version, a size, or what is wrong.
    remedy : str
        What to do about it; empty where it is well.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at Python, libraries, devices, memory and the places that are written to."""
    return [*_python(), *_libraries(), *_extras(), _torchvision(), *_devices(), *_machine()]


def _python() -> Iterator[Finding]:
    yield Finding("esegeta", "ok", __version__)
    yield Finding("Python", "ok", f"{platform.python_version()} at {sys.executable}")


def _libraries() -> Iterator[Finding]:
    for name in NEEDED:
        version = _version(name)
        if version is None:
            yield Finding(name, "broken", "not installed", "pip install --upgrade esegeta")
            continue
        trouble = _import(MODULES.get(name, name))
        if trouble:
            remedy = f"pip install --force-reinstall {name}=={version}"
            yield Finding(name, "broken", f"{version}, but its import fails: {trouble}", remedy)
        else:
            yield Finding(name, "ok", version)


def _extras() -> Iterator[Finding]:
    for extra, names in EXTRAS.items():
        missing = [name for name in names if _version(name) is None]
        label = f"extra {extra}"
        if missing:
            detail = f"{', '.join(missing)} not installed"
            yield Finding(label, "missing", detail, f'pip install "esegeta[{extra}]"')
        else:
            yield Finding(label, "ok", ", ".join(f"{name} {_version(name)}" for name in names))


def _torchvision() -> Finding:
    """Look whether torchvision fits torch: a broken one is worse than none."""
    version = _version("torchvision")
    if version is None:
        return Finding("torchvision", "missing", "not installed; only models of its own need it")
    mended = _import("torch") is None and mend_torchvision()
    trouble = _import("torchvision")
    if trouble is None:
        without = ", without its operators (nms, detection models): not built for this torch"
        return Finding("torchvision", "ok", version + without * mended)
    return Finding(
        "torchvision",
        "broken",
        f"{version} does not fit torch {_version('torch')}: {trouble}",
        "install the build made for your torch, or take it away: pip uninstall torchvision",
    )


def _devices() -> Iterator[Finding]:
    if _import("torch"):
        return
    import torch

    yield Finding(
        "CPU", "ok", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads"
    )
    if not torch.cuda.is_available():
        built = torch.version.cuda
        reason = "torch is a CPU build" if built is None else f"torch for CUDA {built} finds none"
        yield Finding("CUDA", "missing", reason)
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        yield Finding(f"cuda:{index}", "ok", f"{facts.name}, {facts.total_memory / 1e9:.0f} GB")
    if torch.backends.mps.is_available():
        yield Finding("mps", "ok", "Apple GPU")


def _machine() -> Iterator[Finding]:
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        yield Finding("memory", "ok", f"{total / 1e9:.0f} GB")
    here = os.getcwd()  # noqa: PTH109  (a folder that was deleted has no Path.cwd either)
    try:
        with tempfile.TemporaryFile(dir=here):
            free = shutil.disk_usage(here).free
    except OSError as error:
        remedy = "run elsewhere, or name a folder with --output"
        yield Finding("output here", "broken", f"{here}: {error.strerror}", remedy)
    else:
        yield Finding("output here", "ok", f"{here} can be written, {free / 1e9:.0f} GB free")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _import(module: str) -> str | None:
    """Import a module, and give the reason where that fails."""
    try:
        importlib.import_module(module)
    # A library that does not fit raises RuntimeError, OSError or AttributeError as well.
    except Exception as error:
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return None
