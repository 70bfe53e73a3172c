"""What a start of a run is to do: of the plan, what is asked for and not yet done."""

from collections.abc import Collection
from dataclasses import dataclass

from esegeta import config
from esegeta.errors import RunError, counted, unknown
from esegeta.runs.folder import RunFolder
from esegeta.runs.plan import Group, Job, Plan


@dataclass(frozen=True)
class Agenda:
    """The jobs of a plan, parted into what is to be done and what stays as it is.

    Parameters
    ----------
    plan : Plan
    todo : list of (Group, Job)
        In the plan's order.
    kept : list of str
        Asked for, and done by an earlier start.
    left_out : list of str
        Not asked for.
    pending : list of str
        Of those, what no start has brought to an end.
    """

    plan: Plan
    todo: list[tuple[Group, Job]]
    kept: list[str]
    left_out: list[str]
    pending: list[str]

    @property
    def stages(self) -> tuple[list[tuple[Group, Job]], list[tuple[Group, Job]]]:
        """What is to be done, in two: a map is judged after all maps are made."""
        making = [(group, job) for group, job in self.todo if job.subject is None]
        return making, [(group, job) for group, job in self.todo if job.subject is not None]

    def __str__(self) -> str:
        """Count the jobs, and those that are done before or not asked for."""
        before = f"; {counted(len(self.kept), 'job')} done before" if self.kept else ""
        others = f"; {counted(len(self.left_out), 'job')} not asked for" if self.left_out else ""
        return f"{self.plan}{before}{others}"


def agenda(plan: Plan, folder: RunFolder, only: Collection[str], *, only_failed: bool) -> Agenda:
    """Find what is to be done.

    Parameters
    ----------
    plan : Plan
        With fingerprints.
    folder : RunFolder
        What an earlier start has left.
    only : collection of str
        The methods asked for, by their names in the run; none for all.
    only_failed : bool
        Ask for what has failed or timed out, and nothing else.
    """
    made = Agenda(plan, [], [], [], [])
    for group, job in plan.jobs():
        state = folder.state(job.id, job.fingerprint)
        asked = not only or job.method in only
        asked = asked and (not only_failed or state in ("failed", "timed out"))
        if not asked:
            made.left_out.append(job.id)
            if state == "pending":
                made.pending.append(job.id)
        elif state == "done":
            made.kept.append(job.id)
        else:
            made.todo.append((group, job))
    return made


def require_methods(settings: config.Config, only: Collection[str]) -> None:
    """Refuse names of methods that the config does not have.

    Raises
    ------
    RunError
        With the nearest that it has.
    """
    names = [method.name for method in settings.methods]
    for name in only:
        if name not in names:
            raise RunError(unknown("method of this run", name, names))
