"""How far a run is, read off its folder: from any terminal, while it is at work or later."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from esegeta.errors import RunError
from esegeta.runs.folder import PLAN, RunFolder, Tail
from esegeta.runs.lock import holder
from esegeta.runs.pace import Pace, Running
from esegeta.units import duration

State = Literal["pending", "running", "done", "failed", "timed out"]

ENDED: dict[str, State] = {"finished": "done", "failed": "failed", "timed_out": "timed out"}
"""The state that an event leaves a job in for good."""

PROGRESS = b'"event": "progress", "job": "'
"""What stands before the job in the line of such an event; ids hold no quotation marks."""

NAMED = 3
"""How many jobs that failed alike are named before they are only counted."""


@dataclass(frozen=True)
class JobStatus:
    """How far a job is.

    Parameters
    ----------
    job : str
        Its id, which is its folder in the run folder.
    state : str
        ``pending``, ``running``, ``done``, ``failed`` or ``timed out``.
    passes : float
        Forward and backward passes that were expected, 1 at least.
    device, pid, host : optional
        Where it runs, while it does.
    done, total : int, optional
        Passes, while it runs and once its method has begun.
    elapsed : float, optional
        Seconds since it began, or that it took.
    silent : float, optional
        Seconds since it was last heard of, while it runs.
    reason : str, optional
        Why it failed.
    """

    job: str
    state: State
    passes: float
    device: str | None = None
    pid: int | None = None
    host: str | None = None
    done: int | None = None
    total: int | None = None
    elapsed: float | None = None
    silent: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Parameters
    ----------
    folder : Path
        The run folder.
    name : str
        The run's name.
    driver : str, optional
        Who is at work, as ``pid 12 on HOST``; None where nobody is.
    jobs : tuple of JobStatus
        In the plan's order.
    left : float, optional
        Seconds until the driver will be done; None where it cannot be told.
    """

    folder: Path
    name: str
    driver: str | None
    jobs: tuple[JobStatus, ...]
    left: float | None

    @property
    def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        found = Counter(job.state for job in self.jobs)
        states: tuple[State, ...] = ("pending", "running", "done", "failed", "timed out")
        return {state: found[state] for state in states}

    @property
    def exit_code(self) -> int:
        """0: at work or all done; 1: something failed; 3: some are pending and nobody is at work."""
        counts = self.counts
        if self.driver is not None:
            return 0
        if counts["failed"] or counts["timed out"]:
            return 1
        return 3 if counts["pending"] else 0

    def record(self) -> dict[str, Any]:
        """Write it for other programs."""
        return {
            "version": 1,
            "folder": str(self.folder),
            "name": self.name,
            "driver": self.driver,
            "counts": self.counts,
            "left": self.left,
            "jobs": [vars(job) for job in self.jobs],
        }

    def __str__(self) -> str:
        """Counts, who is at work, what runs, and what failed, for a terminal."""
        counts = [f"{number} {state}" for state, number in self.counts.items() if number]
        lines = [f"{self.name}: {len(self.jobs)} jobs; {', '.join(counts)}"]
        if self.driver is None:
            lines.append("nobody is at work in it")
        else:
            left = "unknown" if self.left is None else f"about {duration(self.left)}"
            lines.append(f"at work: {self.driver}; time left: {left}")
        lines += [_running(job) for job in self.jobs if job.state == "running"]
        lines += grouped({job.job: job.reason for job in self.jobs if job.reason is not None})
        return "\n".join(lines)


def status(root: Path) -> Status:
    """Say how far a run is.

    A job's ``result.json`` is what counts. It is read where the events leave a job open, as those of
    a driver that was killed do: the others wrote theirs before they told the event.

    Parameters
    ----------
    root : Path
        The run folder.

    Raises
    ------
    RunError
        Where there is no run, or its plan is damaged.
    """
    folder = RunFolder.open(root)
    driver = holder(folder.root)  # first: what it did before it ended is in the files then
    plan, history = folder.plan(), History()
    for line in Tail(folder, from_start=True).lines():
        history.take(line)
    now = time.time()
    jobs = []
    try:
        for planned in planned_jobs(plan):
            job = history.job(planned["id"], weight(planned), now, working=driver is not None)
            jobs.append(job or on_disk(folder, planned))
        name = str(plan["name"])
    except (KeyError, TypeError) as error:
        raise RunError(f"{folder.root / PLAN} is not as esegeta writes it: {error!r}") from error
    left = None if driver is None else history.left(jobs)
    return Status(folder.root, name, driver, tuple(jobs), left)


