"""How a map is judged in a worker: from its file to a metric's result."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esegeta.engine import steps
from esegeta.errors import MethodError
from esegeta.evaluation import Case, Measure
from esegeta.images import read_map
from esegeta.isolation import quarantine
from esegeta.plugin import Plugin
from esegeta.report import measures
from esegeta.report.overlay import save_figure
from esegeta.runs.folder import OVERLAY, RunFolder
from esegeta.runs.plan import Group, Job

if TYPE_CHECKING:
    from esegeta.runs.bench import Bench


def judge(
    bench: Bench,
    folder: RunFolder,
    group: Group,
    job: Job,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Judge a job's map, draw what there is to draw, and give the result.

    Raises
    ------
    MethodError
        Where there is no map to judge, the metric does not serve it, or gives no number.
    """
    case = _case(bench, folder, group, job, progress)
    plugin = bench.registry.get(job.use, "metric")
    if case.probe.ndim not in plugin.ndim:
        raise MethodError(
            f"'{plugin.name}' serves {plugin.dimensions} images; this one is {case.probe.ndim}D."
        )
    before, began = case.probe.passes, time.perf_counter()
    values = plugin.validate(job.parameters)
    with quarantine(job.seed, case.probe.network.device):
        found: Measure = plugin.function(case, **plugin.arguments(values))
    seconds = time.perf_counter() - began
    _require_numbers(plugin, found)
    after = case.probe.passes
    own = folder.cleared(job.id)
    with folder.writing():
        files = _draw(found, case, own, job)
    return {
        "family": plugin.family,
        "summary": plugin.summary,
        "paper": plugin.paper,
        "best": plugin.best,
        "value": found.value,
        "standard_error": found.error,
        "passed": found.passed,
        "more": dict(found.more),
        "curves": {name: [list(point) for point in curve] for name, curve in found.curves.items()},
        "passes": {
            "forward": round(after.forward - before.forward),
            "backward": round(after.backward - before.backward),
        },
        "seconds": round(seconds, 4),
        "files": files,
    }


def _case(
    bench: Bench,
    folder: RunFolder,
    group: Group,
    job: Job,
    progress: Callable[[int, int], None],
) -> Case:
    """Put together what a metric may ask, of the files that the map's job has left."""
    subject = job.subject
    assert subject is not None, "a job that judges has a map to judge"
    state = folder.state(subject.id, subject.fingerprint)
    made = folder.result(subject.id) or {}
    if state != "done":
        why = (made.get("error") or {}).get("message", "it was not made")
        raise MethodError(f"There is no map to judge: {why}")
    files, image = made["files"], bench.image(group)
    path = folder.job(subject.id) / files.get("model", files["map"])
    probe = bench.probe(group, subject.amp)
    began, expected = probe.passes, steps(probe, job.passes)

    def report(*_: object) -> None:
        passes = probe.passes
        forward, backward = passes.forward - began.forward, passes.backward - began.backward
        done = probe.network.parts * (forward + backward)
        progress(min(round(done), expected), expected)

    plugin = bench.registry.get(subject.use)
    case = Case(
        probe,
        read_map(path, probe.ndim),
        plugin,
        parameters=plugin.validate(subject.parameters),
        layer=subject.layer,
        artifact=bench.artifact(subject),
        seed=subject.seed,
        label=image.label,
        own_seed=job.seed,
        tick=report,
    )
    probe.progress = report
    progress(0, expected)
    return case


def _require_numbers(plugin: Plugin, found: Measure) -> None:
    points = [value for curve in found.curves.values() for point in curve for value in point]
    if not all(map(math.isfinite, (found.value, *found.more.values(), *points))):
        raise MethodError(f"'{plugin.name}' gave no finite number ({found.value}).")


def _draw(found: Measure, case: Case, folder: Path, job: Job) -> dict[str, str]:
    """Draw the curves or the row of maps of a metric; some have neither."""
    if not found.maps and not found.curves:
        return {}
    title = f"{job.metric} of {job.method}" + (f" at {job.layer}" if job.layer else "")
    if found.maps:
        figure = measures.strip(
            found.maps, found.curves, axes=found.axes, show=case.plugin.show, title=title
        )
    else:
        figure = measures.curves(found.curves, axes=found.axes, title=title)
    save_figure(figure, folder / OVERLAY)
    return {"overlay": OVERLAY}
