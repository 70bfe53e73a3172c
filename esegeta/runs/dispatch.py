"""The driver of a cluster: hands units of work to Ray, whatever becomes of its nodes."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from esegeta.files import replacing
from esegeta.runs.cluster import fitting, in_words, needs
from esegeta.runs.folder import RunFolder, Tail, Unwritable
from esegeta.runs.interrupts import Interrupts
from esegeta.runs.plan import Group, Job, total
from esegeta.runs.progress import View
from esegeta.runs.queue import WORTH_SHARING
from esegeta.runs.remote import GO, NOW, STOP, Served, Unit, serve
from esegeta.runs.slot import BEAT, Crash, TimedOut
from esegeta.runs.status import ENDED
from esegeta.runs.worker import Outcome, Setup, failure, report
from esegeta.units import duration
from esegeta.version import __version__

UNITS_PER_WORKER = 4
"""Fewer load models less often; more end at about the same time."""

LIVES = 3
"""Nodes that may die under a job before it counts as failed."""

GRACE = 10.0
"""Seconds a node has to end a job by itself, before Ray ends the node's worker."""


def units(jobs: Sequence[tuple[Group, Job]], workers: int) -> list[Unit]:
    """Cut a plan into units of work, the longest first.

    A unit holds jobs of one model, up to its share of the whole cost. Jobs of a group stay together
    where they share passes; an expensive one may be a unit of its own.
    """
    share = sum(total(job.passes) for _, job in jobs) / (UNITS_PER_WORKER * workers)
    made: list[Unit] = []
    costs: list[float] = []
    for group, job in jobs:
        cost = total(job.passes)
        last = made[-1][-1][0] if made else None
        fits = last is not None and last.model_name == group.model_name
        fits = fits and costs[-1] + cost <= share
        if fits or (last is not None and last.id == group.id and cost < WORTH_SHARING):
            made[-1].append((group, job))
            costs[-1] += cost
        else:
            made.append([(group, job)])
            costs.append(cost)
    order = sorted(range(len(made)), key=lambda index: -costs[index])
    return [made[index] for index in order]


