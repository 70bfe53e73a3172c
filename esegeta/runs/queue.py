"""Which job a worker does next: its own group's, another group, or an expensive one of another's."""

from collections.abc import Sequence
from threading import Lock

from esegeta.runs.plan import Group, Job, total

WORTH_SHARING = 10
"""Passes from which a job may leave its group: below, loading the model anew costs more."""

Work = tuple[Group, Job]


class Queue:
    """Shares jobs out among workers.

    A worker stays with its group, whose jobs share a probe. When that is done it takes the group that
    costs most of those nobody has begun, of the model it holds if there is one. When all are begun, it
    takes the last, most expensive job of the group with most left to do, if that is worth it. A single
    worker takes the jobs as they come.

    Parameters
    ----------
    jobs : sequence of (Group, Job)
        In the plan's order: within a group what shares a pass first, the expensive last.
    workers : int
    """

    def __init__(self, jobs: Sequence[Work], workers: int) -> None:
        self._lock = Lock()
        self._alone = workers == 1
        self._groups: dict[str, list[Work]] = {}
        for group, job in jobs:
            self._groups.setdefault(group.id, []).append((group, job))
        self._left = {name: _cost(works) for name, works in self._groups.items()}
        self._fresh = dict.fromkeys(self._groups)

    def take(self, last: Group | None) -> Work | None:
        """Give the next job of a worker that has just worked on ``last``; None where none is left."""
        with self._lock:
            if last is not None and self._groups.get(last.id):
                return self._next(last.id)
            if self._fresh:
                return self._next(next(iter(self._fresh)) if self._alone else self._best(last))
            shared = [name for name, left in self._groups.items() if left and _worth(left[-1])]
            if not shared:
                return None
            return self._pop(max(shared, key=self._left.__getitem__), -1)

    def _next(self, name: str) -> Work:
        self._fresh.pop(name, None)
        return self._pop(name, 0)

    def _pop(self, name: str, position: int) -> Work:
        taken = self._groups[name].pop(position)
        self._left[name] -= total(taken[1].passes)
        return taken

    def _best(self, last: Group | None) -> str:
        model = last and last.model_name
        works, left = self._groups, self._left
        return max(
            self._fresh, key=lambda name: (works[name][0][0].model_name == model, left[name])
        )


def _cost(works: Sequence[Work]) -> float:
    return sum(total(job.passes) for _, job in works)


def _worth(work: Work) -> bool:
    return total(work[1].passes) >= WORTH_SHARING
