"""What a job prints, kept in its log: also what compiled code and its child processes print."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from esegeta.streams import flush


@contextlib.contextmanager
def captured(path: Path) -> Iterator[None]:
    """Send what is written to standard output and standard error to the end of a file meanwhile."""
    flush()
    kept = os.dup(1), os.dup(2)
    redirect(path)
    try:
        with warnings.catch_warnings():
            # Each job's log says what concerns it, although an earlier job was warned of the same.
            warnings.simplefilter("default")
            yield
    finally:
        flush()
        for number, copy in enumerate(kept, start=1):
            os.dup2(copy, number)
            os.close(copy)


def redirect(path: Path) -> None:
    """Send standard output and standard error to the end of a file from now on."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
