"""What the monitor knows of a run and of each of its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

State = Literal["running", "failed", "timed out", "interrupted", "pending", "done"]
STATES: tuple[State, ...] = ("running", "failed", "timed out", "interrupted", "pending", "done")
"""In the order in which they want attention."""

ENDED: tuple[State, ...] = ("done", "failed", "timed out")

Phase = Literal["reading", "absent", "damaged", "waiting", "at work", "ended", "stopped", "killed"]
"""``killed``: its driver is gone without having said so. ``waiting``: planned, and never begun."""


@dataclass(frozen=True, slots=True)
class Row:
    """A job.

    Parameters
    ----------
    id : str
        IMAGE/MODEL/TARGET/METHOD[@LAYER], which is its folder in the run folder.
    index : int
        Its place in the plan.
    state : str
    device, pid, host : optional
        Where it runs, while it does.
    done, total : int, optional
        Passes, while it runs and once its method has begun.
    since, heard : float, optional
        When it began and was last heard of, by this machine's clock that never jumps.
    took : float, optional
        Seconds that it took.
    reason : str, optional
        Why it failed.
    """

    id: str
    index: int
    state: State = "pending"
    device: str | None = None
    pid: int | None = None
    host: str | None = None
    done: int | None = None
    total: int | None = None
    since: float | None = None
    heard: float | None = None
    took: float | None = None
    reason: str | None = None

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """Its image, model, target, and method with the layer."""
        image, model, target, method, *_ = [*self.id.split("/", 3), "", "", ""]
        return image, model, target, method

    @property
    def part(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.state in ENDED:
            return 1.0
        return min(1.0, (self.done or 0) / self.total) if self.total else 0.0

    def seconds(self, now: float) -> float | None:
        """How long it took, or has run by `now`."""
        if self.state == "running" and self.since is not None:
            return max(0.0, now - self.since)
        return self.took


@dataclass(frozen=True)
class Facts:
    """A run as a whole.

    Parameters
    ----------
    folder : Path
    name : str
        The run's name.
    phase : str
    driver : str, optional
        Who holds the run's lock, as ``pid 12 on HOST``.
    lost : bool
        Whether that process is not to be found on this machine.
    stopping : str, optional
        ``soon`` or ``now``, where the run at work was asked to stop.
    why : str, optional
        Why it was stopped, or is damaged.
    left : float, optional
        Seconds until it will be done.
    report : bool
        Whether there is a report.
    begun : int
        How often it was started.
    pid : int, optional
        Of the process that started it last.
    """

    folder: Path
    name: str = ""
    phase: Phase = "reading"
    driver: str | None = None
    lost: bool = False
    stopping: str | None = None
    why: str | None = None
    left: float | None = None
    report: bool = False
    begun: int = 0
    pid: int | None = None


@dataclass(frozen=True)
class Chosen:
    """What there is to read of the job that is selected; of the run where none is.

    Parameters
    ----------
    job : str, optional
    text : str
        What was added to its log.
    anew : bool
        Whether `text` takes the place of what was there.
    result : dict, optional
        Its ``result.json``; None where there is none.
    """

    job: str | None
    text: str = ""
    anew: bool = False
    result: dict[str, Any] | None = None


@dataclass(frozen=True)
class Seen:
    """What has changed since one last looked.

    Parameters
    ----------
    facts : Facts
    ids : tuple of str, optional
        All jobs in the plan's order, where the plan was read anew.
    rows : list of Row
        Those that have changed.
    chosen : Chosen, optional
        Where that has changed.
    launch : str, optional
        What the start of a run that is under way is at: ``starting``, ``begun`` or ``failed``.
    said : str
        What the process of a start that failed has said.
    more : bool
        Whether there is more to read at once.
    """

    facts: Facts
    ids: tuple[str, ...] | None = None
    rows: list[Row] = field(default_factory=list)
    chosen: Chosen | None = None
    launch: str | None = None
    said: str = ""
    more: bool = False
