"""Runs of some methods alone, or of what failed alone."""

import json
from pathlib import Path
from typing import Any

import pytest

import esegeta
from esegeta.errors import RunError
from esegeta.runs.api import RunResult
from esegeta.runs.folder import RunFolder
from esegeta.runs.status import status
from tests.runs.project import Project, odd

RISE = {"use": "rise", "name": "masks", "with": {"masks": 10}}


def ids(*names: str, image: str = "a") -> list[str]:
    return [f"{image}/net/predicted/{name}" for name in names]


def made(folder: Path) -> dict[str, int]:
    found = RunFolder.open(folder).results()
    return {str(p.parent.relative_to(folder)): p.stat().st_mtime_ns for p in found}


def states(folder: Path) -> dict[str, str]:
    return {job.job.rpartition("/")[2]: job.state for job in status(folder).jobs}


def run(project: Project, methods: list[Any], **options: Any) -> RunResult:
    return esegeta.run(project.config(methods), quiet=True, **options)


def test_only_one_method_then_another(project: Project) -> None:
    methods = ["saliency", RISE, odd("raise")]
    first = run(project, methods, only=["masks"])
    assert first.done == ids("masks")
    assert first.pending == []
    assert first.left_out == ids("saliency", "raise")
    assert first.exit_code == 0
    assert [*made(first.folder)] == ids("masks")
    plan = RunFolder(first.folder).plan()
    assert plan["totals"]["jobs"] == 3, "the plan is whole"
    assert states(first.folder) == {"saliency": "pending", "masks": "done", "raise": "pending"}

    with pytest.raises(RunError, match="--resume"):
        run(project, methods, only=["raise"])
    second = run(project, methods, only=["raise"], resume=True)
    assert (second.done, second.failed) == ([], ids("raise"))
    assert second.exit_code == 1
    assert states(first.folder) == {"saliency": "pending", "masks": "done", "raise": "failed"}

    # What was not asked for does not count.
    third = run(project, methods, only=["saliency", "masks"], resume=True)
    assert third.done == ids("saliency", "masks")
    assert third.left_out == ids("raise")
    assert third.exit_code == 0
    assert made(first.folder)[ids("masks")[0]] == made(third.folder)[ids("masks")[0]]
    last = json.loads((third.folder / "events.jsonl").read_text().splitlines()[-1])
    assert (last["done"], last["failed"], last["pending"], last["left_out"]) == (2, 0, 0, 1)


def test_what_another_config_made_is_pending_though_not_asked_for(project: Project) -> None:
    first = run(project, ["saliency", RISE])
    again = run(
        project, ["saliency", RISE | {"with": {"masks": 20}}], only=["saliency"], resume=True
    )
    assert states(first.folder) == {"saliency": "done", "masks": "pending"}
    assert again.left_out == ids("masks")
    run(project, ["saliency", RISE], only=["saliency"], resume=True)
    assert states(first.folder) == {"saliency": "done", "masks": "done"}


def test_only_what_failed(project: Project) -> None:
    mark = project.folder / "mark"
    methods = ["saliency", odd("crash once", mark=str(mark)), odd("raise")]
    first = run(project, methods)
    assert first.failed == ids("crash once", "raise")
    before = made(first.folder)
    second = run(project, [*methods, RISE], only_failed=True)
    assert second.done == ids("crash once")
    assert second.failed == ids("raise")
    assert second.left_out == ids("saliency", "masks")
    assert second.exit_code == 1
    after = made(first.folder)
    assert [job for job in before if after[job] == before[job]] == ids("saliency")
    assert ids("masks")[0] not in after

    third = run(project, [*methods, RISE], only_failed=True, only=["saliency"])
    assert (third.done, third.failed, third.pending) == ([], [], [])
    assert third.exit_code == 0
    assert made(first.folder) == after


def test_only_failed_needs_a_run(project: Project) -> None:
    with pytest.raises(RunError, match=r"there is no run in .*out"):
        run(project, ["saliency"], only_failed=True)
    assert not (project.folder / "out").exists()


def test_a_method_that_the_config_does_not_have(project: Project) -> None:
    with pytest.raises(RunError, match="'mask'; did you mean 'masks'") as refused:
        run(project, ["saliency", RISE], only=["mask"])
    assert "saliency, masks" in str(refused.value)
    with pytest.raises(RunError, match="'rise'"):  # which the run names otherwise
        run(project, ["saliency", RISE], only=["rise"])
    assert not (project.folder / "out").exists()
