"""What a run would take: one timed forward and backward pass of each model on each image."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from esegeta import config
from esegeta.plugin import Passes
from esegeta.registry import Registry
from esegeta.runs.fingerprint import stamp
from esegeta.runs.plan import Group, Job, Plan, make
from esegeta.runs.slot import Crash, Slot
from esegeta.runs.worker import message
from esegeta.units import duration, size

if TYPE_CHECKING:
    from esegeta.probe import Probe
    from esegeta.runs.bench import Bench


@dataclass(frozen=True)
class Pass:
    """What one forward and one backward pass of a model on an image take.

    Parameters
    ----------
    forward, backward : float
        Seconds.
    memory : int
        Bytes at most: of the process, or on a GPU of what torch allocated.
    spatial : tuple of int
        The prepared image's shape.
    """

    forward: float
    backward: float
    memory: int
    spatial: tuple[int, ...]

    def seconds(self, passes: Passes) -> float:
        """Say how long so many passes take, one image at a time."""
        return self.forward * passes.forward + self.backward * passes.backward


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
    """

    plan: Plan
    measured: dict[str, Pass | str]
    failing: dict[str, str]

    def seconds(self) -> float | None:
        """Say how long the whole run takes; None where part of it would fail."""
        known = [self._known(group) for group in self.plan.groups]
        each = zip(self.plan.groups, known, strict=True)
        taken = [measure.seconds(group.passes) for group, measure in each if measure]
        return sum(taken) if all(known) else None

    def memory(self) -> int | None:
        """Say how many bytes the run takes at most; None where part of it would fail."""
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
            f"about {duration(seconds)} and {size(memory)} of memory"
        )

    def record(self) -> dict[str, Any]:
        """Give the plan as JSON data, with estimates; null is what is unknown."""
        record = self.plan.record()
        for group, facts in zip(self.plan.groups, record["groups"], strict=True):
            measure, known = self.measured[group.id], self._known(group)
            if isinstance(measure, str):
                facts["error"] = measure
            else:
                facts["spatial"] = list(measure.spatial)
            facts["seconds"] = known and known.seconds(group.passes)
            facts["memory"] = known and known.memory
            for job, one in zip(group.jobs, facts["jobs"], strict=True):
                if job.id in self.failing:
                    one["error"] = self.failing[job.id]
                cost = self._cost(group, job)
                one["seconds"] = cost and cost.seconds(job.passes)
                one["passes"] = cost and one["passes"]
        seconds = self.seconds()
        record["totals"] |= {"seconds": seconds, "memory": self.memory()}
        if seconds is None:
            record["totals"]["passes"] = None
        return record

    def table(self) -> Table:
        """Draw the plan as a table: a row per job, and one per group above its jobs."""
        table = Table(Column("job", no_wrap=True))
        for name in ("forward", "backward", "time", "memory"):
            table.add_column(name, justify="right")
        for group in self.plan.groups:
            known = self._known(group)
            memory = size(known.memory) if known else "unknown"
            table.add_row(group.id, *_costs(group.passes, known), memory, style="bold")
            for job in group.jobs:
                costs = _costs(job.passes, self._cost(group, job))
                table.add_row(f"  {job.id.rpartition('/')[2]}", *costs, "")
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
    return f"{passes.forward:,.0f}", f"{passes.backward:,.0f}", duration(measure.seconds(passes))


def forecast(settings: config.Config, registry: Registry, plugins: tuple[Path, ...]) -> Forecast:
    """Plan a run and measure one pass of each model on each image.

    No method runs and nothing is written. Models run in a process of their own.
    """
    plan = make(settings, registry)
    slot = Slot(_start, settings, plugins)
    measured: dict[str, Pass | str] = {}
    failing: dict[str, str] = {}
    crashed: dict[tuple[str, str], str] = {}
    shapes: dict[tuple[str, str], tuple[int, ...]] = {}
    try:
        for group in plan.groups:
            key = _key(group)
            if key in crashed:
                measured[group.id] = crashed[key]
                continue
            try:
                measure, lost = slot.run(_measure, group)
            except Crash as crash:
                measured[group.id] = crashed[key] = str(crash)
                continue
            measured[group.id] = measure
            failing |= lost
            if isinstance(measure, Pass):
                shapes[key] = measure.spatial
    finally:
        slot.kill()
    plan = stamp(make(settings, registry, shapes), settings, registry)
    return Forecast(plan, measured, failing)


def _key(group: Group) -> tuple[str, str]:
    return group.model.name, str(group.image.name)


_given: tuple[config.Config, tuple[Path, ...]] | None = None
_bench: Bench | None = None
_times: dict[tuple[str, str], Pass] = {}
"""Of each model and image, which several groups may have in common."""


def _start(settings: config.Config, plugins: tuple[Path, ...]) -> None:
    global _given
    _given = settings, plugins


def _measure(group: Group) -> tuple[Pass | str, dict[str, str]]:
    """Time a group's probe in the measuring process; also say which of its jobs would fail."""
    global _bench
    try:
        if _bench is None:
            from esegeta.runs.bench import Bench

            assert _given is not None
            _bench = Bench(*_given)
        probe = _bench.probe(group)
        probe.score(probe.image)  # the first pass is slower, and fixes the target
        key = _key(group)
        if key not in _times:
            _times[key] = _timed(_bench, group)
        return _times[key], _failing(probe, group)
    # Whatever a user's model raises, SystemExit too.
    except BaseException as error:
        return message(error), {}


def _failing(probe: Probe, group: Group) -> dict[str, str]:
    """Ask for each layer, as its job will."""
    reasons: dict[str, str] = {}
    for layer in group.layers:
        try:
            _ = probe.layer(layer).activation
        except Exception as error:
            reasons[layer] = message(error)
    return {job.id: reasons[job.layer] for job in group.jobs if job.layer in reasons}


def _timed(bench: Bench, group: Group) -> Pass:
    from esegeta.isolation import peak_memory

    probe = bench.probe(group)
    with peak_memory(bench.device) as peak:
        began = time.perf_counter()
        float(probe.score(probe.image))  # a number waits for the device
        middle = time.perf_counter()
        float(probe.gradient(probe.image).sum())
        both = time.perf_counter() - middle
        memory = peak()
    forward = middle - began
    return Pass(forward, max(0.0, both - forward), memory or 0, probe.spatial)
