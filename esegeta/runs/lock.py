"""One driver per run folder."""

import contextlib
import errno
import fcntl
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from esegeta.errors import RunError

LOCK = ".lock"

LOOKS, LOOK = 10, 0.02
"""How often, and after how many seconds, a lock is asked for again: `holder` holds it in passing."""


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keep other drivers out of a run folder meanwhile.

    The system lets go of the lock when the process ends, however it ends: a lock is never stale.
    Where a file system has no locks, there is none.

    Raises
    ------
    RunError
        Where another driver is at work, or the lock cannot be written.
    """
    path = root / LOCK
    descriptor = _taken(path)
    try:
        with contextlib.suppress(OSError):  # who holds it is for a message only
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"pid {os.getpid()} on {platform.node()}".encode())
        yield
    finally:
        # Taken away while it is held: who waits for it finds that it is no longer this file.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def holder(root: Path) -> str | None:
    """Say who is at work in a run folder, as ``pid 12 on HOST``; None where nobody is.

    Where a file system has no locks, a driver that was killed seems to be at work still.

    Raises
    ------
    RunError
        Where the lock cannot be read.
    """
    path = root / LOCK
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    try:
        # Shared, so that those who only look are not taken for a driver by one another.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except OSError:
        return _name(descriptor)
    finally:
        os.close(descriptor)


def _name(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"


def _taken(path: Path) -> int:
    looks = 0
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(path, descriptor):
                return descriptor
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return descriptor
            name = _name(descriptor)
            looks += 1
            if looks > LOOKS:
                os.close(descriptor)
                raise RunError(
                    f"esegeta ({name}) is at work in {path.parent}; wait for it, or name another "
                    "folder with --output"
                ) from None
            time.sleep(LOOK)
        os.close(descriptor)


def _is(path: Path, descriptor: int) -> bool:
    """Whether the file still stands at its place."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False
