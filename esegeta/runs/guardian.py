"""Ends a worker and all it started when its driver is gone, however that ended.

Runs as a script in a process of its own, and so also helps where the worker hangs in compiled code
and can do nothing itself. Its standard input is a pipe whose other end only the driver holds: the
system closes it with the driver. A byte in it says that the guardian is no longer needed.

On a node of a cluster the driver is Ray's worker, which ends its children first and then itself: the
guardian is therefore no child of it, and knows what the worker has started although that is gone.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

MARK = "ESEGETA_WORKER"
"""The environment variable by which what a worker started is known: it holds the worker's id."""


def end(worker: int) -> None:
    """Kill a process that leads its group, that group, and on Linux whatever else it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGSTOP)  # so that nothing new is started meanwhile
    others = {*descendants(worker), *marked(worker)}
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGKILL)
    for process in others:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def descendants(process: int) -> list[int]:
    """List the processes that a process started, and those that they did; needs ``/proc``."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            facts = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue
        # The name of the program, in brackets, may hold anything.
        parent = int(facts.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(folder.name))
    found, new = [], [process]
    while new:
        new = [child for parent in new for child in children.get(parent, ())]
        found += new
    return found


def marked(worker: int) -> list[int]:
    """List the programs that a worker started, at any remove, also when it is gone; needs ``/proc``."""
    mark = f"{MARK}={worker}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def main() -> None:
    """Wait for the driver's word or end."""
    if os.fork():
        return
    if not sys.stdin.buffer.read(1):
        end(int(sys.argv[1]))


if __name__ == "__main__":
    main()
