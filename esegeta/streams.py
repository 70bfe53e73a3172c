"""Keeps standard output for what a command says."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from functools import cache


@contextlib.contextmanager
def stdout_aside() -> Iterator[None]:
    """Send standard output to standard error meanwhile.

    Also what compiled code and child processes write: ``esegeta schema > file`` is JSON, whatever
    a model or plug-in prints.
    """
    flush()
    try:
        kept = os.dup(1)
    except OSError:  # closed; there is nothing to keep clean
        yield
        return
    try:
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        flush()
        os.dup2(kept, 1)
        os.close(kept)


def flush() -> None:
    """Write out what Python and the C library hold back."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    with contextlib.suppress(AttributeError, OSError, TypeError):
        _c_library().fflush(None)


@cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
