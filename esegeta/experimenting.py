"""``esegeta experiment``: repeats an experiment of a paper on the models and images of a config."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esegeta.errors import RunError
from esegeta.streams import stdout_aside

if TYPE_CHECKING:
    from esegeta.experiments import Experiment


def experiment(
    name: Annotated[str | None, typer.Argument(help="Which; without, all are listed.")] = None,
    config: Annotated[
        Path | None, typer.Argument(metavar="[CONFIG]", help="Without, its parameters are told.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="The folder to write to, instead of the config's."),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter, as JSON; may be repeated."),
    ] = None,
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A folder of plug-ins; may be repeated.")
    ] = None,
) -> None:
    """Repeat an experiment of a paper: write its table and its figure."""
    with stdout_aside():
        from esegeta import experiments
    if name is None:
        found = experiments.find()
        for one in found.experiments.values():
            typer.echo(f"{one.name:24} {one.summary}")
        for lost in found.unavailable:
            typer.echo(f"{lost.name:24} unavailable: {lost.reason}. Remedy: {lost.remedy}")
        return
    if config is None:
        _tell(experiments.get(name))
        return
    with stdout_aside():
        written = experiments.run(
            name,
            config,
            output=output,
            parameters=_parameters(given or ()),
            plugins=plugins or (),
            progress=_Progress(),
        )
    for path in written:
        typer.echo(f"wrote {path}")


def _tell(one: "Experiment") -> None:
    typer.echo(f"{one.name}: {one.doc}\n\nRepeats: {one.paper}\n")
    for key, field in one.parameters.model_fields.items():
        typer.echo(f"--set {key}={json.dumps(field.default)}\n    {field.description}")


def _parameters(given: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE; a value that is no JSON is a text."""
    found: dict[str, Any] = {}
    for one in given:
        key, sign, text = one.partition("=")
        if not sign:
            raise RunError(f"--set {one}: expected KEY=VALUE")
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found


class _Progress:
    """Says every tenth of the way."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if tenth > self._said:
            self._said = tenth
            typer.echo(f"{10 * tenth} %", err=True)
