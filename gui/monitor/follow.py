"""Follows a run folder: reads what was added since it last looked, a bounded piece at a time."""

from __future__ import annotations

import json
import platform
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from esegeta.errors import RunError
from esegeta.runs.folder import EVENTS, PLAN, REPORT, RunFolder
from esegeta.runs.interrupts import NOTE
from esegeta.runs.lock import holder
from esegeta.runs.status import ENDED as ENDS
from esegeta.runs.status import PROGRESS, History, JobStatus, on_disk

from .plan import PlanFile
from .rows import ENDED, Facts, Phase, Row, Seen
from .tail import Grown

ON_DISK = 200
"""Results read in one look."""

AT_ONCE = 2000
"""Jobs told in one look: the window takes them at one go."""

LEFT_EVERY = 1.0
"""Seconds between two estimates of the time left: each looks at all jobs."""

_TIME = re.compile(rb'"time": ([0-9.e+]+)')
_DRIVER = re.compile(r"pid (\d+) on (.+)")


class Follower:
    """Knows how far a run is; `look` tells what has changed.

    What counts is as in `esegeta.runs.status.status`. A job that ran when its driver was killed or
    stopped is ``interrupted`` here; it is pending there.

    Parameters
    ----------
    root : Path
        The run folder; there may be no run in it yet, or no longer.
    clock, steady : callable
        The time of the day, by which events are dated, and a clock that never jumps.
    pause : callable
        Called again and again while it looks.
    """

    def __init__(
        self,
        root: Path,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._pause = pause
        self._folder = RunFolder(root)
        self._clock, self._steady = clock, steady
        self._facts = Facts(self._folder.root)
        self._plan = PlanFile(self._folder.root / PLAN, pause)
        self._rows: dict[str, Row] = {}
        self._dirty: dict[str, None] = {}  # in order
        self._estimated = float("-inf")
        self._events = Grown(self._folder.root / EVENTS)
        self._begin_history()

    def _begin_history(self) -> None:
        self._history = History()
        self._begun: set[str] = set()
        self._since: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._last: dict[str, Any] | None = None
        self._starts, self._pid = 0, None

    def look(self) -> Seen:
        """Read what was added, and tell what has changed."""
        driver, why = self._driver()  # first: what it did before it ended is in the files then
        if (driver is None) != (self._facts.driver is None):
            self._soil(row.id for row in self._rows.values() if row.state not in ENDED)
        ids = self._read_plan()
        more = self._read_events()
        if driver is None and self._starts != self._facts.begun:  # it may have begun meanwhile
            driver, why = self._driver()
        working = driver is not None
        rows = [] if more else self._changed(working)
        facts = replace(
            self._facts,
            name=self._plan.name,
            driver=driver,
            lost=working and self._gone(str(driver)),
            phase=self._phase(working, reading=more),
            why=self._plan.damage or why or (self._last or {}).get("why"),
            stopping=self._asked_to_stop() if working else None,
            left=self._left(working),
            report=(self._folder.root / REPORT).is_file(),
            begun=self._starts,
            pid=self._pid,
        )
        self._facts = facts
        return Seen(facts, ids, rows, more=more or bool(self._dirty))

    def _driver(self) -> tuple[str | None, str | None]:
        try:
            return holder(self._folder.root), None
        except RunError as error:
            return None, str(error)

    def _gone(self, driver: str) -> bool:
        """Whether a driver of this machine is dead: a disk without locks does not tell."""
        found = _DRIVER.fullmatch(driver)
        if found is None or found[2] != platform.node():
            return False
        return not alive(int(found[1]))

    def _phase(self, working: bool, *, reading: bool) -> Phase:
        if self._plan.damage:
            return "damaged"
        if not self._plan.there:
            return "at work" if working else "absent"
        if reading:
            return "reading"
        if working:
            return "at work"
        if self._last is None:
            return "ended" if any(row.state in ENDED for row in self._rows.values()) else "waiting"
        if self._last["event"] == "run_started":
            return "killed"
        return "stopped" if self._last.get("why") else "ended"

    def _asked_to_stop(self) -> str | None:
        try:
            return (self._folder.root / NOTE).read_text(errors="replace").partition(" ")[0]
        except OSError:  # nobody has asked
            return None

    def _read_plan(self) -> tuple[str, ...] | None:
        """Read the plan where it is another now, and give its jobs."""
        if not self._plan.read():
            return None
        jobs = self._plan.jobs
        self._rows = {job: row for job, row in self._rows.items() if job in jobs}
        self._dirty.clear()
        self._soil(jobs)
        return tuple(jobs)

    def _soil(self, jobs: Iterable[str]) -> None:
        """Note jobs of which something may have changed."""
        self._dirty.update(dict.fromkeys(jobs))

    def _read_events(self) -> bool:
        """Read a piece of the events; whether there are more."""
        lines, anew, more = self._events.read()
        if anew:
            self._begin_history()
            self._soil(self._plan.jobs)
        for line in lines:
            self._take(line)
            self._pause()
        return more

    def _take(self, line: bytes) -> None:
        _, progress, rest = line.partition(PROGRESS)
        try:
            if progress:
                job: str | None = rest.partition(b'"')[0].decode()
                self._history.take(line)
                dated = _TIME.search(line)
                self._note(job, "progress", float(dated[1]) if dated else self._clock())
                return
            event = json.loads(line)
            self._history.take(line)
            name, job, when = event["event"], event["job"], float(event["time"])
        except (ValueError, KeyError, TypeError):  # half of one, from a disk that was full
            return
        if name in ("run_started", "run_finished"):
            self._last = event
            if name == "run_started":
                self._starts, self._pid = self._starts + 1, event.get("pid")
                self._begun.clear()
                self._soil(self._plan.jobs)
        elif job is not None:
            self._note(job, name, when)

    def _note(self, job: str | None, name: str, when: float) -> None:
        """Remember when a job began and was heard of, by the clock that never jumps."""
        if job is None:
            return
        at = self._steady() - max(0.0, self._clock() - when)
        self._heard[job] = at
        if name == "started":
            self._since[job] = at
            self._begun.add(job)
        elif name == "retried" or name in ENDS:
            self._begun.discard(job)
        if job in self._plan.jobs:
            self._dirty[job] = None

    def _changed(self, working: bool) -> list[Row]:
        """Look anew at jobs of which something may have changed, until too many files were read."""
        found: list[Row] = []
        read = 0
        now = self._clock()
        for job in list(self._dirty):
            if read >= ON_DISK or len(found) >= AT_ONCE:
                break
            self._pause()
            del self._dirty[job]
            planned = self._plan.jobs[job]
            status = self._history.job(job, planned.passes, now, working=working)
            if status is None:
                status = on_disk(self._folder, planned.record(job))
                read += 1
            row = self._row(status, planned.place, working)
            if row != self._rows.get(job):
                self._rows[job] = row
                found.append(row)
        return found

    def _row(self, status: JobStatus, index: int, working: bool) -> Row:
        job = status.job
        row = Row(job, index, status.state)
        if status.state == "pending":
            broken = not working and job in self._begun
            return replace(row, state="interrupted") if broken else row
        if status.state != "running":
            return replace(row, took=status.elapsed, reason=status.reason)
        return replace(
            row,
            device=status.device,
            pid=status.pid,
            host=status.host,
            done=status.done,
            total=status.total,
            since=self._since.get(job),
            heard=self._heard.get(job),
        )

    def _left(self, working: bool) -> float | None:
        """Say how many seconds are left; not at every look."""
        if not working or not self._rows:
            return None
        now = self._steady()
        if now < self._estimated + LEFT_EVERY:
            return self._facts.left
        self._estimated = now
        jobs = []
        for row in self._rows.values():
            jobs.append(self._status(row, now))
            self._pause()
        try:
            return self._history.left(jobs)
        except ValueError:  # a job's id that is not as esegeta writes it
            return None

    def _status(self, row: Row, now: float) -> JobStatus:
        state = "pending" if row.state == "interrupted" else row.state
        passes = self._plan.jobs[row.id].passes
        facts = {"done": row.done, "total": row.total, "elapsed": row.seconds(now)}
        return JobStatus(row.id, state, passes, **facts)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    """Whether a process of this machine is there, and not a dead one that nobody has buried."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:  # it is there, and not ours to look at
        return True
