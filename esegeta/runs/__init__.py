"""Runs: a config in, a folder of results out, whatever happens in between."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esegeta.runs.api import RunResult as RunResult
    from esegeta.runs.api import run as run

__all__ = ["RunResult", "run"]


# Resolved on first use: who only reads a run folder (esegeta.runs.folder) needs no worker pool.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'esegeta.runs' has no attribute '{name}'")
    from esegeta.runs import api

    return getattr(api, name)
