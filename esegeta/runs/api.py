"""A run from Python: ``esegeta.run("config.json")``."""

import contextlib
import os
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from esegeta import config
from esegeta.errors import RunError, counted
from esegeta.runs.agenda import Agenda, agenda, require_methods
from esegeta.runs.beginning import prepare
from esegeta.runs.choosing import chosen
from esegeta.runs.cluster import workplaces
from esegeta.runs.device import Place, require
from esegeta.runs.dispatch import RayDriver
from esegeta.runs.fingerprint import stamp
from esegeta.runs.folder import CONFIG, LOG, PLAN, RunFolder, Unwritable
from esegeta.runs.interrupts import Interrupts, forget
from esegeta.runs.lock import locked
from esegeta.runs.opening import Source, open_config
from esegeta.runs.plan import make
from esegeta.runs.progress import View
from esegeta.runs.scheduler import Driver
from esegeta.runs.worker import Outcome, Setup
from esegeta.version import __version__

FIRST_CHOICE = ("infidelity", "sensitivity", "road", "randomisation")
"""What judges the maps of a run where nobody says what shall."""


@dataclass(frozen=True)
class RunResult:
    """What became of a run.

    Parameters
    ----------
    folder : Path
        The run folder.
    done, failed, pending : list of str
        Ids of the jobs that were asked for, which are their folders in the run folder.
    reasons : dict of str to str
        Of each failed job.
    report : Path, optional
        The page to open; None where it could not be written, which ``run.log`` explains.
    stopped : str, optional
        Why it ended early, where the run folder took no more, as on a full disk, or the deadline
        was over: what is pending is made by another run with `resume`.
    interrupted : str, optional
        Who asked it to end before all had run: ``Ctrl-C``, ``a request to terminate`` or
        ``esegeta stop on HOST``.
    left_out : list of str
        Jobs that were not asked for, by `only` or `only_failed`: they are as they were, and count
        for no exit code.
    """

    folder: Path
    done: list[str]
    failed: list[str]
    pending: list[str]
    reasons: dict[str, str] = field(default_factory=dict)
    report: Path | None = None
    stopped: str | None = None
    interrupted: str | None = None
    left_out: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: all done; 1: something failed; 130: interrupted before all had run."""
        if self.pending and not self.stopped:
            return 130
        return 1 if self.failed or self.stopped or self.report is None else 0


def run(
    source: Source,
    *,
    output: Path | str | None = None,
    resume: bool = False,
    plugins: Sequence[Path | str] = (),
    only: Sequence[str] = (),
    only_failed: bool = False,
    plain: bool = False,
    quiet: bool = False,
) -> RunResult:
    """Make every map that a config asks for, each in its own folder, and a report of them all.

    Jobs run in a worker process: whatever a model or plug-in does, the others go on.

    Parameters
    ----------
    source : path, dict or Config
        The config.
    output : path, optional
        The run folder, instead of the config's.
    resume : bool
        Keep the results of an earlier run in that folder which nothing has changed since.
    plugins : sequence of path
        Folders of plug-ins, beside those of the config.
    only : sequence of str
        Do the jobs of these methods alone, by their names in the run; by default of all.
    only_failed : bool
        Do again what failed or timed out in that folder, and nothing else; implies `resume`.
    plain : bool
        Show progress as plain lines, also on a terminal.
    quiet : bool
        Show no progress.

    Returns
    -------
    RunResult

    Raises
    ------
    ConfigError
        Where the config is wrong; nothing has been written then.
    RunError
        Where the run folder cannot be written, or another run is at work in it, or it holds results
        and `resume` is not asked for, or no run and `only_failed` is, or the device is not there, or
        there is no such method.
    """
    prepare()
    settings, registry, where = open_config(source, plugins)
    require_methods(settings, only)
    root = Path(output) if output else Path(settings.output)
    if only_failed:
        RunFolder.open(root)  # which says that there is none
    plan = make(settings, registry, chosen=chosen(settings, where))
    plan = stamp(plan, settings, registry)
    with workplaces(settings.execution) as where_to:
        require(plan, where_to)
        folder = RunFolder.create(root, settings.execution.log)
        # As it is run: from anywhere, with the folders that were named beside it.
        settings = settings.model_copy(update={"output": folder.root, "plugins": list(where)})
        with locked(folder.root):
            forget(folder.root)  # a request to stop that was left to an earlier run
            _refuse_results(folder, resume=resume or only_failed)
            work = agenda(plan, folder, only, only_failed=only_failed)
            _begin(folder, work, settings, _listed(where_to))
            setups = [Setup(folder.root, settings, where, place) for place in where_to]
            devices = [place.device for place in where_to][: max(1, len(work.todo))]
            view = View([job for _, job in work.todo], devices, plain=plain, quiet=quiet)
            return _work(folder, work, setups, view)


def evaluate(
    folder: Path | str,
    metrics: Sequence[str] = (),
    *,
    only: Sequence[str] = (),
    plugins: Sequence[Path | str] = (),
    plain: bool = False,
    quiet: bool = False,
) -> RunResult:
    """Judge the maps of a run, which are kept; those that are not made yet are made.

    Parameters
    ----------
    folder : path
        The run folder.
    metrics : sequence of str
        Names of metrics, added to those of the run's config; where neither names one, `FIRST_CHOICE`.
    only, plugins, plain, quiet
        As of `run`.

    Raises
    ------
    ConfigError, RunError
        As `run` does.
    """
    root = RunFolder.open(Path(folder)).root
    settings = config.dump(config.load(root / CONFIG))
    known = settings["evaluate"]
    names = [entry if isinstance(entry, str) else entry["use"] for entry in known]
    added = [name for name in dict.fromkeys(metrics) if name not in names]
    settings["evaluate"] = [*known, *added] or list(FIRST_CHOICE)
    return run(
        settings,
        output=root,
        resume=True,
        plugins=plugins,
        only=only,
        plain=plain,
        quiet=quiet,
    )


def _listed(where: Sequence[Place]) -> str:
    """Name the devices, with the number of workers on each."""
    counts = Counter(place.device for place in where)
    return ", ".join(name if n == 1 else f"{name} × {n}" for name, n in counts.items())


def _refuse_results(folder: RunFolder, *, resume: bool) -> None:
    held = len(folder.results())
    if held and not resume:
        raise RunError(
            f"the run folder {folder.root} holds {counted(held, 'result')} already. "
            "Add --resume to keep what is done and unchanged and make the rest, "
            "or --output DIR to write to another folder"
        )


def _begin(folder: RunFolder, work: Agenda, settings: config.Config, device: str) -> None:
    """Write what is planned.

    Raises
    ------
    RunError
        Where not even that can be written.
    """
    try:
        folder.mend()
        folder.write(PLAN, work.plan.record())  # first: a folder with a plan holds a run
        folder.write(CONFIG, config.dump(settings))
        _announce(folder, work, device)
    except Unwritable as error:
        raise RunError(f"{error}; mend that, or name another folder with --output") from error


def _work(folder: RunFolder, work: Agenda, setups: Sequence[Setup], view: View) -> RunResult:
    with Interrupts(folder.root) as interrupts, view:
        view.say(str(work))
        engine = Driver if setups[0].settings.execution.engine == "local" else RayDriver
        driver = engine(folder, setups, view, interrupts)
        outcomes = []
        for jobs in work.stages:
            if jobs and not (interrupts.asked or driver.stopped):
                outcomes += driver.run(jobs)
        report = None if interrupts.now or driver.unwritable else _report(folder, view)
    return _finish(folder, work, outcomes, report, driver.stopped, interrupts.why)


def _announce(folder: RunFolder, work: Agenda, device: str) -> None:
    folder.log(f"run {work.plan.name} on {device}: {work}")
    folder.event(
        "run_started",
        name=work.plan.name,
        pid=os.getpid(),
        jobs=len(work.todo),
        kept=len(work.kept),
        device=device,
        versions={"esegeta": __version__, "torch": version("torch"), "captum": version("captum")},
    )
    for _, job in work.todo:
        folder.event("queued", job.id)
    for left in work.pending:  # else an event of an earlier start would be the last of it
        folder.event("left_out", left)


def _report(folder: RunFolder, view: View) -> Path | None:
    """Write the report; the results are safe whatever becomes of it."""
    try:
        from esegeta.report import evaluation, page

        evaluation.write(folder.root)
        return page.write(folder.root)
    except Exception as error:
        with contextlib.suppress(Unwritable):
            folder.log(f"the report failed:\n{traceback.format_exc()}", "warning")
        view.say(
            f"The results are there, but their report could not be written: {error}. "
            f"The details stand in {folder.root / LOG}; to try again: esegeta report {folder.root}"
        )
        return None


def _finish(
    folder: RunFolder,
    work: Agenda,
    outcomes: list[Outcome],
    report: Path | None,
    stopped: str | None,
    interrupted: str | None,
) -> RunResult:
    ended = {outcome.job: outcome for outcome in outcomes}
    left_out, kept = set(work.left_out), set(work.kept)
    ids = [job.id for _, job in work.plan.jobs() if job.id not in left_out]
    pending = [i for i in ids if i not in kept and i not in ended]
    result = RunResult(
        folder=folder.root,
        done=[i for i in ids if i in kept or (i in ended and ended[i].done)],
        failed=[i for i in ids if i in ended and not ended[i].done],
        pending=pending,
        reasons={i: str(o.error) for i, o in ended.items() if not o.done},
        report=report,
        stopped=stopped,
        interrupted=interrupted if pending else None,
        left_out=work.left_out,
    )
    counts = {
        "done": len(result.done),
        "failed": len(result.failed),
        "pending": len(result.pending),
    }
    why = stopped or (result.interrupted and f"interrupted by {result.interrupted}")
    with contextlib.suppress(Unwritable):
        folder.event("run_finished", None, **counts, left_out=len(result.left_out), why=why)
        said = ", ".join(f"{number} {state}" for state, number in counts.items())
        folder.log(f"run ended: {said}" + (f"; {why}" if why else ""))
    return result
