"""The command line: ``esegeta run config.json`` and its companions."""

import os
import shlex
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from esegeta import experimenting, inspecting, teaching
from esegeta.console import plug_ins, print_json, print_summary, print_table, terminal
from esegeta.errors import ConfigError, EsegetaError, PluginError, RunError
from esegeta.streams import stdout_aside
from esegeta.version import __version__

app = typer.Typer(
    help="Shows what an image model looks at: maps of it, from a JSON file to a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(inspecting.app, name="inspect", hidden=True)
app.command()(teaching.train)
app.command()(experimenting.experiment)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The JSON file, or 'demo'.")]
RunDir = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Plugins = Annotated[
    list[Path] | None, typer.Option("--plugins", help="A folder of plug-ins; may be repeated.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]

DEBUG = "ESEGETA_DEBUG"
"""Set to have tracebacks; ``--debug`` sets it."""


def main() -> None:
    """Run the command line; what the user can mend ends in a message and an exit code."""
    try:
        app()
    except EsegetaError as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        typer.echo(f"esegeta: {error}", err=True)
        # What keeps a command from starting is 2; what goes wrong on the way is 1.
        sys.exit(2 if isinstance(error, ConfigError | RunError | PluginError) else 1)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"esegeta {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print tracebacks with errors.")] = False,
) -> None:
    """Shows what an image model looks at: maps of it, from a JSON file to a report."""
    if debug:
        os.environ[DEBUG] = "1"


@app.command()
def run(
    config: ConfigFile,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep what is done and unchanged, make the rest.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", help="The run folder, instead of the config's.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD", help="Only this method, by its name; may be repeated."),
    ] = None,
    only_failed: Annotated[
        bool, typer.Option("--only-failed", help="Only what failed or timed out; resumes.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines, no drawing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing but the summary.")] = False,
    plugins: Plugins = None,
) -> None:
    """Make every map that CONFIG asks for, and a report.

    Exit code 0: all done; 1: something failed; 2: it could not begin; 130: interrupted. With --only
    and --only-failed, only what they ask for counts.
    """
    from esegeta.runs.api import run as start

    with stdout_aside():
        result = start(
            config,
            output=output,
            resume=resume,
            plugins=plugins or (),
            only=only or (),
            only_failed=only_failed,
            plain=plain,
            quiet=quiet,
        )
    print_summary(result)
    if result.pending:
        parts = ["esegeta", "run", str(config), "--resume"]
        parts += ["--output", str(output)] if output else []
        for option, values in (("--only", only), ("--plugins", plugins)):
            for value in values or ():
                parts += [option, str(value)]
        why = f"Interrupted by {result.interrupted};"
        why = f"Stopped: {result.stopped};" if result.stopped else why
        typer.echo(f"{why} go on with:  {shlex.join(parts)}")
    raise typer.Exit(result.exit_code)


@app.command()
def evaluate(
    folder: RunDir,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A metric, with its defaults; may be repeated."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD", help="Only this method's maps; may be repeated."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines, no drawing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing but the summary.")] = False,
    plugins: Plugins = None,
) -> None:
    """Judge the maps of a run, to say how far each can be trusted.

    Without --metric those of the run's config, or a first choice. What has been judged before is kept.
    """
    from esegeta.runs.api import evaluate as start

    with stdout_aside():
        result = start(
            folder,
            metric or (),
            only=only or (),
            plugins=plugins or (),
            plain=plain,
            quiet=quiet,
        )
    print_summary(result)
    raise typer.Exit(result.exit_code)


@app.command()
def status(folder: RunDir, as_json: AsJson = False) -> None:
    """Say how far a run is, while it is at work or later.

    Exit code 0: at work, or all done; 1: something failed; 3: jobs are pending and nobody is at work.
    """
    from esegeta.runs.status import status as read

    found = read(folder)
    if as_json:
        print_json(found.record())
    else:
        typer.echo(str(found))
        if found.exit_code == 3:
            parts = ["esegeta", "run", str(folder / "config.json"), "--resume", "--output"]
            typer.echo(f"go on with:  {shlex.join([*parts, str(folder)])}")
    raise typer.Exit(found.exit_code)


@app.command()
def stop(
    folder: RunDir,
    now: Annotated[bool, typer.Option("--now", help="Do not wait for the running jobs.")] = False,
) -> None:
    """Ask a run at work to end after its running jobs, from any host that sees its folder."""
    from esegeta.runs.interrupts import ask

    driver = ask(folder, now=now)
    when = "now" if now else "after the running jobs"
    typer.echo(f"asked esegeta ({driver}) to end {when}")


@app.command()
def plan(config: ConfigFile, plugins: Plugins = None, as_json: AsJson = False) -> None:
    """Say what a run would do and take: jobs, passes, time, memory. Runs no method.

    Exit code 0: all can be done; 1: something would fail; 2: the config is wrong.
    """
    from esegeta.runs import estimate
    from esegeta.runs.beginning import prepare
    from esegeta.runs.opening import open_config

    prepare()
    with stdout_aside():
        settings, registry, folders = open_config(config, plugins or ())
        forecast = estimate.forecast(settings, registry, folders)
    problems = forecast.problems()
    if as_json:
        print_json(forecast.record())
    else:
        print_table(forecast.table())
        for problem in problems:
            typer.echo(problem)
        typer.echo(str(forecast))
    raise typer.Exit(1 if problems else 0)


