"""Requests to stop a run: Ctrl-C, a signal, or a note in its folder that any host can leave."""

import contextlib
import platform
import signal
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from esegeta.errors import RunError
from esegeta.files import replacing
from esegeta.runs.lock import holder

NOTE = ".stop"
"""Its first word is `SOON` or `NOW`, the rest says who asks."""

SOON, NOW = "soon", "now"

READ_EVERY = 0.5
"""Seconds between two looks at the note, which may lie on a disk that many hosts share."""


def ask(root: Path, *, now: bool = False) -> str:
    """Leave a note that the run at work in a folder is to stop, and give its driver's name.

    Parameters
    ----------
    root : Path
        The run folder.
    now : bool
        Whether running jobs are not to be waited for.

    Raises
    ------
    RunError
        Where no run is at work there, or the note cannot be written.
    """
    driver = holder(root)
    if driver is None:
        raise RunError(f"there is nothing to stop: no esegeta is at work in {root}")
    try:
        with replacing(root / NOTE) as unfinished:
            unfinished.write_text(f"{NOW if now else SOON} esegeta stop on {platform.node()}")
    except OSError as error:
        raise RunError(f"{root / NOTE} cannot be written: {error.strerror}") from error
    return driver


def forget(root: Path) -> None:
    """Take away the note, such as one left to an earlier run."""
    with contextlib.suppress(OSError):
        (root / NOTE).unlink(missing_ok=True)


class Interrupts:
    """Counts requests to stop while it is entered; one to terminate, or to stop now, counts as two.

    Outside the main thread, where Python delivers no signals, only the note counts.

    Parameters
    ----------
    root : Path, optional
        The run folder, where a note may be left.

    Attributes
    ----------
    why : str, optional
        What asked last; None where nothing has.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.why: str | None = None
        # Apart, as one is written by the main thread and one by whichever looks.
        self._signalled = self._noted = 0
        self._root = root
        self._looked = float("-inf")
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether no further job is to begin."""
        return self._requests() > 0

    @property
    def now(self) -> bool:
        """Whether the running job is not to be waited for."""
        return self._requests() > 1

    @property
    def notice(self) -> str:
        """Say what was asked for, and how to ask for more."""
        if self.now:
            return f"Asked to stop now by {self.why}."
        more = "Ctrl-C again" if self.why == "Ctrl-C" else "Ctrl-C"
        return f"Asked to stop by {self.why}: running jobs end first; press {more} to stop now."

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._count)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._root is not None:
            forget(self._root)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self._signalled += 1 if number == signal.SIGINT else 2
        self.why = "Ctrl-C" if number == signal.SIGINT else "a request to terminate"

    def _requests(self) -> int:
        """Count them; the note is not read at every call, as workers ask ten times a second."""
        if self._root is not None and time.monotonic() >= self._looked + READ_EVERY:
            self._looked = time.monotonic()
            self._heed(self._root / NOTE)
        return self._signalled + self._noted

    def _heed(self, note: Path) -> None:
        try:
            word, _, who = note.read_text().partition(" ")
        except OSError:  # there is none
            return
        asked = 2 if word == NOW else 1
        if asked > self._noted:
            self._noted, self.why = asked, who
