"""Work that takes longer than a moment, in threads; what they give comes back to the event loop."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from esegeta.errors import EsegetaError

from ..language import tr

THREADS = 3
"""Image and map are read at one time; unpacking leaves Python free."""

SWITCH = 0.0005
"""Seconds that a thread at work may keep Python to itself; ten times less than usual."""

_log = logging.getLogger(__name__)


class Loader(QObject):
    """Runs functions in threads.

    Signals
    -------
    done : object, object
        The ticket, and what the function gave.
    failed : object, str
        The ticket, and why it gave nothing.
    """

    done = Signal(object, object)
    failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)
        # Each call of Qt lets go of Python, and the event loop waits that long to get it back.
        sys.setswitchinterval(SWITCH)

    def start(self, ticket: object, work: Callable[[], Any]) -> None:
        """Run a function; the ticket says what its answer is for."""
        self._pool.start(_Task(self, ticket, work))

    def wait(self) -> None:
        """Drop what has not begun, and wait for the rest."""
        self._pool.clear()
        self._pool.waitForDone()


class _Task(QRunnable):
    """One function at work."""

    def __init__(self, loader: Loader, ticket: object, work: Callable[[], Any]) -> None:
        super().__init__()
        self._loader, self._ticket, self._work = loader, ticket, work

    def run(self) -> None:
        """Run it; whatever it raises is told."""
        try:
            answer = self._work()
        except EsegetaError as error:
            self._loader.failed.emit(self._ticket, str(error))
        except MemoryError:
            self._loader.failed.emit(self._ticket, tr("there is not enough memory to read it"))
        except Exception as error:
            _log.exception("reading failed")
            self._loader.failed.emit(self._ticket, f"{type(error).__name__}: {error}")
        else:
            self._loader.done.emit(self._ticket, answer)
