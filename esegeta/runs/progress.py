"""How far a run is: a row per worker on a terminal, a line per ended job anywhere else."""

import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.measure import Measurement
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from esegeta.errors import counted
from esegeta.runs.pace import Pace, Running
from esegeta.runs.plan import Job, total
from esegeta.runs.status import ENDED
from esegeta.units import duration

BAR = 12
"""Cells of a job's bar."""

WIDE = 80
"""Cells of a terminal that has room for such bars."""

SPARE = 3
"""Lines of a terminal that the rows of workers leave free."""


@dataclass
class _Row:
    """A worker and what it does, as far as its events tell."""

    device: str
    job: str | None = None
    done: int = 0
    total: int | None = None
    began: float = 0.0


class View:
    """Shows a run's events.

    On a terminal a row per worker and a line for the whole are drawn anew in their place. Anywhere
    else, or where asked, there are plain lines: no control character is in them.

    Parameters
    ----------
    jobs : sequence of Job
        What is to be done.
    devices : sequence of str
        Of each worker; one that comes later, as in a cluster, gets a row of its own.
    plain : bool
        Show lines on a terminal too.
    quiet : bool
        Show nothing.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        devices: Sequence[str] = (),
        *,
        plain: bool = False,
        quiet: bool = False,
    ) -> None:
        # Asked here: rich takes a pipe for a terminal where FORCE_COLOR is set.
        drawn = sys.stderr.isatty() and not plain
        self._console = Console(
            stderr=True,
            quiet=quiet,
            highlight=False,
            markup=False,
            emoji=False,
            force_terminal=drawn,
            color_system="auto" if drawn else None,
        )
        self._passes = {job.id: max(1.0, total(job.passes)) for job in jobs}
        self._ended = self._failed = 0
        self._pace = Pace()
        for job, passes in self._passes.items():
            self._pace.waits(job, passes)
        self._rows = [_Row(device) for device in devices]
        self._lock = threading.Lock()  # a thread of rich's draws
        self._live: Live | None = None
        if drawn and not quiet and not self._console.is_dumb_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self.drawing,
                transient=True,
            )

    def __enter__(self) -> "View":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Show a sentence."""
        self._console.print(text, soft_wrap=True)

    def show(self, event: dict[str, Any]) -> None:
        """Show an event of the run."""
        job, name = event.get("job"), event["event"]
        if job not in self._passes:
            return
        with self._lock:
            if name == "started":
                self._pace.begins(job, self._passes[job])
                row = self._free(event["device"])
                row.job, row.done, row.total, row.began = job, 0, None, time.monotonic()
            else:
                row = next((row for row in self._rows if row.job == job), _Row(""))
            if name == "progress":
                row.done, row.total = event["done"], event["total"]
            elif name == "retried":
                row.job = None
                self._pace.waits(job, self._passes[job])
            elif name in ENDED:
                if row.job is None:  # it never began, as its group cannot be set up
                    self._pace.begins(job, self._passes[job])
                row.job = None
        if name in ENDED:
            self._end(event)

    def _free(self, device: str) -> _Row:
        """Give a worker's row: of its device, and idle, as its last job has ended."""
        for row in self._rows:
            if row.job is None and row.device == device:
                return row
        self._rows.append(_Row(device))
        return self._rows[-1]

    def _end(self, event: dict[str, Any]) -> None:
        job, state = event["job"], ENDED[event["event"]]
        with self._lock:
            self._ended += 1
            self._failed += state != "done"
            if state == "done":
                self._pace.took(job, self._passes[job], event["seconds"])
        before = f"[{self._ended}/{len(self._passes)}] {state:9} "
        after = (
            f"  {duration(event['seconds'])}" if state == "done" else ""
        )  # else the summary: why
        if self._live:
            job = _ending(job, self._console.width - cell_len(before + after))
        self.say(before + job + after)

    def drawing(self) -> RenderableType:
        """Draw every worker's row, and below them a line for the whole."""
        wide = self._console.width >= WIDE
        table = Table.grid(
            Column(no_wrap=True),
            Column(no_wrap=True, ratio=1),
            *([Column(width=BAR)] if wide else []),
            Column(no_wrap=True, justify="right"),
            Column(no_wrap=True, justify="right"),
            padding=(0, 2, 0, 0),
            expand=True,
        )
        with self._lock:
            shown = self._rows[: max(1, self._console.height - SPARE)]
            for row in shown:
                table.add_row(*_cells(row, wide=wide))
            hidden = len(self._rows) - len(shown)
            lines = [Text(f"and {counted(hidden, 'worker')} more")] if hidden else []
            return Group(table, *lines, self._whole())

    def _whole(self) -> RenderableType:
        now, jobs = time.monotonic(), len(self._passes)
        running = [
            Running(row.job, self._passes[row.job], row.done, row.total, now - row.began)
            for row in self._rows
            if row.job is not None
        ]
        done = self._ended + sum(min(1.0, job.done / (job.total or 1)) for job in running)
        seconds = self._pace.left(running)
        said = [f"{self._ended}/{counted(jobs, 'job')}"]
        said += [f"{self._failed} failed"] if self._failed else []
        said += [f"about {duration(seconds)} left"] if seconds else []
        line = Table.grid(Column(no_wrap=True), Column(ratio=1), padding=(0, 2, 0, 0), expand=True)
        line.add_row(Text(", ".join(said), style="bold"), ProgressBar(max(1, jobs), done))
        return line


class _End:
    """A text of which the end stays where there is no room for all of it: there ids differ."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(_ending(self._text, options.max_width), no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, cell_len(self._text))


def _ending(text: str, room: int) -> str:
    """Cut a text at its beginning where it takes more cells than there are."""
    if cell_len(text) <= room:
        return text
    while text and cell_len(text) > room - 1:
        text = text[1:]
    return f"…{text}"


def _cells(row: _Row, *, wide: bool) -> list[RenderableType]:
    if row.job is None:
        return [row.device, Text("idle", style="dim")]
    begun = row.total is not None
    bar = ProgressBar(max(1, row.total or 1), row.done, width=BAR) if begun else ""
    count = f"{row.done:,}/{row.total:,}" if begun else "starting"
    elapsed = duration(max(1.0, time.monotonic() - row.began))
    return [row.device, _End(row.job), *([bar] if wide else []), count, elapsed]
