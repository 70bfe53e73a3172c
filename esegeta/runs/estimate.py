"""What a run would take: one timed forward and backward pass of each model on each image."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from esegeta import config
from esegeta.passes import Passes
from esegeta.registry import Registry
from esegeta.runs import measure
from esegeta.runs.choosing import chosen
from esegeta.runs.device import places
from esegeta.runs.fingerprint import stamp
from esegeta.runs.measure import Pass
from esegeta.runs.plan import Group, Job, Plan, make
from esegeta.runs.queue import Queue
from esegeta.runs.slot import Crash, Slot
from esegeta.units import duration, size


@dataclass(frozen=True)
class Forecast:
    """A plan with what its groups take.

    Parameters
    ----------
    plan : Plan
        With the passes that images of these sizes need.
    measured : dict
        Of each group, by its id: the measure, or the reason why all of it would fail.
    failing : dict of str to str
        Of single jobs that would fail, by their id: the reason.
    workers : int, optional
        How many work at a time; None where nobody knows, as on a cluster.
    """

    plan: Plan
    measured: dict[str, Pass | str]
    failing: dict[str, str]
    workers: int | None = 1

    def seconds(self) -> float | None:
        """Say how long all of it takes one worker; None where part of it would fail."""
        known = [self._known(group) for group in self.plan.groups]
        each = zip(self.plan.groups, known, strict=True)
        taken = [measure.seconds(group.passes) for group, measure in each if measure]
        return sum(taken) if all(known) else None

    def run_seconds(self) -> float | None:
        """Say how long the run takes, its jobs shared out as they will be; None where unknown.

        Each worker is taken to be as fast as the one that was measured was alone.
        """
        if self.workers is None or self.seconds() is None:
            return None
        costs = {job.id: self._cost(group, job) for group, job in self.plan.jobs()}
        queue = Queue(list(self.plan.jobs()), self.workers)
        last: list[Group | None] = [None] * self.workers
        free = [(0.0, worker) for worker in range(self.workers)]
        end = 0.0
        while free:
            now, worker = heapq.heappop(free)
            taken = queue.take(last[worker])
            if taken is None:
                end = max(end, now)
                continue
            last[worker], job = taken
            cost = costs[job.id]
            heapq.heappush(free, (now + (cost.seconds(job.passes) if cost else 0), worker))
        return end

    def memory(self) -> int | None:
        """Say how many bytes a worker takes at most; None where part of it would fail."""
        known = [self._known(group) for group in self.plan.groups]
        return max(m.memory for m in known if m) if all(known) else None

    def problems(self) -> list[str]:
        """Say what would fail."""
        whole = [f"{i}: {m}" for i, m in self.measured.items() if isinstance(m, str)]
        return whole + [f"{i}: {m}" for i, m in self.failing.items()]

    def __str__(self) -> str:
        seconds, memory = self.seconds(), self.memory()
        if seconds is None or memory is None:
            return f"{self.plan}: cost unknown, as not all of it would work"
        passes = self.plan.passes
        return (
            f"{self.plan}: {passes.forward:,.0f} forward and {passes.backward:,.0f} backward passes, "
            f"{'at most ' if self.at_most else ''}about {self._time(seconds)} {size(memory)} of memory"
        )

    @property
    def at_most(self) -> bool:
        """Whether the run may well take less than what is told.

        Where an image passes in patches, those that the target or a change does not touch are left
        out; which these are is known only once the whole image has passed.
        """
        return any(_patches(measure) for measure in self.measured.values())

    def _time(self, seconds: float) -> str:
        """Write how long the run takes its workers, and how much work that is."""
        work, taken = duration(seconds), self.run_seconds()
        if taken is None or self.workers is None:
            return f"{work} of work, shared by the workers of the cluster; each takes"
        if self.workers == 1:
            return f"{work} with 1 worker and"
        return f"{duration(taken)} with {self.workers} workers ({work} of work); each takes"

    def record(self) -> dict[str, Any]:
        """Give the plan as JSON data, with estimates; null is what is unknown."""
        record = self.plan.record()
        for group, facts in zip(self.plan.groups, record["groups"], strict=True):
            measure, known = self.measured[group.id], self._known(group)
            if isinstance(measure, str):
                facts["error"] = measure
            else:
                facts["spatial"] = list(measure.spatial)
            facts["patches"] = _patches(measure)
            facts["at_most"] = facts["patches"] is not None
            facts["seconds"] = known and known.seconds(group.passes)
            facts["memory"] = known and known.memory
            for job, one in zip(group.jobs, facts["jobs"], strict=True):
                if job.id in self.failing:
                    one["error"] = self.failing[job.id]
                cost = self._cost(group, job)
                one["seconds"] = cost and cost.seconds(job.passes)
                one["passes"] = cost and one["passes"]
        seconds = self.seconds()
        record["totals"] |= {
            "seconds": seconds,
            "run_seconds": self.run_seconds(),
            "workers": self.workers,
            "at_most": self.at_most,
            "memory": self.memory(),
        }
        if seconds is None:
            record["totals"]["passes"] = None
        return record

    def table(self) -> Table:
        """Draw the plan as a table: a row per job, and one per group above its jobs."""
        table = Table(Column("job", no_wrap=True))
        patched = any(_patches(measure) for measure in self.measured.values())
        for name in (*(["patches"] if patched else []), "forward", "backward", "time", "memory"):
            table.add_column(name, justify="right")
        for group in self.plan.groups:
            known = self._known(group)
            memory = size(known.memory) if known else "unknown"
            number = _patches(self.measured[group.id])
            cut = [f"{number:,}" if number else ""] if patched else []
            table.add_row(group.id, *cut, *_costs(group.passes, known), memory, style="bold")
            for job in group.jobs:
                costs = _costs(job.passes, self._cost(group, job))
                table.add_row(
                    f"  {job.id.rpartition('/')[2]}", *([""] if patched else []), *costs, ""
                )
            table.add_section()
        return table

    def _known(self, group: Group) -> Pass | None:
        """Give a group's measure where all of it would work: one job may pay for what others share."""
        measure = self.measured[group.id]
        works = not any(job.id in self.failing for job in group.jobs)
        return measure if works and isinstance(measure, Pass) else None

    def _cost(self, group: Group, job: Job) -> Pass | None:
        measure = self.measured[group.id]
        works = job.id not in self.failing and isinstance(measure, Pass)
        return measure if works and isinstance(measure, Pass) else None


