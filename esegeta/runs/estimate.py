"""What a run would take: one timed forward and backward pass of each model on each image."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from esegeta import config
from esegeta.errors import EsegetaError
from esegeta.plugin import Passes
from esegeta.registry import Registry
from esegeta.runs.fingerprint import stamp
from esegeta.runs.plan import Group, Plan, make
from esegeta.runs.slot import Crash, Slot
from esegeta.units import duration, size

if TYPE_CHECKING:
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
        Of each group, by its id: the measure, or the reason why there is none.
    """

    plan: Plan
    measured: dict[str, Pass | str]

    def seconds(self) -> float:
        """Say how long the whole run takes, where that is known."""
        return sum(
            measure.seconds(group.passes)
            for group in self.plan.groups
            if isinstance(measure := self.measured[group.id], Pass)
        )

    def memory(self) -> int:
        """Say how many bytes the run takes at most."""
        return max((m.memory for m in self.measured.values() if isinstance(m, Pass)), default=0)

    def problems(self) -> list[str]:
        """Say what would fail."""
        return [f"{i}: {m}" for i, m in self.measured.items() if isinstance(m, str)]

    def __str__(self) -> str:
        return f"{self.plan}, about {duration(self.seconds())} and {size(self.memory())} of memory"

    def record(self) -> dict[str, Any]:
        """Give the plan as JSON data, with estimates."""
        record = self.plan.record()
        for group, facts in zip(self.plan.groups, record["groups"], strict=True):
            measure = self.measured[group.id]
            if isinstance(measure, str):
                facts["error"] = measure
                continue
            facts["spatial"] = list(measure.spatial)
            facts["seconds"] = measure.seconds(group.passes)
            facts["memory"] = measure.memory
            for job, one in zip(group.jobs, facts["jobs"], strict=True):
                one["seconds"] = measure.seconds(job.passes)
        record["totals"] |= {"seconds": self.seconds(), "memory": self.memory()}
        return record

    def table(self) -> Table:
        """Draw the plan as a table: a row per job, and one per group above its jobs."""
        table = Table("job", *(Column(c, justify="right") for c in ("forward", "backward", "time")))
        table.add_column("memory", justify="right")
        for group in self.plan.groups:
            measure = self.measured[group.id]
            known = measure if isinstance(measure, Pass) else None
            table.add_row(
                group.id,
                *_costs(group.passes, known),
                size(known.memory) if known else "unknown",
                style="bold",
            )
            for job in group.jobs:
                table.add_row(f"  {job.id.rpartition('/')[2]}", *_costs(job.passes, known), "")
            table.add_section()
        return table


def _costs(passes: Passes, measure: Pass | None) -> tuple[str, str, str]:
    seconds = duration(measure.seconds(passes)) if measure else "unknown"
    return f"{passes.forward:,.0f}", f"{passes.backward:,.0f}", seconds


def forecast(settings: config.Config, registry: Registry, plugins: tuple[Path, ...]) -> Forecast:
    """Plan a run and measure one pass of each model on each image.

    No method runs and nothing is written. Models run in a process of their own.
    """
    plan = make(settings, registry)
    slot = Slot(_start, settings, plugins)
    measured: dict[tuple[str, str], Pass | str] = {}
    shapes: dict[tuple[str, str], tuple[int, ...]] = {}
    try:
        for group in plan.groups:
            key = (group.model.name, str(group.image.name))
            if key not in measured:
                try:
                    measured[key] = measure = slot.run(_measure, group)
                except Crash as crash:
                    measured[key] = measure = str(crash)
                if isinstance(measure, Pass):
                    shapes[key] = measure.spatial
    finally:
        slot.kill()
    plan = stamp(make(settings, registry, shapes), settings, registry)
    return Forecast(plan, {g.id: measured[g.model.name, str(g.image.name)] for g in plan.groups})


_given: tuple[config.Config, tuple[Path, ...]] | None = None
_bench: Bench | None = None


def _start(settings: config.Config, plugins: tuple[Path, ...]) -> None:
    global _given
    _given = settings, plugins


def _measure(group: Group) -> Pass | str:
    """Time a group's probe in the measuring process."""
    global _bench
    try:
        if _bench is None:
            from esegeta.runs.bench import Bench

            assert _given is not None
            _bench = Bench(*_given)
        return _timed(_bench, group)
    except EsegetaError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _timed(bench: Bench, group: Group) -> Pass:
    from esegeta.isolation import peak_memory

    probe = bench.probe(group)
    with peak_memory(bench.device) as peak:
        probe.score(probe.image)  # the first pass is slower, and fixes the target
        began = time.perf_counter()
        float(probe.score(probe.image))  # a number waits for the device
        middle = time.perf_counter()
        float(probe.gradient(probe.image).sum())
        both = time.perf_counter() - middle
        memory = peak()
    forward = middle - began
    return Pass(forward, max(0.0, both - forward), memory or 0, probe.spatial)
