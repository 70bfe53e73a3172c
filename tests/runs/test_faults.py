"""Every way a method may misbehave, in one run: each fault costs its own job, and no other."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import esegeta
from esegeta.runs.api import RunResult
from tests.runs.project import Project, odd
from tests.runs.test_run_killed import gone_within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

FAILS = {
    "raise": ("failed", "ValueError", "nothing works"),
    "hang": ("timed out", "TimedOut", "took longer than 2.0 s"),
    "hang in C": ("timed out", "TimedOut", "took longer than 2.0 s"),
    "segfault": ("failed", "Crash", "SIGSEGV"),
    "grow": ("failed", "Crash", 'more than the 1.5 GB of "worker_memory"'),
    "child": ("failed", "Crash", "exit code 1"),
    "dies before its child": ("failed", "Crash", "SIGKILL"),
    "sys.exit": ("failed", "SystemExit", "called sys.exit(5)"),
    "exit0": ("failed", "Crash", "exit code 0"),
    "kill": ("failed", "Crash", "SIGKILL"),
    "nan": ("failed", "CheckFailed", "NaN"),
    "zero": ("failed", "CheckFailed", "zero"),
    "shape": ("failed", "MethodError", "shape"),
    "own folder": ("failed", "RunError", "was removed while it worked"),
}
"""What a method does, and what its job's result says of it."""

WORKS = ["chatty", "leaves a child"]
"""What is bad manners, but gives a map."""

LEAVES = ["hang", "hang in C", "dies before its child", "leaves a child"]
"""What starts a process that would outlive it, and notes which."""

SLOTS = {
    "one slot": {"threads": 1, "devices": ["cpu"]},
    "two slots": {"threads": 2, "devices": ["cpu", "cpu"]},
}


def good() -> list[dict[str, Any]]:
    """Methods that are cheaper, dearer and as dear as those that misbehave: they run in between."""
    works = [odd("work", steps=steps) | {"name": f"work {steps}"} for steps in (1, 6, 11, 30)]
    return [
        {"use": "saliency"},
        {"use": "grad_cam", "layers": ["features.2"]},
        {"use": "smooth_grad", "with": {"samples": 12}},
        {"use": "rise", "with": {"masks": 40, "grid": 4}},
        *works,
    ]


def bad(project: Project) -> list[dict[str, Any]]:
    """Each fault once, turn by turn on one and the other of two models."""
    methods = []
    for number, how in enumerate([*FAILS, *WORKS]):
        model = ("one", "two")[number % 2]
        mark = project.folder / f"{how}.pid"
        if how == "own folder":
            mark = project.folder / "bad" / "a" / model / "predicted" / how
        method = odd(how, mark=str(mark), steps=number + 1) | {"models": [model]}
        methods.append(method | ({"timeout": "2s"} if "hang" in how else {}))
    return methods


def run(project: Project, output: str, methods: list[Any], slots: str) -> RunResult:
    (net,) = project.data([])["models"]
    config = project.config(
        methods,
        f"{output}.json",
        models=[{**net, "name": name} for name in ("one", "two")],
        execution={**SLOTS[slots], "worker_memory": "1.5GB", "timeout": "2m"},
        output=output,
    )
    return esegeta.run(config, quiet=True)


def record(result: RunResult, job: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((result.folder / job / "result.json").read_text())
    return found


@pytest.fixture(scope="module")
def calm(shared_project: Project) -> RunResult:
    """The same run without faults: its maps depend on no number of slots."""
    result = run(shared_project, "good", good(), "two slots")
    assert result.exit_code == 0
    return result


@pytest.mark.parametrize("slots", SLOTS)
def test_whatever_methods_do_the_others_make_the_same_maps(
    project: Project, calm: RunResult, slots: str
) -> None:
    result = run(project, "bad", [*good(), *bad(project)], slots)

    names = {job: job.rpartition("/")[2] for job in [*result.done, *result.failed]}
    assert (result.pending, result.stopped, result.exit_code) == ([], None, 1)
    assert sorted(names[job] for job in result.failed) == sorted(FAILS)
    for job in result.failed:
        found = record(result, job)
        state, kind, message = FAILS[names[job]]
        assert (found["state"], found["error"]["kind"]) == (state, kind), names[job]
        assert message in found["error"]["message"], names[job]
        assert result.reasons[job] == found["error"]["message"]
        assert not list((result.folder / job).glob("map.*")), names[job]

    assert set(calm.done) <= set(result.done)
    assert sorted(names[job] for job in {*result.done} - {*calm.done}) == sorted(WORKS)
    for job in calm.done:
        one, other = (at.folder / job / "map.npy" for at in (calm, result))
        assert one.read_bytes() == other.read_bytes(), job

    _each_ended_once(result)
    for how in LEAVES:
        assert gone_within(int((project.folder / f"{how}.pid").read_text()), 3), how
    _all_is_kept_of_what_was_printed(result)


def _each_ended_once(result: RunResult) -> None:
    ends: dict[str, list[str]] = {}
    pids = set()
    for line in (result.folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] in ("finished", "failed", "timed_out"):
            ends.setdefault(event["job"], []).append(event["event"])
        elif event["event"] == "started":
            pids.add(event["pid"])
    expected = {job: ["finished"] for job in result.done} | {
        job: [FAILS[job.rpartition("/")[2]][0].replace(" ", "_")] for job in result.failed
    }
    assert ends == expected
    assert all(gone_within(pid, 3) for pid in pids)


def _all_is_kept_of_what_was_printed(result: RunResult) -> None:
    """50 MB stand in the job's log; nothing that a person opens is the larger for it."""
    (job,) = (job for job in result.done if job.endswith("/chatty"))
    assert (result.folder / job / "job.log").stat().st_size > 50_000_000
    for name in ("run.log", "events.jsonl", "report.html"):
        assert (result.folder / name).stat().st_size < 5_000_000, name
    own = (path for path in Path(result.folder / job).iterdir() if path.name != "job.log")
    assert sum(path.stat().st_size for path in own) < 1_000_000
