"""The driver: hands a plan's jobs to workers, whatever becomes of them."""

import contextlib
import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from esegeta import config
from esegeta.runs.folder import JOB_LOG, RunFolder, Tail, Unwritable
from esegeta.runs.interrupts import Interrupts
from esegeta.runs.plan import Group, Job
from esegeta.runs.progress import View
from esegeta.runs.queue import Queue
from esegeta.runs.slot import BEAT, Crash, Interrupt, Slot, TimedOut
from esegeta.runs.worker import Outcome, Setup, failure, report, start, warm_up, work
from esegeta.units import duration


@dataclass
class Driver:
    """Runs jobs and shows how far they are.

    Each worker has a slot, and each slot a thread here that hands it one job after the other. The
    calling thread shows what happens and minds Ctrl-C.

    Parameters
    ----------
    folder : RunFolder
    setups : sequence of Setup
        What each worker needs to know.
    view : View
        Where progress is shown.
    interrupts : Interrupts
        Requests to stop; those jobs that have not begun by then do not.

    Attributes
    ----------
    stopped : str, optional
        Why the work ended early, where the run folder takes no more or the deadline is over.
    unwritable : bool
        Whether the run folder takes no more.
    """

    folder: RunFolder
    setups: Sequence[Setup]
    view: View
    interrupts: Interrupts
    stopped: str | None = None
    unwritable: bool = False
    _at_work: set[str] = field(default_factory=set)
    _doomed: dict[str, str] = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)
    _watching: threading.Lock = field(default_factory=threading.Lock)
    _late: threading.Event = field(default_factory=threading.Event)
    _began: float = field(default_factory=time.monotonic)

    def run(self, jobs: Sequence[tuple[Group, Job]]) -> list[Outcome]:
        """Run jobs, and give the outcome of each that came to an end."""
        self._tail = Tail(self.folder)
        setups = self.setups[: max(1, len(jobs))]
        queue = Queue(jobs, len(setups))
        outcomes: list[Outcome] = []
        told = False
        with ThreadPoolExecutor(len(setups)) as threads:
            serving = [threads.submit(self._serve, setup, queue, outcomes) for setup in setups]
            while wait(serving, timeout=BEAT).not_done:
                self._watch()
                self._mind_the_deadline()
                if self.interrupts.asked and not told:
                    told = True
                    self.view.say(self.interrupts.notice)
        self._watch()
        for served in serving:
            served.result()
        if self.interrupts.now:
            with contextlib.suppress(Unwritable):
                self.folder.log("stopped at once")
        return outcomes

    def _serve(self, setup: Setup, queue: Queue, outcomes: list[Outcome]) -> None:
        """Let one worker do jobs until there are none, or the run is to end."""
        slot, group = Slot(start, setup), None
        longest = self._execution.max_jobs_per_worker or math.inf
        done = 0
        try:
            while not (self.interrupts.asked or self._ending.is_set() or self._late.is_set()):
                taken = queue.take(group)
                if taken is None:
                    return
                group, job = taken
                outcome = self._one(slot, group, job)
                if outcome is not None:
                    outcomes.append(outcome)
                done += 1
                if done % longest == 0:
                    slot.kill()
        except Interrupt:
            pass
        except Unwritable as error:
            self.stopped, self.unwritable = str(error), True
            self._ending.set()
        except BaseException:
            self._ending.set()
            raise
        finally:
            slot.kill()

    def _one(self, slot: Slot, group: Group, job: Job) -> Outcome | None:
        """Run a job, again where its worker died and it has retries left; None where it is left."""
        if group.id in self._doomed:
            return self._ended(group, job, Crash(self._doomed[group.id]))
        for left in reversed(range(self._execution.retries + 1)):
            try:
                return self._attempt(slot, group, job)
            except TimedOut as error:
                log = f"its Python stack stands in {job.id}/{JOB_LOG}"
                return self._ended(group, job, TimedOut(f"{error}; {log}"))
            except Crash as crash:
                if self.interrupts.asked:
                    return None
                if not left:
                    return self._crashed(group, job, crash)
                self.folder.log(f"again   {job.id}: {crash}", "warning")
                self.folder.event("retried", job.id, message=str(crash), left=left)
        return None

    def _attempt(self, slot: Slot, group: Group, job: Job) -> Outcome:
        if slot.fresh:
            slot.run(warm_up, beat=self._beat)
        ceiling = self._execution.worker_memory
        return slot.run(
            work, group.alone, job, beat=self._beat, timeout=job.timeout, ceiling=ceiling
        )

    def _crashed(self, group: Group, job: Job, crash: Crash) -> Outcome:
        self._watch()
        log = f"its last output stands in {job.id}/{JOB_LOG}"
        if job.id in self._at_work:
            return self._ended(group, job, Crash(f"{crash}; {log}"))
        # Its method had not begun: what the group shares would end every worker.
        message = f"{crash} while the model and the image were being set up; {log}"
        self._doomed[group.id] = message
        return self._ended(group, job, Crash(message))

    def _ended(self, group: Group, job: Job, crash: Crash) -> Outcome:
        record = failure(group, job, crash)
        self.folder.write_result(job.id, record)
        return report(self.folder, job, record, 0.0)

    def _beat(self) -> None:
        if self.interrupts.now or self._late.is_set():
            raise Interrupt

    def _mind_the_deadline(self) -> None:
        deadline = self._execution.deadline
        if deadline is not None and time.monotonic() > self._began + deadline:
            self._late.set()
            self.stopped = f"its deadline of {duration(deadline)} is over"

    @property
    def _execution(self) -> config.Execution:
        return self.setups[0].settings.execution

    def _watch(self) -> None:
        with self._watching, contextlib.suppress(OSError):
            for event in self._tail:
                if event["event"] == "progress":
                    self._at_work.add(event["job"])
                self.view.show(event)
