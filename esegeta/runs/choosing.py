"""What patterns of layers stand for in each model: found by one pass, in a process of its own."""

from pathlib import Path

from esegeta import config
from esegeta.errors import ConfigError, Problem
from esegeta.patterns import open_ended
from esegeta.runs import measure
from esegeta.runs.plan import Chosen
from esegeta.runs.slot import Crash, Slot


def chosen(settings: config.Config, plugins: tuple[Path, ...]) -> Chosen:
    """Find the layers that the patterns of a config's methods stand for.

    A model that cannot be run keeps its patterns: its jobs say what is wrong with it.

    Raises
    ------
    ConfigError
        Where a pattern fits no layer.
    """
    found: dict[tuple[str, str], list[str]] = {}
    problems: list[Problem] = []
    slot = Slot(measure.start, settings, plugins)
    try:
        for model in settings.models:
            places = _open_ended(settings, model)
            if not places:
                continue
            try:
                answers = slot.run(measure.choose, model, list(places))
            except Crash:
                continue
            for pattern, answer in answers.items():
                if isinstance(answer, str):
                    message = f"model {model.name!r}: {answer}"
                    problems.append(Problem(places[pattern], message, repr(pattern)))
                else:
                    found[model.name, pattern] = answer
    finally:
        slot.kill()
    if problems:
        raise ConfigError(problems)
    return found


def _open_ended(settings: config.Config, model: config.Model) -> dict[str, str]:
    """Give the patterns for a model, and where each stands in the config first."""
    places: dict[str, str] = {}
    for index, method in enumerate(settings.methods):
        if method.models is None or model.name in method.models:
            for number, layer in enumerate(method.layers):
                if open_ended(layer):
                    places.setdefault(layer, f"methods[{index}].layers[{number}]")
    return places