@app.command()
def validate(config: ConfigFile, plugins: Plugins = None) -> None:
    """Say everything that is wrong with CONFIG, or what its run would do."""
    from esegeta.runs.opening import open_config
    from esegeta.runs.plan import make

    with stdout_aside():
        settings, registry, _ = open_config(config, plugins or ())
        made = make(settings, registry)
    typer.echo(f"{config} is valid: {made}.")
    parts = ["esegeta", "plan", str(config)]
    for folder in plugins or ():
        parts += ["--plugins", str(folder)]
    typer.echo(f"No model was loaded; to see whether each works:  {shlex.join(parts)}")


@app.command()
def layers(config: ConfigFile, as_json: AsJson = False) -> None:
    """List the models' layers, as they run on the first image: names, kinds, output shapes."""
    from dataclasses import asdict

    from rich.table import Column, Table

    from esegeta.config import load
    from esegeta.runs.inputs import layers as listed

    with stdout_aside():
        found = listed(load(config))
    if as_json:
        print_json({model: [asdict(info) for info in infos] for model, infos in found.items()})
        return
    for model, infos in found.items():
        names = (Column(title, no_wrap=True) for title in ("layer", "kind"))
        table = Table(*names, "output", "grid of its map", "parameters", "", title=model)
        for info in infos:
            shape, grid = (" × ".join(map(str, axes or ())) for axes in (info.shape, info.grid))
            for name in info.addresses:
                chosen = "auto" if info.auto and name == info.addresses[-1] else ""
                table.add_row(name, info.kind, shape, grid, f"{info.parameters:,}", chosen)
        print_table(table)


@app.command()
def methods(
    name: Annotated[str | None, typer.Argument(help="Tell all of one method.")] = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """List the methods there are, and those that are unavailable with the reason."""
    from esegeta import catalogue

    with stdout_aside():
        registry = plug_ins(plugins or ())
        entry = None if name is None else catalogue.named(name, registry)
        record = catalogue.record(registry)
    if as_json:
        print_json(entry or record)
    elif entry is not None:
        typer.echo(catalogue.page(entry))
        training = registry.trainings.get(name or "")
        if training is not None and entry["family"] != "training":
            typer.echo(f"\n{catalogue.page(catalogue.entry(training, registry))}")
    else:
        print_table(catalogue.table(registry, terminal().width))
        for line in catalogue.unavailable(registry):
            typer.echo(line)


@app.command()
def schema(plugins: Plugins = None) -> None:
    """Print the JSON Schema of a config, with every method's parameters, for an editor."""
    from esegeta.config import schema as made

    with stdout_aside():
        found = made(plug_ins(plugins or ()))
    print_json(found)


@app.command()
def convert(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A JSON config of TorchEsegeta.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; else it is printed.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="file.py:Class, package.module:callable, or a model file.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="The model's weights.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="An image; may be repeated.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Turn a config of TorchEsegeta into one of esegeta, and say what had to be chosen."""
    from esegeta.convert import convert as converted
    from esegeta.convert import write

    with stdout_aside():
        made = converted(
            old,
            plug_ins(()).methods(),
            model=model,
            weights=weights,
            images=image or (),
            base=output.parent if output else None,
        )
    for note in made.notes:
        typer.echo(f"- {note}", err=True)
    if output is None:
        print_json(made.config)
        return
    write(made, output, force=force)
    typer.echo(
        f"wrote {output}; look it through, then:  {shlex.join(['esegeta', 'validate', str(output)])}"
    )


@app.command(name="new-plugin")
def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The method's name.")],
    family: Annotated[
        str,
        typer.Option(
            help="attribution, layer_attribution, explainability, wrapper, metric or training."
        ),
    ] = "attribution",
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path("plugins"),
) -> None:
    """Write a plug-in and its test, which pass as written; then make it yours."""
    from esegeta.scaffold import new_plugin as write

    for path in write(name, family, folder):
        typer.echo(f"wrote {path}")


@app.command()
def report(folder: RunDir) -> None:
    """Write a run's report.html anew, from its folder alone."""
    from esegeta.report import page
    from esegeta.runs.folder import RunFolder

    typer.echo(f"report: {page.write(RunFolder.open(folder).root)}")


@app.command()
def gui(
    path: Annotated[
        Path | None, typer.Argument(metavar="[CONFIG|RUN]", help="A JSON file or a run folder.")
    ] = None,
) -> None:
    """Open the desktop wizard: from a model file to maps, without writing JSON."""
    try:
        # By name: the wizard is a client of this command line, not a part of what it imports.
        window = import_module("esegeta.gui.app")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("PySide6", "pyqtgraph", "shiboken6"):
            raise
        message = f"the wizard needs {error.name}; pip install 'esegeta[gui]'"
        raise RunError(message) from error
    raise typer.Exit(window.main(path))


@app.command()
def doctor() -> None:
    """Say what is installed, what is missing, and what would keep a run from working."""
    from esegeta.doctor import examine

    broken = False
    for finding in examine():
        broken |= finding.state == "broken"
        typer.echo(f"{finding.state:8} {finding.name:18} {finding.detail}")
        if finding.remedy:
            typer.echo(f"{'':27} → {finding.remedy}")
    raise typer.Exit(1 if broken else 0)


if __name__ == "__main__":
    main()
