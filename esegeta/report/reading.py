"""What a run folder says, as the page needs it; a damaged file becomes a failed job, not an error."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from esegeta.errors import RunError

State = Literal["done", "failed", "timed out", "pending"]
STATES: tuple[State, ...] = ("done", "failed", "timed out", "pending")
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Job:
    """One job of the plan, and what became of it.

    Parameters
    ----------
    plan : dict
        What ``plan.json`` says of it.
    result : dict
        Its ``result.json``; empty where there is none.
    state : State
    overlay : Path or None
        The picture of its map; only of a job that is done.
    frames : Path or None
        Tiles of the images that it made, where it made a strip of them.
    """

    plan: dict[str, Any]
    result: dict[str, Any]
    state: State
    overlay: Path | None = None
    frames: Path | None = None

    @property
    def id(self) -> str:
        """Its folder in the run folder."""
        return str(self.plan["id"])

    @property
    def method(self) -> str:
        """The method's name in this run."""
        return str(self.plan.get("method"))

    @property
    def layer(self) -> str | None:
        """The layer, for methods that take one."""
        layer = self.plan.get("layer")
        return None if layer is None else str(layer)

    @property
    def metric(self) -> str | None:
        """The metric's name in this run, of a job that judges a map."""
        metric = self.plan.get("metric")
        return None if metric is None else str(metric)

    @property
    def flagged(self) -> bool:
        """Whether it is done, but a check did not pass."""
        return self.state == "done" and not all(c.get("passed") for c in self.checks)

    @property
    def checks(self) -> list[dict[str, Any]]:
        """What was checked of the map."""
        return [check for check in self.result.get("checks") or [] if isinstance(check, dict)]


@dataclass(frozen=True)
class Group:
    """The jobs of one image, model and target: those done, then failed, then pending."""

    image: str
    model: str
    target: str
    jobs: list[Job]

    @property
    def maps(self) -> list[Job]:
        """The jobs that make maps."""
        return [job for job in self.jobs if job.metric is None]

    @property
    def measures(self) -> list[Job]:
        """The jobs that judge maps."""
        return [job for job in self.jobs if job.metric is not None]

    def judging(self, job: Job) -> list[Job]:
        """The jobs that judge the map of a job."""
        return [one for one in self.measures if one.plan.get("judges") == job.id]


@dataclass(frozen=True)
class Run:
    """A run folder's content; `config` is empty where ``config.json`` is missing."""

    name: str
    groups: list[Group]
    config: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def jobs(self) -> list[Job]:
        """All jobs."""
        return [job for group in self.groups for job in group.jobs]

    def count(self, state: State) -> int:
        """Count the jobs in a state."""
        return sum(job.state == state for job in self.jobs)

    @property
    def started(self) -> dict[str, Any]:
        """The event with which the run last began; empty where there is none."""
        return next((e for e in reversed(self.events) if e.get("event") == "run_started"), {})


def read(run: Path) -> Run:
    """Read a run folder.

    Raises
    ------
    RunError
        Where it has no readable ``plan.json``.
    """
    plan = _json(run / "plan.json")
    try:
        groups = [
            Group(
                str(group["image"]),
                str(group["model"]),
                str(group["target"]),
                sorted((_job(run, job) for job in group["jobs"]), key=_order),
            )
            for group in plan["groups"]
        ]
    except (KeyError, TypeError) as error:
        reason = plan.get("unreadable") or f"{type(error).__name__}: {error}"
        raise RunError(f"{run} holds no run with a readable plan.json ({reason})") from error
    config = _json(run / "config.json")
    return Run(
        str(plan.get("name", run.name)),
        groups,
        {} if "unreadable" in config else config,
        _events(run / "events.jsonl"),
    )


def _order(job: Job) -> int:
    """Put maps first, so that the short cards of other jobs stand together."""
    return STATES.index(job.state)


def _job(run: Path, plan: dict[str, Any]) -> Job:
    folder = run / str(plan["id"])
    if not _inside(folder, run):
        return _broken(plan, f"The plan names a folder outside the run: {plan['id']}")
    if not (folder / "result.json").is_file():
        return Job(plan, {}, "pending")
    result = _json(folder / "result.json")
    if "unreadable" in result:
        return _broken(plan, f"Its result.json cannot be read: {result['unreadable']}")
    if "fingerprint" in plan and result.get("fingerprint") != plan["fingerprint"]:
        return Job(plan, {}, "pending")  # left from before something changed
    if result.get("state") != "done":
        return Job(plan, result, "timed out" if result.get("state") == "timed out" else "failed")
    files = result.get("files") or {}
    overlay = _picture(folder / str(files.get("overlay", "overlay.png")), run)
    frames = _picture(folder / str(files["frames"]), run) if "frames" in files else None
    return Job(plan, result, "done", overlay, frames)


def _broken(plan: dict[str, Any], message: str) -> Job:
    error = {"kind": "RunError", "message": message, "traceback": None}
    return Job(plan, {"error": error}, "failed")


def _picture(path: Path, run: Path) -> Path | None:
    """Give a picture that can be shown."""
    return path if path.is_file() and _inside(path, run) and _is_png(path) else None


def _inside(path: Path, run: Path) -> bool:
    """Whether a path that a file names stays within the run folder, whatever links it goes by."""
    return path.resolve().is_relative_to(run.resolve())


def _is_png(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(PNG)) == PNG


def _json(path: Path) -> dict[str, Any]:
    """Read a JSON object; the key ``unreadable`` says why it could not be."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return {"unreadable": str(error)}
    return data if isinstance(data, dict) else {"unreadable": "it holds no JSON object"}


def _events(path: Path) -> list[dict[str, Any]]:
    """Read the events; a line that is still being written is left out."""
    if not path.is_file():
        return []
    events = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") != "progress":
            events.append(event)
    return events