class History:
    """What a run's events say of its jobs."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, Any]] = {}
        self._progress: dict[str, bytes] = {}
        self._asked: set[str] = set()

    def take(self, line: bytes) -> None:
        """Take the next line of ``events.jsonl``."""
        _, found, rest = line.partition(PROGRESS)
        if found:
            # Most lines are of this kind, and of each job only the last is ever looked at.
            self._progress[rest.partition(b'"')[0].decode()] = line
            return
        event = _read(line)
        if event is None:
            return
        job = event["job"]
        if event["event"] == "run_started":
            # What an earlier driver left open is as its files say.
            self._last = {job: e for job, e in self._last.items() if e["event"] in ENDED}
            self._progress, self._asked = {}, set()
        elif job is not None:
            self._last[job] = event
            self._progress.pop(job, None)
            if event["event"] == "queued":
                self._asked.add(job)

    def job(self, job: str, passes: float, now: float, *, working: bool) -> JobStatus | None:
        """Say how far a job is; None where only its files know.

        Parameters
        ----------
        job : str
        passes : float
            What it was expected to take.
        now : float
            Seconds of the epoch.
        working : bool
            Whether the driver that told the last events is still at work.
        """
        last = self._last.get(job)
        name = last and last["event"]
        if last is None or not (working or name in ENDED or name == "left_out"):
            return None
        if name in ENDED:
            reason, seconds = last.get("message"), last.get("seconds")
            return JobStatus(job, ENDED[name], passes, elapsed=seconds, reason=reason)
        if name != "started":
            return JobStatus(job, "pending", passes)
        heard = _read(self._progress.get(job, b"")) or last
        return JobStatus(
            job,
            "running",
            passes,
            device=last.get("device"),
            pid=last.get("pid"),
            host=last.get("host"),
            done=heard.get("done"),
            total=heard.get("total"),
            # Hosts' clocks differ.
            elapsed=max(0.0, now - last["time"]),
            silent=max(0.0, now - heard["time"]),
        )

    def left(self, jobs: Sequence[JobStatus]) -> float | None:
        """Say how many seconds are left for the jobs that the last start was asked for."""
        pace = Pace()
        running = []
        for job in jobs:
            if job.state == "pending" and job.job in self._asked:
                pace.waits(job.job, job.passes)
            elif job.state == "running":
                facts = job.done or 0, job.total, job.elapsed or 0.0
                running.append(Running(job.job, job.passes, *facts))
            elif job.state == "done" and job.elapsed is not None:
                pace.took(job.job, job.passes, job.elapsed)
        return pace.left(running)


def _read(line: bytes) -> dict[str, Any] | None:
    """Read an event; None where the line is half of one, from a disk that was full."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def grouped(reasons: Mapping[str, str]) -> list[str]:
    """Name the jobs that failed, those for the same reason together."""
    jobs: dict[str, list[str]] = {}
    for job, reason in reasons.items():
        jobs.setdefault(reason, []).append(job)
    return [f"failed: {_some(named)}\n    {reason}" for reason, named in jobs.items()]


def _some(jobs: Sequence[str]) -> str:
    more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
    return ", ".join(jobs[:NAMED]) + more


def planned_jobs(plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what ``plan.json`` says of each job, in its order."""
    for group in plan["groups"]:
        yield from group["jobs"]


def weight(planned: Mapping[str, Any]) -> float:
    """Give a job's part of the whole: one that is expected to take no pass takes time all the same."""
    return max(1.0, float(sum(planned["passes"].values())))


def on_disk(folder: RunFolder, planned: Mapping[str, Any]) -> JobStatus:
    """Read a job's result, of what was planned last; its other files are not looked at."""
    found = JobStatus(planned["id"], "pending", weight(planned))
    result = folder.result(planned["id"])
    if result is None or result.get("fingerprint") != planned["fingerprint"]:
        return found
    if result.get("state") == "done":
        return replace(found, state="done", elapsed=result.get("seconds"))
    state: State = "timed out" if result.get("state") == "timed out" else "failed"
    return replace(found, state=state, reason=str((result.get("error") or {}).get("message")))


def _running(job: JobStatus) -> str:
    where = f"{job.device}, pid {job.pid}" + (f" on {job.host}" if job.host else "")
    count = "starting" if job.total is None else f"{job.done}/{job.total} passes"
    times = f"for {duration(job.elapsed or 0)}, last heard of {duration(job.silent or 0)} ago"
    return f"running: {job.job}\n    {where}; {count}; {times}"
