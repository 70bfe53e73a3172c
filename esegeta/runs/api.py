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
from esegeta.runs.device import Place, places
from esegeta.runs.fingerprint import stamp
from esegeta.runs.folder import CONFIG, LOG, PLAN, RunFolder, Unwritable
from esegeta.runs.interrupts import Interrupts
from esegeta.runs.lock import locked
from esegeta.runs.opening import Source, open_config
from esegeta.runs.plan import Plan, make
from esegeta.runs.progress import View
from esegeta.runs.scheduler import Driver
from esegeta.runs.worker import Outcome, Setup
from esegeta.version import __version__


@dataclass(frozen=True)
class RunResult:
    """What became of a run.

    Parameters
    ----------
    folder : Path
        The run folder.
    done, failed, pending : list of str
        Ids of jobs, which are their folders in the run folder.
    reasons : dict of str to str
        Of each failed job.
    report : Path, optional
        The page to open; None where it could not be written, which ``run.log`` explains.
    stopped : str, optional
        Why the run folder took no more, as where the disk is full: what is pending can be made
        once that is mended.
    """

    folder: Path
    done: list[str]
    failed: list[str]
    pending: list[str]
    reasons: dict[str, str] = field(default_factory=dict)
    report: Path | None = None
    stopped: str | None = None

    @property
    def exit_code(self) -> int:
        """0: all done; 1: something failed; 130: interrupted before all had run."""
        if self.pending and not self.stopped:
            return 130
        return 1 if self.failed or self.report is None else 0


def run(
    source: Source,
    *,
    output: Path | str | None = None,
    resume: bool = False,
    plugins: Sequence[Path | str] = (),
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
        and `resume` is not asked for, or the device is not there.
    """
    settings, registry, where = open_config(source, plugins)
    where_to = places(settings.execution)
    plan = stamp(make(settings, registry), settings, registry)
    folder = RunFolder.create(Path(output) if output else Path(settings.output))
    # As it is run: from anywhere, with the folders that were named beside it.
    settings = settings.model_copy(update={"output": folder.root, "plugins": list(where)})
    with locked(folder.root):
        _refuse_results(folder, resume=resume)
        kept = _begin(folder, plan, settings, _listed(where_to))
        setups = [Setup(folder.root, settings, where, place) for place in where_to]
        return _work(folder, plan, kept, setups, quiet=quiet)


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


def _begin(folder: RunFolder, plan: Plan, settings: config.Config, device: str) -> set[str]:
    """Write what is planned, and give the jobs that an earlier run has done.

    Raises
    ------
    RunError
        Where not even that can be written.
    """
    kept = {job.id for _, job in plan.jobs() if folder.state(job.id, job.fingerprint) == "done"}
    try:
        folder.mend()
        folder.write(PLAN, plan.record())  # first: a folder with a plan holds a run
        folder.write(CONFIG, config.dump(settings))
        _announce(folder, plan, device, [job.id for _, job in plan.jobs() if job.id not in kept])
    except Unwritable as error:
        raise RunError(f"{error}; mend that, or name another folder with --output") from error
    return kept


def _work(
    folder: RunFolder, plan: Plan, kept: set[str], setups: Sequence[Setup], *, quiet: bool
) -> RunResult:
    todo = [(group, job) for group, job in plan.jobs() if job.id not in kept]
    with Interrupts() as interrupts, View([job for _, job in todo], quiet=quiet) as view:
        view.say(f"{plan}" + (f"; {counted(len(kept), 'job')} done before" if kept else ""))
        driver = Driver(folder, setups, view, interrupts)
        outcomes = driver.run(todo)
        report = None if interrupts.now or driver.stopped else _report(folder, view)
    return _finish(folder, plan, kept, outcomes, report, driver.stopped)


def _announce(folder: RunFolder, plan: Plan, device: str, todo: list[str]) -> None:
    kept = len(plan) - len(todo)
    folder.log(f"run {plan.name} on {device}: {plan}; {kept} done before")
    folder.event(
        "run_started",
        name=plan.name,
        pid=os.getpid(),
        jobs=len(todo),
        kept=kept,
        device=device,
        versions={"esegeta": __version__, "torch": version("torch"), "captum": version("captum")},
    )
    for job in todo:
        folder.event("queued", job)


def _report(folder: RunFolder, view: View) -> Path | None:
    """Write the report; the results are safe whatever becomes of it."""
    try:
        from esegeta.report import page

        return page.write(folder.root)
    except Exception as error:
        with contextlib.suppress(Unwritable):
            folder.log(f"the report failed:\n{traceback.format_exc()}")
        view.say(
            f"The results are there, but their report could not be written: {error}. "
            f"The details stand in {folder.root / LOG}; to try again: esegeta report {folder.root}"
        )
        return None


def _finish(
    folder: RunFolder,
    plan: Plan,
    kept: set[str],
    outcomes: list[Outcome],
    report: Path | None,
    stopped: str | None,
) -> RunResult:
    ended = {outcome.job: outcome for outcome in outcomes}
    ids = [job.id for _, job in plan.jobs()]
    result = RunResult(
        folder=folder.root,
        done=[i for i in ids if i in kept or (i in ended and ended[i].done)],
        failed=[i for i in ids if i in ended and not ended[i].done],
        pending=[i for i in ids if i not in kept and i not in ended],
        reasons={i: str(o.error) for i, o in ended.items() if not o.done},
        report=report,
        stopped=stopped,
    )
    counts = {
        "done": len(result.done),
        "failed": len(result.failed),
        "pending": len(result.pending),
    }
    with contextlib.suppress(Unwritable):
        folder.event("run_finished", None, **counts)
        said = ", ".join(f"{number} {state}" for state, number in counts.items())
        folder.log(f"run ended: {said}" + (f"; {stopped}" if stopped else ""))
    return result
