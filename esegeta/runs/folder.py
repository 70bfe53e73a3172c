"""The run folder: what a run has written, and how it is written so that nothing is ever half there."""

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from esegeta.errors import RunError
from esegeta.files import replacing

State = Literal["pending", "done", "failed"]

CONFIG, PLAN, LOG, EVENTS, REPORT = FILES = (
    "config.json",
    "plan.json",
    "run.log",
    "events.jsonl",
    "report.html",
)
RESULT, JOB_LOG, OVERLAY = "result.json", "job.log", "overlay.png"


class RunFolder:
    """A folder that holds one run: its plan, its events, and a folder per job.

    Made by `create` or `open`.

    Parameters
    ----------
    root : Path
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @classmethod
    def create(cls, root: Path) -> "RunFolder":
        """Make the folder, or take one that holds a run or nothing; prove that it can be written.

        Raises
        ------
        RunError
            Where it cannot be made or written, or holds other files.
        """
        folder = cls(root)
        try:
            folder.root.mkdir(parents=True, exist_ok=True)
            (folder.root / ".writable").touch()
            (folder.root / ".writable").unlink()
            foreign = not (folder.root / PLAN).is_file() and any(folder.root.iterdir())
        except OSError as error:
            raise RunError(
                f"the output folder {folder.root} cannot be written: {error.strerror or error}; "
                'name another one with --output or as "output" in the config'
            ) from error
        if foreign:
            raise RunError(
                f"the output folder {folder.root} holds files but no run, and a run would mix with "
                "them; name a new or an empty folder"
            )
        return folder

    @classmethod
    def open(cls, root: Path) -> "RunFolder":
        """Open a folder that holds a run.

        Raises
        ------
        RunError
            Where there is none.
        """
        if not (root / PLAN).is_file():
            raise RunError(f"there is no run in {root}: it has no {PLAN}")
        return cls(root)

    def job(self, job: str) -> Path:
        """Give the folder of a job."""
        folder = (self.root / job).absolute()
        if ".." in folder.parts or self.root not in folder.parents:
            raise RunError(f"the job {job!r} would be written outside the run folder {self.root}")
        return folder

    def plan(self) -> dict[str, Any]:
        """Read ``plan.json``."""
        plan = read_json(self.root / PLAN)
        if plan is None:
            raise RunError(f"{self.root / PLAN} is damaged; run again with another --output")
        return plan

    def result(self, job: str) -> dict[str, Any] | None:
        """Read a job's ``result.json``; None where there is none."""
        return read_json(self.job(job) / RESULT)

    def state(self, job: str, fingerprint: str) -> State:
        """Say how far a job is; a result made from something else since changed counts as none."""
        result = self.result(job)
        if result is None or result.get("fingerprint") != fingerprint:
            return "pending"
        return "done" if result.get("state") == "done" else "failed"

    def results(self) -> list[Path]:
        """Find every ``result.json``, of this plan or an earlier one."""
        return sorted(self.root.rglob(RESULT))

    def clear(self, job: str) -> Path:
        """Empty a job's folder before it runs: what is found there later is from this attempt."""
        folder = self.job(job)
        folder.mkdir(parents=True, exist_ok=True)
        for name in (RESULT, JOB_LOG, OVERLAY):
            (folder / name).unlink(missing_ok=True)
        for path in folder.glob("map.*"):
            path.unlink()
        return folder

    def write_result(self, job: str, result: dict[str, Any]) -> None:
        """Write a job's ``result.json``: the last thing it does."""
        write_json(self.job(job) / RESULT, result)

    def event(self, event: str, job: str | None = None, **facts: object) -> None:
        """Append one line to ``events.jsonl``; whole lines, whoever else is writing."""
        line = dumps({"time": time.time(), "event": event, "job": job, **facts}, indent=None)
        _append(self.root / EVENTS, line + "\n")

    def log(self, text: str) -> None:
        """Append a dated line to ``run.log``."""
        _append(self.root / LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")


class Tail:
    """The events that were added since last asked."""

    def __init__(self, folder: RunFolder, *, from_start: bool = False) -> None:
        self._path = folder.root / EVENTS
        self._at = 0 if from_start or not self._path.is_file() else self._path.stat().st_size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield them; a line still being written is left for the next time."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._at += len(line)
                yield json.loads(line)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None where there is no such file or it is no JSON object."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write JSON that is either wholly there or not at all, also when the power fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        file.write(dumps(data, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())


def dumps(data: object, indent: int | None) -> str:
    """Write JSON text; numbers JSON does not have (NaN, infinity) become null."""
    return json.dumps(_finite(data), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(data: object) -> object:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return data


def _append(path: Path, text: str) -> None:
    # One write on a file opened for appending is not interleaved with those of other processes.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        os.write(descriptor, text.encode("utf-8", "replace"))
    finally:
        os.close(descriptor)
