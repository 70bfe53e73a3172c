"""What the commands print, and where they look for plug-ins."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from esegeta.runs.api import RunResult


def print_summary(result: "RunResult") -> None:
    """Say what became of a run, and where its report is."""
    from esegeta.runs.status import grouped

    for line in grouped({job: result.reasons[job] for job in result.failed}):
        typer.echo(line)
    counts = f"{len(result.done)} done, {len(result.failed)} failed"
    counts += f", {len(result.pending)} pending" if result.pending else ""
    typer.echo(counts + (f", {len(result.left_out)} not asked for" if result.left_out else ""))
    if result.report is not None:
        typer.echo(f"report: {result.report}")
    elif not result.pending:
        typer.echo(f"the report could not be written; {result.folder / 'run.log'} says why")


def plug_ins(named: Sequence[Path]) -> Any:
    """Find the plug-ins where no config says where: also in ``plugins`` of this folder."""
    from esegeta.registry import find

    here = Path.cwd() / "plugins"
    return find([*([here] if here.is_dir() else []), *named])


def terminal() -> "Console":
    """Give the terminal; where there is none to say how wide it is, one that is wide."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def print_table(table: "Table") -> None:
    """Print a table; what must not be wrapped is not cut either, on however narrow a terminal."""
    from rich.measure import Measurement

    console = terminal()
    least = Measurement.get(console, console.options.update(max_width=10_000), table).minimum
    console.width = max(console.width, least)
    console.print(table)


def print_json(data: object) -> None:
    """Print JSON, for other programs."""
    typer.echo(json.dumps(data, indent=1, ensure_ascii=False))
