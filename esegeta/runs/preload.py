"""What every worker process needs, imported once by the server that they are forked from.

Nothing computes here and no device is touched: neither threads nor a GPU's driver survive a fork.
For the same reason no plug-in of the user is imported, nor any library that only one method needs.
"""

import contextlib
import gc
import importlib

NEEDED = (
    "esegeta.runs.bench",
    "esegeta.runs.measure",
    # The first gradient of a process imports the one, its first picture the others.
    "torch.fx.experimental.symbolic_shapes",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
)

with contextlib.suppress(Exception):  # the worker itself then says what is wrong
    for name in NEEDED:
        importlib.import_module(name)
    from esegeta.discovery import built_in

    built_in()

# A collection in a worker would write to every object here, and so copy the memory they share.
gc.collect()
gc.freeze()
