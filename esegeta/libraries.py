"""Libraries that an adapter needs, and torchvision, which a CPU torch cannot import as it is shipped."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import BuiltinFunctionType, ModuleType
from typing import Any

from esegeta.discovery import EXTRAS
from esegeta.errors import EsegetaError, MethodError

OPERATORS = ("nms", "qnms")
"""What torchvision looks for when it is imported."""

_declared: list[Any] = []
"""Operators live as long as the object that declared them."""


def import_library(name: str) -> ModuleType:
    """Import a library for an adapter, by the name of one of its modules.

    Raises
    ------
    MethodError
        If it is not installed (with the extra that brings it) or cannot be imported.
    """
    mend_torchvision()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MethodError(_absent(error.name or name)) from error
    # A library that does not fit raises RuntimeError, OSError or AttributeError as well.
    except Exception as error:
        raise MethodError(
            f"{name} is installed, but its import fails ({type(error).__name__}: {error}); install it "
            "again, in the release that esegeta names."
        ) from error


def _absent(module: str) -> str:
    """Say what brings a module that is not installed."""
    top = module.partition(".")[0]
    remedy = f'"esegeta[{EXTRAS[top]}]"' if top in EXTRAS else top
    return f"The library {top} is not installed: pip install {remedy}"


@contextmanager
def library_call(what: str) -> Iterator[None]:
    """Let a library work, and tell what it raises as a refused job.

    What it has put in place of functions of `torch` and `torch.nn.functional` is taken back.

    Parameters
    ----------
    what : str
        Of which library which method, for the sentence: ``"Captum's LRP"``.

    Raises
    ------
    MethodError
        If the library raises anything but that memory ran out.
    """
    import torch
    import torch.nn.functional as F

    names = [
        (torch, name) for name, one in vars(torch).items() if isinstance(one, BuiltinFunctionType)
    ]
    names += [(F, name) for name in vars(F)]
    functions = [(where, name, getattr(where, name)) for where, name in names]
    with warnings.catch_warnings():
        # They announce hooks that are taken back afterwards, what will change in other releases, …
        warnings.simplefilter("ignore")
        try:
            yield
        except (EsegetaError, torch.OutOfMemoryError):
            raise
        except ModuleNotFoundError as error:
            raise MethodError(_absent(error.name or what)) from error
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise MethodError(f"{what} does not work on this model: {reason}") from error
        finally:
            for where, name, function in functions:
                setattr(where, name, function)


def mend_torchvision() -> bool:
    """Let torchvision be imported beside a CPU torch, where its operators cannot be loaded.

    Its usual wheel is linked with CUDA. Beside a CPU torch its operators do not load, and its import
    then fails for want of their names. Where they are declared, all of it works but what calls them:
    `torchvision.ops.nms` and the detection models say so when they are called.

    Returns
    -------
    bool
        Whether it was mended, now or before.
    """
    import torch

    # Which CUDA build of torch has which torchvision is the user's to mend: there the operators exist.
    if _declared or "torchvision" in sys.modules or torch.version.cuda is not None:
        return bool(_declared)
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or _loads(Path(spec.origin).parent):
        return False
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in OPERATORS:
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
    return True


def _loads(folder: Path) -> bool:
    """Whether the operators load; torchvision's own attempt then finds them loaded."""
    import torch

    files = [*folder.glob("_C*.so"), *folder.glob("_C*.pyd")]
    try:
        for file in files:
            torch.ops.load_library(str(file))  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return bool(files)
