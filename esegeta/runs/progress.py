"""How far a run is, on a terminal or as plain lines."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from esegeta.runs.plan import Job, total
from esegeta.units import duration


class View:
    """Shows a run's events: bars on a terminal, a line per ended job anywhere else.

    Parameters
    ----------
    jobs : sequence of Job
        What is to be done.
    quiet : bool
        Show nothing.
    """

    def __init__(self, jobs: Sequence[Job], *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, markup=False)
        self._weights = {job.id: max(1.0, total(job.passes)) for job in jobs}
        self._total = sum(self._weights.values())
        self._done = 0.0
        self._ended = 0
        self._began = time.monotonic()
        self._bars: Progress | None = None
        self._run = self._job = TaskID(0)
        if self._console.is_terminal and not quiet:
            columns = ("{task.description}", "{task.completed:,.0f}/{task.total:,.0f} passes")
            self._bars = Progress(
                TextColumn(columns[0], markup=False),
                BarColumn(),
                TextColumn(columns[1]),
                TextColumn("{task.fields[left]}"),
                console=self._console,
                transient=True,
            )
            self._run = self._bars.add_task("run", total=self._total, left="")
            self._job = self._bars.add_task("starting", total=1, left="")

    def __enter__(self) -> "View":
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    def say(self, text: str) -> None:
        """Show a sentence."""
        self._console.print(text, soft_wrap=True)

    def show(self, event: dict[str, Any]) -> None:
        """Show an event of the run."""
        job = event.get("job")
        if job not in self._weights:
            return
        if event["event"] == "started":
            self._bar(job, 0, 1)
        elif event["event"] == "progress":
            self._bar(job, event["done"], event["total"])
        elif event["event"] in ("finished", "failed", "timed_out"):
            self._end(event)

    def _end(self, event: dict[str, Any]) -> None:
        job = event["job"]
        self._ended += 1
        self._done += self._weights[job]
        count = f"[{self._ended}/{len(self._weights)}]"
        if event["event"] == "finished":
            self.say(f"{count} done    {job}  {duration(event['seconds'])}")
        else:
            word = event["event"].replace("_", " ")
            self.say(f"{count} {word}  {job}")  # the summary says why
        if self._bars:
            self._bars.update(self._run, completed=self._done, left=self.left(0))

    def _bar(self, job: str, done: float, expected: float) -> None:
        if self._bars:
            part = self._weights[job] * min(1.0, done / max(expected, 1))
            self._bars.update(self._job, description=job, completed=done, total=expected)
            self._bars.update(self._run, completed=self._done + part, left=self.left(part))

    def left(self, part: float) -> str:
        """Say how long the rest may take, by the time that what is done took."""
        done = self._done + part
        if done <= 0:
            return ""
        return f"{duration((time.monotonic() - self._began) * (self._total - done) / done)} left"
