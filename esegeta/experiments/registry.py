"""The contract of an experiment: a function of a study and its parameters, found by its name."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

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


def find() -> dict[str, Experiment]:
    """Find every experiment by its name; their files lie in ``plugins/experiments``."""
    package = importlib.import_module(PACKAGE)
    found: dict[str, Experiment] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if info.name[0] != "_":
            module = importlib.import_module(f"{PACKAGE}.{info.name}")
            for value in vars(module).values():
                made = getattr(value, "__esegeta_experiment__", None)
                if isinstance(made, Experiment):
                    found[made.name] = made
    return found


def get(name: str) -> Experiment:
    """Find an experiment by its name.

    Raises
    ------
    PluginError
        Where there is none.
    """
    every = find()
    if name not in every:
        raise PluginError(unknown("experiment", name, every))
    return every[name]
