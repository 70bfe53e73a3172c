"""What every worker process needs, imported once by the server that they are forked from.

Nothing computes here and no device is touched: neither threads nor a GPU's driver survive a fork.
For the same reason no plug-in of the user is imported, nor any library that only one method needs.
"""

import contextlib
import gc
import importlib
import os
import threading

from esegeta.runs.beginning import DRIVER

NEEDED = (
    "esegeta.runs.bench",
    "esegeta.runs.measure",
    # The first gradient of a process imports the one, its first picture the others.
    "torch.fx.experimental.symbolic_shapes",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
)


def _end_with(driver: int, done: threading.Event) -> None:
    """End when the driver does: who imports does not see yet that nobody is left to serve."""
    while not done.wait(0.1):
        if os.getppid() != driver:
            os._exit(1)


_driver = int(os.environ.pop(DRIVER, os.getppid()))
_done = threading.Event()
_watch = threading.Thread(target=_end_with, args=(_driver, _done))
_watch.start()

with contextlib.suppress(Exception):  # the worker itself then says what is wrong
    for name in NEEDED:
        importlib.import_module(name)
    from esegeta.discovery import built_in

    built_in()

_done.set()
_watch.join()  # no thread survives a fork

# A collection in a worker would write to every object here, and so copy the memory they share.
gc.collect()
gc.freeze()