@dataclass
class RayDriver:
    """Runs jobs on a cluster and shows how far they are.

    Ray decides where and when a unit of work is done. On its node the local engine does it, one job
    after the other, and so a job's time, its crash and its end are minded where it runs. What
    remains here is what no node can see: its own death, and requests to stop.

    Parameters
    ----------
    folder : RunFolder
        On a disk that every node shares.
    setups : sequence of Setup
        Alike, one per worker that the cluster holds.
    view : View
    interrupts : Interrupts

    Attributes
    ----------
    stopped : str, optional
        Why the work ended early.
    unwritable : bool
        Whether the run folder takes no more.
    """

    folder: RunFolder
    setups: Sequence[Setup]
    view: View
    interrupts: Interrupts
    stopped: str | None = None
    unwritable: bool = False
    _units: dict[Any, Unit] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)
    _ended: dict[str, Outcome] = field(default_factory=dict)
    _losses: Counter[str] = field(default_factory=Counter)
    _order: str = ""
    _ordered: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def run(self, jobs: Sequence[tuple[Group, Job]]) -> list[Outcome]:
        """Run jobs, and give the outcome of each that came to an end."""
        import ray

        self._tail = Tail(self.folder)
        self._order = ""
        # Named as what `mend` takes away, should this process be killed.
        self._note = self.folder.root / f".{os.getpid()}-ray"
        self._limits = {job.id: job.timeout for _, job in jobs if job.timeout is not None}
        try:
            self._give(GO)
            self._prepare()
            for unit in units(jobs, len(self.setups)):
                self._submit(unit)
            while self._units:
                ready, _ = ray.wait([*self._units], timeout=BEAT)
                self._watch()
                for task in ready:
                    self._take(task)
                self._end_overdue()
                self._mind_requests()
        except Unwritable as error:
            self.stopped, self.unwritable = str(error), True
        finally:
            # Where this was left early, what still runs on a node ends without the note.
            with contextlib.suppress(OSError):
                self._note.unlink(missing_ok=True)
        self._watch()
        if self.interrupts.now:
            with contextlib.suppress(Unwritable):
                self.folder.log("stopped at once")
        return [*self._ended.values()]

    def _prepare(self) -> None:
        """Send every node what it needs to know, and say so where none can do the work yet."""
        import ray

        setup = self.setups[0]
        wanted = needs(setup.settings.execution, setup.place)
        # The deadline is the whole run's and is minded here.
        execution = setup.settings.execution.model_copy(update={"deadline": None})
        settings = setup.settings.model_copy(update={"execution": execution})
        self._setup = ray.put(replace(setup, settings=settings))
        self._task = ray.remote(serve).options(max_retries=0, **wanted)
        if not fitting(wanted):
            text = f"No node of the cluster has {in_words(wanted)} yet; waiting for one that has."
            self.view.say(text)
            self.folder.log(text, "warning")

    def _submit(self, unit: Unit) -> None:
        self._units[self._task.remote(self._setup, unit, self._note, __version__)] = unit

    def _take(self, task: Any) -> None:
        """Take what became of a unit."""
        import ray

        unit = self._units.pop(task)
        try:
            served: Served = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            # Not a job's error but one before it, as where a node has no esegeta.
            reason = str(error.cause).strip().splitlines()[-1:] or [repr(error.cause)]
            self.stopped = f"a node of the cluster could not begin its work: {reason[0]}"
            self.folder.log(str(error), "warning")
        except ray.exceptions.RayError as error:
            self._watch()
            self._lost(unit, error)
        else:
            self._ended |= {outcome.job: outcome for outcome in served.outcomes}
            self.stopped = self.stopped or served.stopped
            self.unwritable = self.unwritable or served.unwritable

    def _lost(self, unit: Unit, error: Exception) -> None:
        """Have the rest of a unit done whose worker is gone, with its node or without."""
        import ray

        left = self._left(unit)
        if self._order != GO:
            return
        at_work = [work for work in left if work[1].id in self._begun]
        node = isinstance(error, ray.exceptions.NodeDiedError)
        # No job is to blame for its node's death, nor for that of a worker before it began.
        retries = self.setups[0].settings.execution.retries
        allowed = LIVES if node or not at_work else retries
        reason = str(error).split(". ")[0]
        for group, job in at_work or left[:]:
            self._begun.pop(job.id, None)
            self._losses[job.id] += 1
            again = allowed - self._losses[job.id]
            if again < 0:
                times = self._losses[job.id]
                text = f"{reason}" + (f" ({times} times)" if times > 1 else "")
                self._fail(group, job, Crash(text))
                left.remove((group, job))
            else:
                self.folder.log(f"again   {job.id}: {reason}", "warning")
                self.folder.event("retried", job.id, message=reason, left=again)
        # Alone, so that what ends every worker costs nothing else.
        for part in ([w for w in left if w in at_work], [w for w in left if w not in at_work]):
            if part:
                self._submit(part)

    def _left(self, unit: Unit) -> Unit:
        """Give what is left of a unit, also where its node died between a result and its event."""
        for _, job in unit:
            if job.id not in self._ended and self.folder.state(job.id, job.fingerprint) == "done":
                self._ended[job.id] = Outcome(job.id)
        return [(group, job) for group, job in unit if job.id not in self._ended]

    def _fail(self, group: Group, job: Job, crash: Crash) -> None:
        record = failure(group, job, crash)
        self.folder.write_result(job.id, record)
        self._ended[job.id] = report(self.folder, job, record, 0.0)

    def _end_overdue(self) -> None:
        """End jobs whose node did not end them in time, as where it is frozen."""
        import ray

        now = time.monotonic()
        late = {
            job
            for job, began in self._begun.items()
            if job in self._limits and now > began + self._limits[job] + GRACE
        }
        for task, unit in [*self._units.items()] if late else ():
            overdue = [(group, job) for group, job in unit if job.id in late]
            if not overdue:
                continue
            ray.cancel(task, force=True)
            del self._units[task]  # not waited for: what is frozen may never answer
            for group, job in overdue:
                del self._begun[job.id]
                limit = duration(self._limits[job.id])
                self._fail(group, job, TimedOut(f"it took longer than {limit}"))
            rest = self._left(unit)
            if rest:
                self._submit(rest)

    def _mind_requests(self) -> None:
        deadline = self.setups[0].settings.execution.deadline
        late = deadline is not None and time.monotonic() > self._began + deadline
        if late and not self.stopped:
            self.stopped = f"its deadline of {duration(deadline or 0)} is over"
        if late or self.interrupts.now:
            self._give(NOW)
        elif self.stopped:
            self._give(STOP)
        elif self.interrupts.asked and self._order == GO:
            self.view.say(self.interrupts.notice)
            self._give(STOP)

    def _give(self, order: str) -> None:
        """Write the nodes a note; what they have not begun is taken back."""
        import ray

        if order == self._order:
            if order == NOW and time.monotonic() > self._ordered + GRACE:
                for task in self._units:
                    ray.cancel(task, force=True)
                self._units.clear()
            return
        self._order, self._ordered = order, time.monotonic()
        with self.folder.writing(every=True), replacing(self._note) as unfinished:
            unfinished.write_text(order)
        for task, unit in self._units.items():
            if not any(job.id in self._begun or job.id in self._ended for _, job in unit):
                ray.cancel(task, force=True)

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            for event in self._tail:
                job = event["job"]
                if event["event"] == "started":
                    self._begun[job] = time.monotonic()
                elif event["event"] in ENDED:
                    self._begun.pop(job, None)
                    self._ended[job] = Outcome(job, event.get("message"))
                self.view.show(event)
