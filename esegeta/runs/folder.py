"""The run folder: what a run has written, and how it is written so that nothing is ever half there."""

import contextlib
import errno
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, Literal

from esegeta.errors import RunError
from esegeta.runs.hashes import sha256
from esegeta.runs.lines import append, dumps, end_with_a_line, read_json, write_json

State = Literal["pending", "done", "failed", "timed out"]
Level = Literal["debug", "info", "warning"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning")

CONFIG, PLAN, LOG, EVENTS, REPORT = (
    "config.json",
    "plan.json",
    "run.log",
    "events.jsonl",
    "report.html",
)
EXPERIMENTS = "experiments"
FILES = (CONFIG, PLAN, LOG, EVENTS, REPORT, "evaluation.csv", "evaluation.json", EXPERIMENTS)
"""What lies in a run folder beside the images' folders."""

RESULT, JOB_LOG, OVERLAY, FRAMES = JOB_FILES = "result.json", "job.log", "overlay.png", "frames.png"
PARTIAL = ".partial"

LASTING = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "ESTALE", "ENOTCONN", "ENODEV")
    if hasattr(errno, name)
}
"""Errors that will meet the next file as well."""

PROOF = 1 << 16
"""Bytes that can be written where anything can."""

_UNFINISHED = re.compile(r"\.\d+-.+")
"""What `replacing` writes to, left behind by a process that was killed."""


class Unwritable(RunError):  # noqa: N818  (what happened, not what went wrong in here)
    """The run folder takes no more, so that no further job can be done; the message says why."""


