"""A run from Python: ``esegeta.run("config.json")``."""

import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from esegeta import config
from esegeta.errors import RunError
from esegeta.runs.device import device as device_of
from esegeta.runs.fingerprint import stamp
from esegeta.runs.folder import CONFIG, LOG, PLAN, RunFolder, write_json
from esegeta.runs.interrupts import Interrupts
from esegeta.runs.opening import Source, open_config
from esegeta.runs.plan import Plan, counted, make
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
    """

    folder: Path
    done: list[str]
    failed: list[str]
    pending: list[str]
    reasons: dict[str, str] = field(default_factory=dict)
    report: Path | None = None

    @property
    def exit_code(self) -> int:
        """0: all done; 1: something failed; 130: interrupted before all had run."""
        if self.pending:
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
        Where the run folder cannot be written, or holds results and `resume` is not asked for, or
        the device is not there.
    """
    settings, registry, where = open_config(source, plugins)
    device = device_of(settings.execution)
    plan = stamp(make(settings, registry), settings, registry)
    folder = _folder(Path(output) if output else Path(settings.output), resume=resume)
    kept = {job.id for _, job in plan.jobs() if folder.state(job.id, job.fingerprint) == "done"}
    todo = [(group, job) for group, job in plan.jobs() if job.id not in kept]
    # As it was run: from anywhere, with the folders that were named beside it.
    settings = settings.model_copy(update={"output": folder.root, "plugins": list(where)})
    write_json(folder.root / CONFIG, config.dump(settings))
    write_json(folder.root / PLAN, plan.record())
    _begin(folder, plan, device, todo=[job.id for _, job in todo])
    with Interrupts() as interrupts, View([job for _, job in todo], quiet=quiet) as view:
        view.say(f"{plan}" + (f"; {counted(len(kept), 'job')} done before" if kept else ""))
        setup = Setup(folder.root, settings, where)
        outcomes = Driver(folder, setup, view, interrupts).run(todo)
        report = None if interrupts.now else _report(folder, view)
    return _finish(folder, plan, kept, outcomes, report)


def _folder(root: Path, *, resume: bool) -> RunFolder:
    folder = RunFolder.create(root)
    held = len(folder.results())
    if held and not resume:
        raise RunError(
            f"the run folder {folder.root} holds {counted(held, 'result')} already. "
            "Add --resume to keep what is done and unchanged and make the rest, "
            "or --output DIR to write to another folder"
        )
    return folder


def _begin(folder: RunFolder, plan: Plan, device: str, todo: list[str]) -> None:
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
        folder.log(f"the report failed:\n{traceback.format_exc()}")
        view.say(
            f"The results are there, but their report could not be written: {error}. "
            f"The details stand in {folder.root / LOG}."
        )
        return None


def _finish(
    folder: RunFolder, plan: Plan, kept: set[str], outcomes: list[Outcome], report: Path | None
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
    )
    counts = {
        "done": len(result.done),
        "failed": len(result.failed),
        "pending": len(result.pending),
    }
    folder.event("run_finished", None, **counts)
    folder.log("run ended: " + ", ".join(f"{number} {state}" for state, number in counts.items()))
    return result
