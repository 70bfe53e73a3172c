"""Runs an experiment on a config and writes what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from esegeta.errors import RunError
from esegeta.experiments.outcome import Outcome
from esegeta.experiments.registry import get
from esegeta.experiments.study import Progress, Study
from esegeta.runs.opening import Source, open_config

FOLDER = "experiments"
"""Where in the output folder experiments are written, each in a folder of its own."""


def run(
    name: str,
    source: Source,
    *,
    output: Path | str | None = None,
    parameters: Mapping[str, Any] | None = None,
    plugins: Sequence[Path | str] = (),
    progress: Progress | None = None,
) -> list[Path]:
    """Repeat an experiment of a paper with the models and images of a config.

    Parameters
    ----------
    name : str
        Of the experiment: ``contrast-perturbation``; see `find`.
    source : path, dict or Config
        The config.
    output : path, optional
        Where to write; by default ``experiments/NAME`` in the config's output folder.
    parameters : mapping, optional
        The experiment's own.
    plugins : sequence of path
        Folders of plug-ins beside those of the config.
    progress : callable, optional
        Called with what is done and all there is to do.

    Returns
    -------
    list of Path
        ``table.csv``, ``table.json`` and ``figure.png``.

    Raises
    ------
    EsegetaError
        If the config is wrong, there is no such experiment or parameter, or it cannot work on these
        models and images.
    """
    found = get(name)
    try:
        values = found.parameters.model_validate(dict(parameters or {}))
    except ValidationError as error:
        told = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise RunError(f"{name} refuses its parameters: {'; '.join(told)}") from None
    # (An experiment may do the trainings itself; one that needs an artifact says so when it opens it.)
    settings, registry, _ = open_config(source, plugins, training=True)
    given = {key: getattr(values, key) for key in type(values).model_fields}
    outcome: Outcome = found.function(Study(settings, registry, progress), **given)
    folder = Path(output) if output else Path(settings.output) / FOLDER / found.name
    return outcome.write(folder, found, values.model_dump(mode="json"))
