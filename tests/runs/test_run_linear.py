"""Work that grows with the number of jobs, not with its square: counted, not timed."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from esegeta.config import Config, parse
from esegeta.registry import Registry, find
from esegeta.runs import code, fingerprint
from esegeta.runs.folder import PLAN, RunFolder
from esegeta.runs.plan import Plan, make
from esegeta.runs.status import status
from tests.runs.project import Project

METHODS = [{"use": "smooth_grad", "name": f"m{n}"} for n in range(5)]


def calls(work: Callable[[], Any]) -> int:
    """Count the calls of Python and C functions that work makes."""
    count = 0

    def seen(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def settings(project: Project, images: int) -> Config:
    for number in range(images):
        project.picture(f"i{number:03}.png", seed=number, size=4)
    listed = [{"path": f"i{number:03}.png"} for number in range(images)]
    return parse(project.data(METHODS, images=listed), project.folder)


def planned(chosen: Config, registry: Registry) -> Plan:
    return fingerprint.stamp(make(chosen, registry), chosen, registry)


def told(root: Path, plan: Plan) -> RunFolder:
    """Write the plan and the events of a run whose jobs are all done."""
    folder = RunFolder.create(root)
    folder.write(PLAN, plan.record())
    folder.event("run_started", name=plan.name, pid=1, jobs=len(plan), kept=0, device="cpu")
    for event in ("queued", "started", "finished"):
        for _, job in plan.jobs():
            folder.event(event, job.id, pid=1, device="cpu", seconds=0.1)
    return folder


def test_twice_the_jobs_take_twice_the_calls(project: Project) -> None:
    registry = find()
    planning, asking, looking = [], [], []
    planned(settings(project, 2), registry)  # what is read once for all is read by now
    for images in (20, 40, 80):
        chosen = settings(project, images)
        planning.append(calls(lambda chosen=chosen: planned(chosen, registry)))
        plan = planned(chosen, registry)
        folder = told(project.folder / f"out-{images}", plan)
        assert len(status(folder.root).jobs) == len(plan) == 5 * images
        asking.append(calls(lambda folder=folder: status(folder.root)))
        looking.append(
            calls(
                lambda folder=folder, plan=plan: [
                    folder.state(job.id, job.fingerprint) for _, job in plan.jobs()
                ]
            )
        )
    for counts in (planning, asking, looking):
        first, second, third = counts
        # Of what is linear, the growth doubles with the number of jobs.
        assert third - second == pytest.approx(2 * (second - first), rel=0.1), counts


def test_each_file_is_hashed_once_however_many_jobs_it_serves(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = find()
    hashed: list[Path] = []
    original = code.sha256

    def noted(path: Path) -> str | None:
        hashed.append(path)
        return original(path)

    monkeypatch.setattr(code, "sha256", noted)
    planned(settings(project, 12), registry)
    assert len(hashed) == len(set(hashed))
    assert {path.name for path in hashed if path.suffix == ".png"} >= {
        f"i{number:03}.png" for number in range(12)
    }
