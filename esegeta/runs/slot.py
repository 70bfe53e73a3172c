"""One worker process: starts it, hands it tasks, notices when it dies, and replaces it."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import psutil
from pebble import ProcessExpired, ProcessPool

from esegeta.runs import guardian
from esegeta.runs.beginning import Context
from esegeta.units import duration, size

T = TypeVar("T")

BEAT = 0.1
"""Seconds between two looks at a running task; a result is seen at once."""

STARTS_WITHIN = 120
"""Seconds a fresh process may take until it answers; a cold disk needs many."""

GONE_AFTER = 10
"""Beats after which a task of a process that is gone counts as lost: its result may be under way."""

LAST_WORDS = 0.5
"""Seconds between a timeout and the end of the worker, in which it writes its stack."""

_MEANING = {
    signal.SIGKILL: "as the system does when memory runs out",
    signal.SIGSEGV: "a segmentation fault: compiled code touched memory that is not its own",
    signal.SIGABRT: "compiled code gave up",
    signal.SIGBUS: "compiled code touched memory that is not there",
    signal.SIGFPE: "an arithmetic error in compiled code",
}


class Crash(Exception):  # noqa: N818  (what happened, not what went wrong in here)
    """The worker process ended in the middle of a task; the message says how."""


class TimedOut(Crash):
    """A task took longer than it may; the worker was ended."""


class Interrupt(BaseException):
    """The run is to end now."""


class Slot:
    """A worker process that is replaced when it dies, and that ends with this one, however it ends.

    Parameters
    ----------
    initializer : callable
        Called in every new process, before its first task; must not fail.
    *arguments
        What it gets.

    Attributes
    ----------
    fresh : bool
        Whether the next task is the first of a new process.
    """

    def __init__(self, initializer: Callable[..., None], *arguments: object) -> None:
        self.fresh = True
        self._initializer = initializer
        self._arguments = arguments
        self._pool: ProcessPool | None = None
        self._guardian: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def run(
        self,
        task: Callable[..., T],
        *arguments: object,
        beat: Callable[[], None] | None = None,
        timeout: float | None = None,
        ceiling: int | None = None,
    ) -> T:
        """Let the worker do one task and wait for it.

        Parameters
        ----------
        task : callable
            A function of a module, which catches its own errors.
        *arguments
            What it gets.
        beat : callable, optional
            Called ten times a second meanwhile; what it raises ends the worker.
        timeout : float, optional
            Seconds it may take. The worker gets a moment more, to write its stack.
        ceiling : int, optional
            Bytes of memory that the worker and what it started may hold.

        Raises
        ------
        TimedOut
            Where it took longer. The worker has been ended, with all it started.
        Crash
            Where the process died, or was ended at its ceiling. The next task gets a new one.
        """
        try:
            future: Future[T] = self._started().schedule(task, args=arguments)
            self.fresh = False
            return self._wait(future, beat, timeout, ceiling)
        except ProcessExpired as error:
            self.kill()
            raise Crash(_how(error.exitcode)) from None
        except BrokenProcessPool as error:
            self.kill()
            raise Crash(
                "the worker process could not be started or was ended while idle"
            ) from error
        except BaseException:
            self.kill()
            raise

    def _started(self) -> ProcessPool:
        if self._pool is not None and not (self._pool.active and _alive(self._pid)):
            # It died while it had nothing to do; no task is to blame.
            self.kill()
        if self._pool is None:
            self._pool = ProcessPool(
                max_workers=1,
                context=Context(),
                initializer=_begin,
                initargs=(dict(os.environ), self._initializer, self._arguments),
            )
            self._pid = self._pool.schedule(os.getpid).result(timeout=STARTS_WITHIN)
            self._guardian = _guard(self._pid)
        return self._pool

    def _wait(
        self,
        future: "Future[T]",
        beat: Callable[[], None] | None,
        timeout: float | None,
        ceiling: int | None,
    ) -> T:
        gone = 0
        end = math.inf if timeout is None else time.monotonic() + timeout + LAST_WORDS
        while not wait([future], timeout=BEAT).done:
            if beat is not None:
                beat()
            if time.monotonic() > end:
                raise TimedOut(f"it took longer than {duration(timeout or 0)}")
            if ceiling is not None and (held := memory(self._pid)) > ceiling:
                raise Crash(
                    f"the worker process held {size(held)} of memory, more than the {size(ceiling)} "
                    'of "worker_memory"'
                )
            # The pool takes a process that ended with exit code 0 for one that was not at work.
            gone = 0 if _alive(self._pid) else gone + 1
            if gone > GONE_AFTER:
                raise ProcessExpired("gone", code=0, pid=self._pid)
        return future.result()

    def kill(self) -> None:
        """End the worker now, and every process it started."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        self.fresh = True
        pool.stop()  # first, or it would start a new worker for the one that ends now
        if self._pid:
            guardian.end(self._pid)
        self._pid = 0
        if self._guardian is not None:
            with contextlib.suppress(OSError):
                self._guardian.communicate(b"\n")
        self._guardian = None
        pool.join()


def _begin(
    environment: Mapping[str, str],
    initializer: Callable[..., None],
    arguments: tuple[object, ...],
) -> None:
    """Begin a worker: of its own session, so that it and all it starts can be ended together."""
    with contextlib.suppress(PermissionError):
        os.setsid()  # nor does Ctrl-C reach it
    # What it was forked from has the driver's environment of when the first worker began.
    os.environ.clear()
    os.environ.update(environment)
    os.environ[guardian.MARK] = str(os.getpid())
    initializer(*arguments)


def _guard(worker: int) -> "subprocess.Popen[bytes]":
    """Start the process that ends the worker should this one be killed."""
    return subprocess.Popen(  # noqa: S603  (our own script)
        [sys.executable, "-I", "-S", guardian.__file__, str(worker)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def memory(pid: int) -> int:
    """Give the bytes of memory that a process and all it started hold."""
    held = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        for process in [leader, *leader.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                held += process.memory_info().rss
    return held


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            number = signal.Signals(-code)
            meaning = f" ({_MEANING[number]})" if number in _MEANING else ""
            return f"the worker process was killed by {number.name}{meaning}"
    return f"the worker process ended itself with exit code {code}"
