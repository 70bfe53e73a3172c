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
        self._begun: set[str] = set()

    def take(self, last: Group | None) -> Work | None:
        """Give the next job of a worker that has just worked on ``last``; None where none is left."""
        with self._lock:
            if last is not None and self._groups.get(last.id):
                return self._next(last.id)
            fresh = [name for name in self._groups if name not in self._begun]
            if fresh:
                return self._next(fresh[0] if self._alone else self._best(fresh, last))
            shared = [name for name, left in self._groups.items() if left and _worth(left[-1])]
            if not shared:
                return None
            return self._groups[max(shared, key=self._left)].pop()

    def _next(self, name: str) -> Work:
        self._begun.add(name)
        return self._groups[name].pop(0)

    def _best(self, names: Sequence[str], last: Group | None) -> str:
        model = last and last.model_name
        return max(names, key=lambda n: (self._groups[n][0][0].model_name == model, self._left(n)))

    def _left(self, name: str) -> float:
        return sum(total(job.passes) for _, job in self._groups[name])


def _worth(work: Work) -> bool:
    return total(work[1].passes) >= WORTH_SHARING
