"""How long the rest of a run may take, by what its jobs have taken so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Running(NamedTuple):
    """A job at work: the passes it was expected to take, and how far it is."""

    job: str
    passes: float
    done: int
    total: int | None
    elapsed: float


@dataclass
class _Sum:
    """Jobs of a kind: how many, their passes and their seconds."""

    jobs: int = 0
    passes: float = 0.0
    seconds: float = 0.0

    def add(self, passes: float, seconds: float = 0.0, jobs: int = 1) -> None:
        self.jobs += jobs
        self.passes += jobs * passes
        self.seconds += seconds


@dataclass
class Pace:
    """Learns what a job takes from those of the same method and model, or else by that model's passes.

    Models differ by orders of magnitude in what a pass takes, and plans are made before the sizes of
    images are known.
    """

    _waiting: dict[tuple[str, str], _Sum] = field(default_factory=dict)
    _ended: dict[tuple[str, str], _Sum] = field(default_factory=dict)
    _of_model: dict[str, _Sum] = field(default_factory=dict)

    def waits(self, job: str, passes: float) -> None:
        """Count a job that is to be done, and was expected to take so many passes."""
        self._waiting.setdefault(_kind(job), _Sum()).add(passes)

    def begins(self, job: str, passes: float) -> None:
        """Count a job no longer among those that wait."""
        self._waiting[_kind(job)].add(passes, jobs=-1)

    def took(self, job: str, passes: float, seconds: float) -> None:
        """Learn what a job has taken."""
        kind = _kind(job)
        self._ended.setdefault(kind, _Sum()).add(passes, seconds)
        self._of_model.setdefault(kind[0], _Sum()).add(passes, seconds)

    def left(self, running: Iterable[Running]) -> float | None:
        """Say how many seconds are left; None where a job waits of whose model none has ended."""
        waiting = 0.0
        for kind, rest in self._waiting.items():
            if rest.jobs:
                seconds = self._seconds(kind, rest)
                if seconds is None:
                    return None
                waiting += seconds
        at_work = []
        for job in running:
            seconds = self._rest(job)
            if seconds is None:
                return None
            at_work.append(seconds)
        return max([(waiting + sum(at_work)) / max(1, len(at_work)), *at_work])

    def _rest(self, job: Running) -> float | None:
        if job.total and job.done:
            return job.elapsed * max(0, job.total - job.done) / job.done
        whole = self._seconds(_kind(job.job), _Sum(1, job.passes))
        return None if whole is None else max(0.0, whole - job.elapsed)

    def _seconds(self, kind: tuple[str, str], jobs: _Sum) -> float | None:
        alike, model = self._ended.get(kind), self._of_model.get(kind[0])
        if alike is not None:
            return jobs.jobs * alike.seconds / alike.jobs
        return None if model is None else jobs.passes * model.seconds / model.passes


def _kind(job: str) -> tuple[str, str]:
    """Give the model and the rest of ``IMAGE/MODEL/TARGET/METHOD[@LAYER][/METRIC]``."""
    _, model, _, work = job.split("/", 3)
    return model, work
