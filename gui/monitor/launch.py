"""Starts runs in processes that survive the window, and says what became of a start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

from esegeta.errors import RunError

from ..helpers import detached, reason
from ..language import tr
from .rows import Facts

OUTPUT = ".driver.log"
"""What a run started from the monitor says; hidden, so that the run folder counts as empty."""

LONGEST = 1 << 14
"""Bytes of it that are looked at."""


class Launch:
    """A run that was started, until it has begun or failed to.

    Parameters
    ----------
    folder : Path
        The run folder.
    pid : int
        Of the process.
    before : Facts
        The run that was in the folder before.
    size : int
        Bytes that earlier starts have said.
    """

    def __init__(self, folder: Path, pid: int, before: Facts, size: int) -> None:
        self._folder, self._pid, self._size = folder, pid, size
        self._before = (before.begun, before.pid)
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.NoSuchProcess:  # it has ended already
            self._process = None

    def state(self, facts: Facts) -> str:
        """Say whether it is ``starting``, has ``begun`` or has ``failed`` to, by the run's events."""
        if facts.pid == self._pid and (facts.begun, facts.pid) != self._before:
            return "begun"
        return "starting" if self._there() else "failed"

    def said(self) -> str:
        """Give what the process has said of why it failed."""
        try:
            with (self._folder / OUTPUT).open("rb") as file:
                end = file.seek(0, 2)
                file.seek(max(self._size, end - LONGEST))
                return reason(file.read(LONGEST).decode(errors="replace"))
        except OSError:
            return ""

    def stop(self) -> None:
        """End a process that has not begun the run yet."""
        if self._process is not None and self._there():
            self._process.terminate()

    def _there(self) -> bool:
        try:
            return (
                self._process is not None
                and self._process.is_running()
                and self._process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return False


def start(arguments: Sequence[str], before: Facts, base: Path | None = None) -> Launch:
    """Start ``esegeta run …``; it goes on when this program ends.

    Parameters
    ----------
    arguments : sequence of str
        What stands after ``esegeta``.
    before : Facts
        The run in the folder until now; what the process says is kept there.
    base : Path, optional
        The folder to start it in; else the run folder.

    Raises
    ------
    RunError
        Where it cannot be started.
    """
    folder = before.folder
    output = folder / OUTPUT
    try:
        folder.mkdir(parents=True, exist_ok=True)
        size = output.stat().st_size if output.exists() else 0
        output.touch()
    except OSError as error:
        raise RunError(
            tr("%s cannot be written") % folder + f": {error.strerror or error}"
        ) from error
    pid = detached(arguments, base or folder, output)
    if pid is None:
        raise RunError(tr("the run could not be started: the system starts no further process"))
    return Launch(folder, pid, before, size)


def resuming(folder: Path, *, only_failed: bool = False) -> list[str]:
    """Give the command line that goes on with a run, from its folder alone."""
    parts = ["run", str(folder / "config.json"), "--output", str(folder), "--plain", "--resume"]
    return [*parts, "--only-failed"] if only_failed else parts