def _costs(passes: Passes, measure: Pass | None) -> tuple[str, str, str]:
    if measure is None:
        return "unknown", "unknown", "unknown"
    bound = "≤ " if measure.patches else ""
    forward, backward = f"{passes.forward:,.0f}", f"{passes.backward:,.0f}"
    return forward, backward, bound + duration(measure.seconds(passes))


def _patches(measure: Pass | str) -> int | None:
    return measure.patches if isinstance(measure, Pass) else None


def forecast(settings: config.Config, registry: Registry, plugins: tuple[Path, ...]) -> Forecast:
    """Plan a run and measure one pass of each model on each image.

    No method runs and nothing is written. Models run in a process of their own.

    Raises
    ------
    RunError
        Where a device is not there.
    """
    layers = chosen(settings, plugins)
    plan = make(settings, registry, chosen=layers)
    execution = settings.execution
    workers = len(places(execution)) if execution.engine == "local" else None
    slot = Slot(measure.start, settings, plugins)
    measured: dict[str, Pass | str] = {}
    failing: dict[str, str] = {}
    crashed: dict[tuple[str, str], str] = {}
    shapes: dict[tuple[str, str], tuple[int, ...]] = {}
    try:
        for group in plan.groups:
            key = measure.key(group)
            if key in crashed:
                measured[group.id] = crashed[key]
                continue
            try:
                one, lost = slot.run(measure.measure, group)
            except Crash as crash:
                measured[group.id] = crashed[key] = str(crash)
                continue
            measured[group.id] = one
            failing |= lost
            if isinstance(one, Pass):
                shapes[key] = one.spatial
    finally:
        slot.kill()
    plan = stamp(make(settings, registry, shapes, layers), settings, registry)
    # No more start than there are jobs.
    return Forecast(plan, measured, failing, workers and min(workers, len(plan)))
