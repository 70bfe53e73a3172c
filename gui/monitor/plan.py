"""The plan of a run, read anew where it is another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from esegeta.runs.status import planned_jobs, weight


class Planned(NamedTuple):
    """What is kept of a job in the plan, of which there may be very many."""

    place: int
    passes: float
    fingerprint: str

    def record(self, job: str) -> dict[str, Any]:
        """Write it as it stands in ``plan.json``, as far as it is kept."""
        return {"id": job, "fingerprint": self.fingerprint, "passes": {"all": self.passes}}


class PlanFile:
    """Follows ``plan.json``.

    Parameters
    ----------
    path : Path
    pause : callable
        Called again and again while it reads.

    Attributes
    ----------
    jobs : dict
        By their ids, in order.
    there : bool
        Whether there is a plan.
    damage : str, optional
        What is wrong with it; `jobs` are those of the plan before.
    """

    def __init__(self, path: Path, pause: Callable[[], None]) -> None:
        self._path, self._pause = path, pause
        self._stamp: tuple[int, ...] | None = None
        self.jobs: dict[str, Planned] = {}
        self.name = ""
        self.there = False
        self.damage: str | None = None

    def read(self) -> bool:
        """Read it; whether the jobs are others now."""
        try:
            facts = self._path.stat()
            stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
            if stamp == self._stamp:
                return False
            plan = json.loads(self._path.read_bytes(), object_hook=self._parsed)
            jobs = {
                str(job["id"]): Planned(place, weight(job), str(job["fingerprint"]))
                for place, job in enumerate(planned_jobs(plan))
            }
            name = str(plan["name"])
        except OSError:
            return self._lose()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.damage = f"{self._path} is not as esegeta writes it: {error!r}"
            return False
        self._stamp, self.jobs, self.name = stamp, jobs, name
        self.there, self.damage = True, None
        return True

    def _lose(self) -> bool:
        was, self.there = self.there, False
        self._stamp, self.jobs, self.damage = None, {}, None
        return was

    def _parsed(self, found: dict[str, Any]) -> dict[str, Any]:
        """Pause between the parts of a long plan, which is one call into compiled code."""
        self._pause()
        return found
