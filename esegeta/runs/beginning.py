"""How a worker process begins: as a fork of one that has imported what every worker needs.

Importing PyTorch and the plug-ins takes seconds. On Linux a server of Python's own does so once per
driver; a worker is then there within milliseconds, and shares that memory with the others. It is
also what a GPU permits: the server computes nothing, and so each worker opens the device by itself.
Elsewhere a fork is unsafe or unknown: each worker is spawned, and imports by itself.
"""

import contextlib
import multiprocessing
import os
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

if sys.platform == "linux":
    from multiprocessing import forkserver
    from multiprocessing.context import ForkServerContext as _Context
    from multiprocessing.context import ForkServerProcess as _Process
else:
    from multiprocessing.context import SpawnContext as _Context
    from multiprocessing.context import SpawnProcess as _Process

PRELOADED = "esegeta.runs.preload"
DRIVER = "ESEGETA_DRIVER"
"""The environment variable that tells the server whose it is: who started it may be gone by then."""

_STARTING = threading.Lock()


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Start a process that imports what workers need, but not the caller's script again.

    A worker needs nothing of it, and a script without ``if __name__ == "__main__"`` would start
    the run anew in every worker.
    """
    with _STARTING:  # several slots start their workers from threads of their own
        script = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        os.environ[DRIVER] = str(os.getpid())
        if sys.platform == "linux":
            multiprocessing.set_forkserver_preload([PRELOADED])
        try:
            yield
        finally:
            del os.environ[DRIVER]
            sys.modules["__main__"] = script


class _Worker(_Process):
    """A process that begins without the caller's script."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802  (the name multiprocessing gives it)
        with _starting():
            return _Process._Popen(process_obj)


class Context(_Context):
    """What `multiprocessing` starts workers by."""

    Process = _Worker


def prepare() -> None:
    """Let the server begin to import, while this process does so and plans what is to be done."""
    if sys.platform == "linux":
        with _starting():
            forkserver.ensure_running()