class RunFolder:
    """A folder that holds one run: its plan, its events, and a folder per job.

    Made by `create` or `open`.

    Parameters
    ----------
    root : Path
    level : str
        The least that is logged: ``debug``, ``info`` or ``warning``.
    """

    def __init__(self, root: Path, level: Level = "info") -> None:
        # Only where needed: the path is to be told as the user wrote it.
        self.root = root.resolve() if ".." in root.parts else root.absolute()
        self._level = level

    @classmethod
    def create(cls, root: Path, level: Level = "info") -> "RunFolder":
        """Make the folder, or take one that holds a run or nothing; prove that it can be written.

        Raises
        ------
        RunError
            Where it cannot be made or written, or holds other files.
        """
        folder = cls(root, level)
        try:
            folder.root.mkdir(parents=True, exist_ok=True)
            folder._write_something()
            # Hidden files are the lock, or a system's own.
            others = any(
                path.name[0] != "." and path.name != EXPERIMENTS for path in folder.root.iterdir()
            )
            foreign = others and not (folder.root / PLAN).is_file()
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
        path = PurePath(job)
        if ".." in path.parts or path.is_absolute() or not path.parts:
            raise RunError(f"the job {job!r} would be written outside the run folder {self.root}")
        return self.root / path

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
        """Say how far a job is.

        A result counts as none where something it was made from has changed since, or where its
        files are not there as they were written.
        """
        result = self.result(job)
        if result is None or result.get("fingerprint") != fingerprint:
            return "pending"
        if result.get("state") != "done":
            return "timed out" if result.get("state") == "timed out" else "failed"
        return "done" if _whole(self.job(job), result) else "pending"

    def results(self) -> list[Path]:
        """Find every ``result.json``, of this plan or an earlier one."""
        return sorted(self.root.rglob(RESULT))

    def clear(self, job: str) -> Path:
        """Empty a job's folder before it runs: what is found there later is from this attempt."""
        folder = self._make(job)
        for path in list(folder.iterdir()):
            ours = path.name in JOB_FILES or path.name.startswith("map.")
            # (A folder holds what a metric says of the map.)
            if path.is_file() and (ours or _UNFINISHED.fullmatch(path.name)):
                path.unlink()
        return folder

    def partial(self, job: str) -> Path:
        """Give the folder where a job at work keeps what it has found so far; it may not be there."""
        return self.job(job) / PARTIAL

    def forget(self, job: str) -> None:
        """Take away what a job had found on the way; it has ended."""
        shutil.rmtree(self.partial(job), ignore_errors=True)

    def cleared(self, job: str) -> Path:
        """Give the folder that `clear` has emptied for a job at work.

        Raises
        ------
        Unwritable
            Where the whole run folder was taken away meanwhile.
        RunError
            Where only the job's was.
        """
        folder = self.job(job)
        if not folder.is_dir():
            self.prove()
            raise RunError(f"its folder {folder} was removed while it worked")
        return folder

    def write_result(self, job: str, result: dict[str, Any]) -> None:
        """Write a job's ``result.json``: the last thing it does."""
        with self.writing():
            write_json(self._make(job) / RESULT, result)

    def write(self, name: str, data: dict[str, Any]) -> None:
        """Write one of the run's own files."""
        with self.writing(every=True):
            write_json(self.root / name, data)

    def mend(self) -> None:
        """Take away what a process that was killed has left half-written; nobody else may write."""
        with self.writing(every=True):
            for path in self.root.iterdir():
                if _UNFINISHED.fullmatch(path.name):
                    path.unlink(missing_ok=True)
            for name in (EVENTS, LOG):
                end_with_a_line(self.root / name)

    def _make(self, job: str) -> Path:
        """Make a job's folder, but not the run's: it may have been taken away meanwhile."""
        folder = self.job(job)
        if folder.is_dir():
            return folder
        with self.writing():
            if not (self.root / PLAN).is_file():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.root))
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextlib.contextmanager
    def writing(self, *, every: bool = False) -> Iterator[None]:
        """Tell errors that concern the whole run folder as `Unwritable`.

        Parameters
        ----------
        every : bool
            Take every `OSError` for one: what is written belongs to no single job.
        """
        try:
            yield
        except Unwritable:
            raise
        except Exception as error:
            for cause in chain(error):
                if not isinstance(cause, OSError):
                    continue
                reason = self._trouble(cause) or (every and (cause.strerror or str(cause)))
                if reason:
                    raise Unwritable(
                        f"the run folder {self.root} cannot be written: {reason}"
                    ) from error
            raise

    def _trouble(self, error: OSError) -> str | None:
        if error.errno in LASTING:
            return error.strerror or str(error)
        absent = error.errno in (errno.ENOENT, errno.ENOTDIR)
        return "it is no longer there" if absent and not (self.root / PLAN).is_file() else None

    def prove(self) -> None:
        """Prove that files can be written.

        Raises
        ------
        Unwritable
            Where they cannot.
        """
        with self.writing(every=True):
            self._write_something()

    def _write_something(self) -> None:
        path = self.root / f".{os.getpid()}-writable"
        try:
            with path.open("wb") as file:
                file.write(bytes(PROOF))
                file.flush()
                os.fsync(file.fileno())
        finally:
            path.unlink(missing_ok=True)

    def event(self, event: str, job: str | None = None, **facts: object) -> None:
        """Append one line to ``events.jsonl``; whole lines, whoever else is writing."""
        line = dumps({"time": time.time(), "event": event, "job": job, **facts}, indent=None)
        with self.writing(every=True):
            append(self.root / EVENTS, line + "\n")

    def log(self, text: str, level: Level = "info") -> None:
        """Append a dated line to ``run.log``, where its level is one that is logged."""
        if LEVELS.index(level) < LEVELS.index(self._level):
            return
        with self.writing(every=True):
            append(self.root / LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")


class Tail:
    """The events that were added since last asked."""

    def __init__(self, folder: RunFolder, *, from_start: bool = False) -> None:
        self._path = folder.root / EVENTS
        self._at = 0 if from_start or not self._path.is_file() else self._path.stat().st_size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield them; a line still being written is left for the next time."""
        for line in self.lines():
            with contextlib.suppress(ValueError):  # half of one, from a disk that was full
                yield json.loads(line)

    def lines(self) -> Iterator[bytes]:
        """Yield them as they stand in the file."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._at += len(line)
                yield line


def _whole(folder: Path, result: dict[str, Any]) -> bool:
    """Whether the files of a result are as they were written."""
    files, hashes = result.get("files"), result.get("sha256")
    if not isinstance(files, dict) or not isinstance(hashes, dict):
        return False
    if not files and "value" not in result:  # a number needs no file
        return False
    # A hash is null where the file was gone already when it was to be hashed.
    return all(sha256(folder / str(n)) == (hashes.get(kind) or "") for kind, n in files.items())


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that led to it."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__
