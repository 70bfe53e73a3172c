"""The job that is selected: its result, and the end of its log; of the run where none is."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from esegeta.errors import RunError
from esegeta.runs.folder import JOB_LOG, LOG, RESULT, RunFolder
from esegeta.runs.lines import read_json

from .rows import Chosen
from .tail import LogEnd


class Choice:
    """Reads what there is of one job, and what is added to it."""

    def __init__(self, root: Path, job: str | None) -> None:
        self.job = job
        folder = RunFolder(root)
        self._result: Path | None = None
        log = folder.root / LOG
        if job is not None:
            with contextlib.suppress(RunError):  # a plan that leads out of its folder
                own = folder.job(job)
                self._result, log = own / RESULT, own / JOB_LOG
        self._log = LogEnd(log)
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Any] | None = None
        self._first = True

    def look(self) -> Chosen | None:
        """Read what is new; None where nothing is."""
        piece = self._log.read()
        changed = self._read_result()
        first, self._first = self._first, False
        if not (first or changed or piece.text or piece.anew):
            return None
        return Chosen(self.job, piece.text, first or piece.anew, self._known)

    def _read_result(self) -> bool:
        if self._result is None:
            return False
        try:
            facts = self._result.stat()
            stamp: tuple[int, int] | None = (facts.st_mtime_ns, facts.st_ino)
        except OSError:
            stamp = None
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._known = None if stamp is None else read_json(self._result)
        return True
