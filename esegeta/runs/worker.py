"""What happens inside a worker process: one job at a time, from its group's probe to its files."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esegeta import config
from esegeta.errors import EsegetaError
from esegeta.runs import logs
from esegeta.runs.capture import captured, redirect
from esegeta.runs.device import Place
from esegeta.runs.folder import JOB_LOG, LOG, RunFolder, Unwritable, chain
from esegeta.runs.judging import judges
from esegeta.runs.plan import Group, Job, cost
from esegeta.runs.slot import Crash, TimedOut

if TYPE_CHECKING:
    from esegeta.runs.bench import Bench

PROGRESS_EVERY = 0.2
"""Seconds between two progress events of a job, at least."""


@dataclass(frozen=True)
class Setup:
    """What a worker needs to know of its run.

    Parameters
    ----------
    folder : Path
        The run folder.
    settings : config.Config
    plugins : tuple of Path
        Folders of plug-ins, beside the built-in ones.
    place : Place
        Where it computes.
    """

    folder: Path
    settings: config.Config
    plugins: tuple[Path, ...]
    place: Place


@dataclass(frozen=True)
class Outcome:
    """How a job ended: with a result, or with a reason."""

    job: str
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether it has a result."""
        return self.error is None


_setup: Setup | None = None
_bench: Bench | None = None


def start(setup: Setup) -> None:
    """Prepare a new process; the slow imports are left to `warm_up`."""
    global _setup
    _setup = setup
    with contextlib.suppress(OSError):
        redirect(setup.folder / LOG)
    # What a job printed stands in its log even when the next line ends the process.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    logs.keep(_folder(), setup.settings.execution.log)


def _folder() -> RunFolder:
    assert _setup is not None
    return RunFolder(_setup.folder, _setup.settings.execution.log)


def work(group: Group, job: Job) -> Outcome:
    """Do one job, and write its result or the reason why there is none.

    Raises
    ------
    Unwritable
        Where the run folder takes no more; the job is then as if it had not run.
    """
    assert _setup is not None
    folder = _folder()
    began = time.perf_counter()
    try:
        with folder.writing():
            own = folder.clear(job.id)
            where = {"device": _setup.place.device, "host": platform.node()}
            folder.event("started", job.id, pid=os.getpid(), **where)
            with captured(own / JOB_LOG), _last_words(job.timeout):
                record = _attempt(folder, group, job)
            folder.write_result(job.id, record)
            folder.forget(job.id)
    except Unwritable:
        with contextlib.suppress(OSError, Unwritable):
            folder.clear(job.id)
        raise
    except (OSError, TypeError, ValueError) as error:  # the disk, or a result that is no JSON
        record = failure(group, job, error)
        with contextlib.suppress(OSError):
            folder.write_result(job.id, record)
    return report(folder, job, record, time.perf_counter() - began)


def warm_up() -> None:
    """Import what is slow to import, so that no job's time or timeout is spent on it."""
    with contextlib.suppress(Exception):  # the first job says what is wrong
        _the_bench()


@contextlib.contextmanager
def _last_words(timeout: float | None) -> Iterator[None]:
    """Write every thread's Python stack to the job's log at the timeout.

    A thread of its own does so, in compiled code: also where the job holds the interpreter.
    """
    if timeout is None:
        yield
        return
    faulthandler.dump_traceback_later(timeout, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _attempt(folder: RunFolder, group: Group, job: Job) -> dict[str, Any]:
    """Make the map and its files, and give the result."""
    try:
        progress = _Progress(folder, job)
        if job.subject is not None:
            return _the_bench().judge(folder, group, job, progress)
        return _the_bench().make(folder, group, job, progress)
    # Whatever a user's model or plug-in raises, SystemExit too, costs this job only.
    except BaseException as error:
        _blame_the_folder(folder, error)
        if not isinstance(error, EsegetaError):
            traceback.print_exception(error)
        return failure(group, job, error)


def _blame_the_folder(folder: RunFolder, error: BaseException) -> None:
    """Raise `Unwritable` where that is what lies behind a job's error, as behind a failing print."""
    causes = list(chain(error))
    for cause in causes:
        if isinstance(cause, Unwritable):
            raise cause
    if any(isinstance(cause, OSError) for cause in causes):
        folder.prove()


def _the_bench() -> Bench:
    global _bench
    if _bench is None:
        from esegeta.runs.bench import Bench

        assert _setup is not None
        _bench = Bench(_setup.settings, _setup.plugins, _setup.place)
    return _bench


class _Progress:
    """Writes a job's progress as events, not more often than a person looks."""

    def __init__(self, folder: RunFolder, job: Job) -> None:
        self._folder, self._job = folder, job
        self._last = float("-inf")

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= PROGRESS_EVERY or done >= total:
            self._last = now
            self._folder.event("progress", self._job.id, done=done, total=total)


def base(group: Group, job: Job) -> dict[str, Any]:
    """Give what every result says, whether done or failed."""
    return {
        "version": 1,
        "job": {
            "image": group.image_name,
            "model": group.model_name,
            "target": group.target_name,
            "method": job.method,
            "use": job.use,
            "layer": job.layer,
            **judges(job),
        },
        "parameters": job.parameters,
        "seed": job.seed,
        "amp": job.amp,
        "fingerprint": job.fingerprint,
        "estimate": cost(job.passes),
    }


def failure(group: Group, job: Job, error: BaseException) -> dict[str, Any]:
    """Give the result of a job that failed."""
    known = isinstance(error, EsegetaError | Crash)
    lines = None if known else "".join(traceback.format_exception(error))
    return {
        **base(group, job),
        "state": "timed out" if isinstance(error, TimedOut) else "failed",
        "error": {"kind": type(error).__name__, "message": message(error), "traceback": lines},
    }


def message(error: BaseException) -> str:
    """Say in a sentence what went wrong."""
    if isinstance(error, EsegetaError | Crash):
        return str(error)
    if isinstance(error, SystemExit):
        code = "" if error.code is None else repr(error.code)
        return f"the method, or the model in it, called sys.exit({code})"
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def report(folder: RunFolder, job: Job, record: dict[str, Any], seconds: float) -> Outcome:
    """Say in the run's log and events how a job ended; its result is safe without."""
    error = record.get("error")
    with contextlib.suppress(Unwritable):
        if error is None:
            folder.event("finished", job.id, seconds=seconds)
            folder.log(f"done    {job.id} ({seconds:.1f} s)")
        else:
            facts = {"kind": error["kind"], "message": error["message"]}
            event = "timed_out" if record["state"] == "timed out" else "failed"
            folder.event(event, job.id, **facts, seconds=seconds)
            folder.log(f"{record['state']}  {job.id}: {error['message']}", "warning")
    return Outcome(job.id, None if error is None else str(error["message"]))
