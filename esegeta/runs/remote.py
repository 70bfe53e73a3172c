"""What happens on a node of a cluster: the local engine does one unit of work there."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from esegeta.runs.folder import RunFolder
from esegeta.runs.interrupts import Interrupts
from esegeta.runs.plan import Group, Job
from esegeta.runs.progress import View
from esegeta.runs.scheduler import Driver
from esegeta.runs.worker import Outcome, Setup
from esegeta.version import __version__

Unit = list[tuple[Group, Job]]

GO, STOP, NOW = "go", "stop", "now"
"""What the driver's note in the run folder says: work, begin no further job, or end."""

READ_EVERY = 0.5
"""Seconds between two looks at the note, which lies on a disk that many nodes share."""


@dataclass(frozen=True)
class Served:
    """What became of a unit of work.

    Parameters
    ----------
    outcomes : list of Outcome
        Of each job that came to an end.
    stopped : str, optional
        Why no node can go on, where that is so.
    unwritable : bool
        Whether the run folder takes no more.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    stopped: str | None = None
    unwritable: bool = False


class Orders(Interrupts):
    """The driver's requests to stop, read from its note in the run folder.

    A file reaches every node, also where a worker is busy in compiled code.
    """

    def __init__(self, note: Path) -> None:
        super().__init__()
        self._note = note
        self._word = self._read()
        self._at = time.monotonic()

    @property
    def missing(self) -> bool:
        """Whether there is no note: the driver has ended, or this node has another disk."""
        return self._latest() == ""

    @property
    def asked(self) -> bool:
        """Whether no further job is to begin."""
        return self._latest() != GO

    @property
    def now(self) -> bool:
        """Whether the running job is not to be waited for."""
        return self._latest() not in (GO, STOP)

    def _latest(self) -> str:
        if time.monotonic() >= self._at + READ_EVERY:
            self._at, self._word = time.monotonic(), self._read()
        return self._word

    def _read(self) -> str:
        try:
            return self._note.read_text()  # opened each time: a network file system looks anew
        except FileNotFoundError:
            return ""


def serve(setup: Setup, unit: Sequence[tuple[Group, Job]], note: Path, version: str) -> Served:
    """Do a unit of work with one worker of this machine's own; the task that Ray runs."""
    here = socket.gethostname()
    if version != __version__:
        return Served(
            stopped=f"the node {here} has esegeta {__version__}, but the run was started with "
            f"{version}; install the same on every node"
        )
    orders = Orders(note)
    if orders.missing:
        return Served(
            stopped=f"the node {here} does not see the run folder {setup.folder}; it, the config's "
            "files and the plug-ins must lie on a disk that every node of the cluster shares"
        )
    folder = RunFolder(setup.folder, setup.settings.execution.log)
    driver = Driver(folder, [setup], View([], quiet=True), orders)
    outcomes = driver.run(unit)
    return Served(outcomes, driver.stopped, driver.unwritable)
