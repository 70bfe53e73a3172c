"""``esegeta train``: makes what methods are trained to, and models that explain themselves."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from esegeta.streams import stdout_aside


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The JSON file.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep what is done and unchanged, go on with the rest.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this training, by its name; may be repeated."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing but the summary.")] = False,
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A folder of plug-ins; may be repeated.")
    ] = None,
) -> None:
    """Train what CONFIG's "train" asks for; then `esegeta run CONFIG` explains with it.

    Exit code 0: all done; 1: something failed; 2: it could not begin; 130: interrupted.
    """
    with stdout_aside():
        from esegeta.learning.api import train as start

        def tell(line: str) -> None:
            if not quiet:
                typer.echo(line, err=True)

        try:
            done = start(
                config,
                resume=resume,
                only=only or (),
                plugins=plugins or (),
                tell=tell,
                bar=not quiet and sys.stderr.isatty(),
            )
        except KeyboardInterrupt:
            parts = ["esegeta", "train", str(config), "--resume"]
            for option, values in (("--only", only), ("--plugins", plugins)):
                for value in values or ():
                    parts += [option, str(value)]
            typer.echo(f"Interrupted; go on with:  {shlex.join(parts)}", err=True)
            raise typer.Exit(130) from None
    for one in done:
        losses = one.card["losses"]
        loss = losses.get("validation_loss", losses.get("loss"))
        kept = "kept" if one.kept else f"trained in {one.card['seconds']:.0f} s"
        typer.echo(f"{one.name}: {kept}, loss {loss:.4g} in epoch {one.card['best_epoch']}")
        typer.echo(f"wrote {one.folder}" if not one.kept else f"in {one.folder}")
