"""The driver: hands a plan's jobs to the worker, one after the other, whatever becomes of it."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from esegeta.runs.folder import JOB_LOG, RunFolder, Tail, Unwritable
from esegeta.runs.interrupts import Interrupts
from esegeta.runs.plan import Group, Job
from esegeta.runs.progress import View
from esegeta.runs.slot import Crash, Interrupt, Slot, TimedOut
from esegeta.runs.worker import Outcome, Setup, failure, report, start, warm_up, work


@dataclass
class Driver:
    """Runs jobs and shows how far they are.

    Parameters
    ----------
    folder : RunFolder
    setup : Setup
        What workers need to know.
    view : View
        Where progress is shown.
    interrupts : Interrupts
        Requests to stop; those jobs that have not begun by then do not.

    Attributes
    ----------
    stopped : str, optional
        Why the run folder takes no more, where that ended the work.
    """

    folder: RunFolder
    setup: Setup
    view: View
    interrupts: Interrupts
    stopped: str | None = None
    _at_work: set[str] = field(default_factory=set)
    _doomed: dict[str, str] = field(default_factory=dict)
    _told: bool = False

    def run(self, jobs: Sequence[tuple[Group, Job]]) -> list[Outcome]:
        """Run jobs in order, and give the outcome of each that came to an end."""
        self._tail = Tail(self.folder)
        self._slot = Slot(start, self.setup)
        outcomes = []
        try:
            for group, job in jobs:
                if self.interrupts.asked:
                    break
                outcome = self._one(group, job)
                if outcome is not None:
                    outcomes.append(outcome)
                self._watch()
        except Interrupt:
            with contextlib.suppress(Unwritable):
                self.folder.log("stopped at once")
        except Unwritable as error:
            self.stopped = str(error)
        finally:
            self._slot.kill()
        return outcomes

    def _one(self, group: Group, job: Job) -> Outcome | None:
        """Run a job; None where it is to be run again later."""
        if group.id in self._doomed:
            return self._crashed(group, job, self._doomed[group.id])
        try:
            if job.timeout is not None:
                self._slot.run(warm_up, beat=self._beat)
            return self._slot.run(work, group, job, beat=self._beat, timeout=job.timeout)
        except TimedOut as error:
            log = f"its Python stack stands in {job.id}/{JOB_LOG}"
            return self._ended(group, job, TimedOut(f"{error}; {log}"))
        except Crash as crash:
            if self.interrupts.asked:
                return None
            self._watch()
            log = f"its last output stands in {job.id}/{JOB_LOG}"
            if job.id in self._at_work:
                return self._crashed(group, job, f"{crash}; {log}")
            # Its method had not begun: what the group shares would end every worker.
            message = f"{crash} while the model and the image were being set up; {log}"
            self._doomed[group.id] = message
            return self._crashed(group, job, message)

    def _crashed(self, group: Group, job: Job, message: str) -> Outcome:
        return self._ended(group, job, Crash(message))

    def _ended(self, group: Group, job: Job, crash: Crash) -> Outcome:
        record = failure(group, job, crash)
        self.folder.write_result(job.id, record)
        return report(self.folder, job, record, 0.0)

    def _beat(self) -> None:
        self._watch()
        if self.interrupts.now:
            raise Interrupt
        if self.interrupts.asked and not self._told:
            self._told = True
            self.view.say("Stopping after this job; press Ctrl-C again to stop now.")

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            for event in self._tail:
                if event["event"] == "progress":
                    self._at_work.add(event["job"])
                self.view.show(event)
