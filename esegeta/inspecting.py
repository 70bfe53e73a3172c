"""``esegeta inspect``: looks at single parts of a config for the wizard, which imports no torch.

Each command reads a request as JSON from standard input and prints JSON. A request holds the config
as it is being written, which need not be complete, and ``base``, the folder that its relative paths
are relative to.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from esegeta.streams import stdout_aside

app = typer.Typer(help="What the desktop wizard asks; requests come as JSON on standard input.")

Answer = dict[str, Any]


@app.command()
def serve(
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A folder of plug-ins; may be repeated.")
    ] = None,
) -> None:
    """Tell the plug-ins and the schema, then what is wrong with each config; a line each."""
    from esegeta import catalogue, config
    from esegeta.registry import find
    from esegeta.runs.inspection import checked

    with stdout_aside():
        registry = find(plugins or ())
        first = {"catalogue": catalogue.record(registry), "schema": config.schema(registry)}
    _say(first)
    for line in sys.stdin:
        with stdout_aside():
            answer = checked(json.loads(line), registry)
        _say(answer)


@app.command()
def model() -> None:
    """Load a model; tell its parameters, its layers and, given an image, their shapes."""
    from esegeta.runs.inspection import model as look

    _answer(look)


@app.command()
def image() -> None:
    """Write an image as its file holds it, and as a model sees it, into a folder."""
    from esegeta.runs.inspection import image as look

    _answer(look)


@app.command()
def prediction() -> None:
    """Tell what a model says of an image, and write the mask of the target into a folder."""
    from esegeta.runs.inspection import prediction as look

    _answer(look)


def _answer(look: Callable[[Answer], Answer]) -> None:
    with stdout_aside():
        answer = look(json.load(sys.stdin))
    _say(answer)


def _say(answer: Answer) -> None:
    typer.echo(json.dumps(answer))
    sys.stdout.flush()
