"""What a run of 10,000 jobs costs beside the jobs: planning it, asking for its status, resuming it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.engine import project
from esegeta.config import Config, parse
from esegeta.registry import Registry, find
from esegeta.runs.fingerprint import stamp
from esegeta.runs.folder import OVERLAY, PLAN, RESULT, RunFolder
from esegeta.runs.hashes import sha256
from esegeta.runs.lines import dumps
from esegeta.runs.plan import Plan, make
from esegeta.runs.status import status
from esegeta.runs.worker import base

METHODS = 20
SIZES = (125, 250, 500)
"""Images."""

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Give the seconds that work takes at best, of three times, and what it gives."""
    best, result = float("inf"), None
    for _ in range(3):
        began = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - began)
    assert result is not None
    return best, result


def planned(settings: Config, registry: Registry) -> Plan:
    """Plan a run as `esegeta.run` does."""
    return stamp(make(settings, registry), settings, registry)


def pretend(folder: RunFolder, plan: Plan) -> None:
    """Write what a run leaves behind whose jobs are all done."""
    folder.write(PLAN, plan.record())
    folder.event("run_started", name=plan.name, pid=1, jobs=len(plan), kept=0, device="cpu")
    for _, job in plan.jobs():
        folder.event("queued", job.id)
    picture = bytes(20_000)
    for number, (group, job) in enumerate(plan.jobs()):
        own = folder.job(job.id)
        own.mkdir(parents=True)
        np.save(own / "map.npy", np.full((1, 16, 16), number, dtype=np.float32))
        (own / OVERLAY).write_bytes(picture)
        files = {"map": "map.npy", "overlay": OVERLAY}
        record = {
            **base(group, job),
            "state": "done",
            "files": files,
            "sha256": {kind: sha256(own / name) for kind, name in files.items()},
        }
        (own / RESULT).write_text(dumps(record, indent=1))
        folder.event("started", job.id, pid=1, device="cpu")
        folder.event("progress", job.id, done=0, total=1)
        folder.event("progress", job.id, done=1, total=1)
        folder.event("finished", job.id, seconds=0.1)


def main() -> None:
    """Print the seconds per size, and how they grow."""
    rows: dict[str, list[float]] = {"plan": [], "status": [], "files as written": [], "results": []}
    with tempfile.TemporaryDirectory() as place:
        data = project(Path(place), "Small", images=max(SIZES), size=16)
        data["methods"] = [{"use": "smooth_grad", "name": f"m{n}"} for n in range(METHODS)]
        registry = find()
        for size in SIZES:
            config = data | {"images": data["images"][:size]}
            settings = parse(config, Path(place))
            spent, plan = timed(lambda settings=settings: planned(settings, registry))
            rows["plan"].append(spent)
            folder = RunFolder.create(Path(place) / f"out-{size}")
            pretend(folder, plan)
            spent, found = timed(lambda folder=folder: status(folder.root))
            assert found.counts["done"] == len(plan)
            rows["status"].append(spent)
            spent, done = timed(
                lambda folder=folder, plan=plan: [
                    folder.state(job.id, job.fingerprint) for _, job in plan.jobs()
                ]
            )
            assert set(done) == {"done"}
            rows["files as written"].append(spent)
            rows["results"].append(timed(folder.results)[0])
    print("Seconds for", ", ".join(f"{size * METHODS:,}" for size in SIZES), "jobs")
    print("  (plan < 3 and status < 1 wanted; per job, the last / the first: 1 is linear)")
    for name, spent in rows.items():
        each = "  ".join(f"{value:6.2f}" for value in spent)
        growth = spent[-1] / spent[0] * SIZES[0] / SIZES[-1]
        print(f"  {name:16s} {each}   {growth:5.2f}")
