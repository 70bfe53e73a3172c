"""The contract of an experiment: a function of a study and its parameters, found by its name."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel

from esegeta.discovery import Unavailable, modules
from esegeta.errors import PluginError, unknown
from esegeta.signature import complain, parameters_model, positional

PACKAGE = "esegeta.plugins.experiments"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Experiment:
    """A function that repeats an experiment of a paper.

    Parameters
    ----------
    name : str
        The function's, with hyphens.
    function : callable
        ``function(study, *, …)`` gives an `Outcome`.
    parameters : type of pydantic.BaseModel
        Its keyword-only parameters; unknown names and other JSON types are refused.
    summary, doc : str
        First line and whole of the docstring.
    paper : str
        What it repeats.
    """

    name: str
    function: Callable[..., Any]
    parameters: type[BaseModel]
    summary: str
    doc: str
    paper: str


def experiment(*, paper: str) -> Callable[[F], F]:
    """Make ``f(study, *, …)`` an experiment; the function itself is unchanged."""

    def decorate(function: F) -> F:
        doc = inspect.getdoc(function)
        if not doc:
            raise complain(function, "it has no docstring; its first line says what is measured")
        if positional(function) != ("study",):
            raise complain(function, "an experiment takes (study, *, …)")
        made = Experiment(
            name=function.__name__.replace("_", "-"),
            function=function,
            parameters=parameters_model(function),
            summary=doc.splitlines()[0],
            doc=doc,
            paper=paper,
        )
        setattr(function, "__esegeta_experiment__", made)  # noqa: B010  (mypy knows no such attribute)
        return function

    return decorate


@dataclass(frozen=True)
class Shelf:
    """The experiments at hand, by name, and the files that cannot be used, with reason and remedy."""

    experiments: dict[str, Experiment] = field(default_factory=dict)
    unavailable: list[Unavailable] = field(default_factory=list)


def find() -> Shelf:
    """Find every experiment; their files lie in ``plugins/experiments``."""
    found = Shelf()
    for module in modules(importlib.import_module(PACKAGE)):
        if isinstance(module, Unavailable):
            found.unavailable.append(replace(module, name=module.name.replace("_", "-")))
            continue
        for value in vars(module).values():
            made = getattr(value, "__esegeta_experiment__", None)
            if isinstance(made, Experiment):
                found.experiments[made.name] = made
    return found


def get(name: str) -> Experiment:
    """Find an experiment by its name.

    Raises
    ------
    PluginError
        Where there is none, or its file cannot be used.
    """
    found = find()
    if name in found.experiments:
        return found.experiments[name]
    for lost in found.unavailable:
        if lost.name == name:
            raise PluginError(f"{name!r} is unavailable: {lost.reason}. Remedy: {lost.remedy}")
    raise PluginError(unknown("experiment", name, found.experiments))
