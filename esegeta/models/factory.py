"""A network from the user's class or function that builds it."""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from esegeta.errors import ModelError, nearest, unknown
from esegeta.models.folder import importable
from esegeta.models.trace import described


def build(factory: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Call ``path/file.py:Class`` or ``package.module:callable`` with keyword arguments.

    Raises
    ------
    ModelError
        If there is no such thing, its code raises, or what it returns is no `nn.Module`.
    """
    place, _, attribute = factory.rpartition(":")
    if not place or not attribute:
        raise ModelError(
            f"{factory!r} names no factory; it must be 'path/file.py:Class' or "
            "'package.module:callable'."
        )
    if place.endswith(".py") or "/" in place:
        return _from_file(factory, Path(place).expanduser(), attribute, arguments)
    owner = _package(factory, place)
    return _call(factory, _attribute(factory, owner, attribute), arguments)


def _from_file(factory: str, file: Path, attribute: str, arguments: Mapping[str, Any]) -> nn.Module:
    if not file.is_file():
        siblings = [p.name for p in file.parent.glob("*.py")] if file.parent.is_dir() else []
        guess = nearest(file.name, siblings)
        hint = f" Did you mean {str(file.with_name(guess))!r}?" if guess else ""
        raise ModelError(f"There is no file {str(file)!r} (factory {factory!r}).{hint}")
    with importable(file.parent) as folder:
        try:
            owner = folder.run(file)
        except (Exception, SystemExit) as error:
            hint = _relative(file) if "relative import" in str(error) else ""
            raise ModelError(
                f"{file.name!r} cannot be loaded: {described(error)}.{hint}"
            ) from error
        return _call(factory, _attribute(factory, owner, attribute), arguments)


def _relative(file: Path) -> str:
    """Say what to do where a file imports from above its own folder."""
    return (
        f" Relative imports reach no higher than {str(file.parent)!r}; install the package the file "
        "belongs to and name the factory as 'package.module:callable'."
    )


def _package(factory: str, place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and f"{place}.".startswith(f"{error.name}."):
            raise ModelError(
                f"There is no module {error.name!r} (factory {factory!r}); is it installed beside "
                f"{sys.executable}? A file is named with its path, as 'path/file.py:Class'."
            ) from error
        raise ModelError(f"{place!r} cannot be imported: {described(error)}.") from error
    except (Exception, SystemExit) as error:
        raise ModelError(f"{place!r} cannot be imported: {described(error)}.") from error


def _attribute(factory: str, owner: ModuleType, path: str) -> Any:
    """Follow ``a.b`` from a module."""
    found: Any = owner
    for name in path.split("."):
        if not hasattr(found, name):
            sentence = unknown("class or function", name, _callables(found))
            raise ModelError(f"{sentence[0].upper()}{sentence[1:]} (factory {factory!r}).")
        found = getattr(found, name)
    return found


def _callables(owner: Any) -> list[str]:
    """Name what a module or class defines, before what it imports from elsewhere."""
    public = {k: v for k, v in vars(owner).items() if not k.startswith("_") and callable(v)}
    own = [k for k, v in public.items() if getattr(v, "__module__", None) == owner.__name__]
    return own or list(public)


def _call(factory: str, target: Any, arguments: Mapping[str, Any]) -> nn.Module:
    if isinstance(target, nn.Module) or not callable(target):
        kind = "a network already" if isinstance(target, nn.Module) else _a(target)
        raise ModelError(
            f"The factory {factory!r} is {kind}; name a class, or a function that returns the network."
        )
    signature = _signature(target)
    if signature is not None:
        try:
            signature.bind(**arguments)
        except TypeError as error:
            raise ModelError(_misfit(factory, str(error), signature, arguments)) from error
    try:
        result = target(**arguments)
    except (Exception, SystemExit) as error:
        takes = f" It takes {signature}." if isinstance(error, TypeError) and signature else ""
        raise ModelError(f"The factory {factory!r} raised {described(error)}.{takes}") from error
    if not isinstance(result, nn.Module):
        raise ModelError(
            f"The factory {factory!r} returned {_a(result)}; it must return a torch.nn.Module."
        )
    return result


def _signature(target: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(target)
    except (TypeError, ValueError):  # written in C, or hides it
        return None


def _misfit(
    factory: str, reason: str, signature: inspect.Signature, arguments: Mapping[str, Any]
) -> str:
    """Say how the arguments differ from those that the factory takes."""
    guesses = [
        f"{name!r} may be meant as {guess!r}"
        for name in arguments
        if name not in signature.parameters and (guess := nearest(name, signature.parameters))
    ]
    hint = f" ({'; '.join(guesses)})" if guesses else ""
    return (
        f'The "arguments" do not fit the factory {factory!r}: {reason}{hint}. It takes {signature}.'
    )


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
