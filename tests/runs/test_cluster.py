"""Ray: the same maps, the same events, and what becomes of nodes, drivers and requests to stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import esegeta
from esegeta.runs import dispatch
from esegeta.runs.cluster import SCRATCH
from esegeta.runs.remote import Served, serve
from tests.runs.project import Project, odd
from tests.runs.test_run_killed import gone, gone_within

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
ENGINE = {"engine": "ray", "threads": 1}
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
LONG = 20
"""Passes of a slow job that is a unit of its own, of a tenth of a second each."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes on this machine, each with one CPU for us."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    nodes.add_node(**NODE)
    nodes.wait_for_nodes()
    yield nodes
    nodes.shutdown()


@pytest.fixture
def joined(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a run finds where it looks for a cluster."""
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    return cluster


def told(folder: Path) -> list[dict[str, Any]]:
    path = folder / "events.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def wait_for(folder: Path, event: str, number: int = 1) -> list[dict[str, Any]]:
    for _ in range(600):
        found = [facts for facts in told(folder) if facts["event"] == event]
        if len({facts["job"] for facts in found}) >= number:
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {event}: {told(folder)}")


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do something while a run is at work, and fail if that fails."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            act()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    yield
    thread.join()
    assert not errors, errors


def test_the_same_maps_and_each_fault_costs_one_job(project: Project, joined: Any) -> None:
    good = [
        "saliency",
        {"use": "rise", "with": {"masks": 40, "grid": 4}},
        {"use": "grad_cam", "with": {"relu": False}, "layers": ["features.2"]},
    ]
    mark = project.folder / "hung"
    bad = [odd("segfault"), odd("hang in C", mark=str(mark)) | {"timeout": "1s"}]
    local = esegeta.run(project.config(good, "local.json", output="local"), quiet=True)
    result = esegeta.run(project.config([*good, *bad], execution=ENGINE), quiet=True)

    assert set(result.done) == set(local.done)
    for job in local.done:
        maps = [np.load(one.folder / job / "map.npy") for one in (local, result)]
        np.testing.assert_array_equal(*maps)
    crashed, hung = (f"a/net/predicted/{method['name']}" for method in bad)
    assert sorted(result.failed) == sorted([crashed, hung])
    assert "killed by SIGSEGV" in result.reasons[crashed]
    assert "took longer than 1.0 s" in result.reasons[hung]
    assert json.loads((result.folder / hung / "result.json").read_text())["state"] == "timed out"
    assert "odd" in (result.folder / hung / "job.log").read_text().partition("Timeout")[2]
    assert gone_within(int(mark.read_text()), 3)  # what it had started, in a session of its own
    assert {e["event"] for e in told(result.folder)} == {
        *("run_started", "queued", "started", "progress", "finished", "failed", "timed_out"),
        "run_finished",
    }
    assert not ray.is_initialized()
    assert list(result.folder.glob(".*")) == []

    again = esegeta.run(project.config(good, execution=ENGINE), quiet=True, resume=True)
    assert (set(again.done), again.exit_code) == (set(local.done), 0)
    started = [e["job"] for e in told(again.folder) if e["event"] == "started"]
    assert sorted(started) == sorted([*result.done, *result.failed])


def test_a_node_that_dies_costs_nothing(project: Project, joined: Any) -> None:
    methods = [odd("slow", steps=LONG), {**odd("slow", steps=LONG), "name": "slow too"}]
    config = project.config(methods, execution=ENGINE)
    out = project.folder / "out"

    def kill() -> None:
        wait_for(out, "progress", 2)  # a job on either node
        joined.remove_node(joined.worker_nodes.copy().pop())

    try:
        with meanwhile(kill):
            result = esegeta.run(config, quiet=True)
    finally:
        joined.add_node(**NODE)
        joined.wait_for_nodes()
    assert (len(result.done), result.failed, result.pending) == (2, [], [])
    (lost,) = [e for e in told(out) if e["event"] == "retried"]
    assert "node" in lost["message"]


@pytest.mark.parametrize("how", ["once", "twice"])
def test_a_request_to_stop_reaches_every_node(project: Project, joined: Any, how: str) -> None:
    methods = [odd("slow", steps=600)]
    if how == "once":
        methods = [odd("slow", steps=LONG), {**odd("slow", steps=LONG), "name": "slow too"}]
        methods += [{"use": "rise", "with": {"masks": 15}}]
    config = project.config(methods, execution=ENGINE)
    out = project.folder / "out"
    asked: list[float] = []

    def interrupt() -> None:
        wait_for(out, "progress", 2 if how == "once" else 1)
        for _ in range(1 if how == "once" else 2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
        asked.append(time.monotonic())

    with meanwhile(interrupt):
        result = esegeta.run(config, quiet=True)
    assert time.monotonic() - asked[0] < 10
    assert result.exit_code == 130
    assert (len(result.done), result.failed) == (2 if how == "once" else 0, [])
    workers = {e["pid"] for e in told(out) if e["event"] == "started"}
    assert all(gone_within(worker, 3) for worker in workers)
    assert not list(out.rglob("map.npy")) or how == "once"
    if how == "once":
        done = esegeta.run(config, quiet=True, resume=True)
        assert (len(done.done), done.exit_code) == (3, 0)


@pytest.mark.parametrize("where", ["of our own", "that is there"])
def test_a_killed_driver_leaves_nothing_behind_and_resume_completes(
    project: Project, joined: Any, where: str
) -> None:
    mark = project.folder / "hung"
    before = set(SCRATCH.glob("esegeta-ray-*"))
    execution = {**ENGINE, "address": "local" if where == "of our own" else joined.address}
    config = project.config(["saliency", odd("hang in C", mark=str(mark))], execution=execution)
    command = [sys.executable, "-m", "esegeta.cli", "run", config]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for _ in range(600):
        if mark.exists() and mark.read_text():
            break
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.1)
    child = int(mark.read_text())
    worker = [e["pid"] for e in told(project.folder / "out") if e["event"] == "started"][-1]
    assert not gone(worker)
    assert not gone(child)
    driver.send_signal(signal.SIGKILL)
    said = driver.communicate(timeout=10)[0]
    assert gone_within(worker, 10)
    assert gone_within(child, 3)
    assert "ray" not in said  # it says nothing in between
    if where == "of our own":
        for folder in set(SCRATCH.glob("esegeta-ray-*")) - before:
            shutil.rmtree(folder, ignore_errors=True)
        return
    ended = esegeta.run(config, resume=True, quiet=True)
    assert (len(ended.done), ended.exit_code) == (2, 0)
    assert sorted(path.name for path in ended.folder.glob(".*")) == []


def test_a_job_whose_node_does_not_end_it_is_given_up(
    project: Project, joined: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "GRACE", 1.5)
    mark = project.folder / "hung"
    config = project.config(
        [odd("hang", mark=str(mark)) | {"timeout": "1s"}, odd("work", steps=3)],
        execution=ENGINE,
    )
    frozen: list[int] = []

    def freeze() -> None:
        while not (mark.exists() and mark.read_text()):
            time.sleep(0.01)
        started = [e for e in told(project.folder / "out") if e["job"] and e["event"] == "started"]
        worker = next(e["pid"] for e in started if e["job"].endswith("hang"))
        parent = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
        frozen.append(parent)
        os.kill(parent, signal.SIGSTOP)

    try:
        with meanwhile(freeze):
            result = esegeta.run(config, quiet=True)
    finally:
        for process in frozen:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
    assert [Path(job).name for job in result.failed] == ["hang"]
    assert "took longer than 1.0 s" in next(iter(result.reasons.values()))
    assert len(result.done) == 1
    assert gone_within(int(mark.read_text()), 10)


@pytest.mark.parametrize(
    ("lack", "said"),
    [
        ("disk", "does not see the run folder"),
        ("package", "could not begin its work: ModuleNotFoundError: No module named 'test_cluster"),
    ],
)
def test_what_no_node_can_do_ends_the_run(
    project: Project, joined: Any, monkeypatch: pytest.MonkeyPatch, lack: str, said: str
) -> None:
    def elsewhere(setup: Any, unit: Any, note: Path, version: str) -> Served:
        return serve(setup, unit, note.with_name("absent"), version)

    # Only what is made in here travels by value; nodes cannot import this module.
    monkeypatch.setattr(dispatch, "serve", elsewhere if lack == "disk" else unknown)
    result = esegeta.run(project.config(["saliency"], execution=ENGINE), quiet=True)
    assert (result.exit_code, len(result.pending)) == (1, 1)
    assert said in result.stopped


def unknown(setup: Any, unit: Any, note: Path, version: str) -> Served:
    raise NotImplementedError


def test_a_deadline_ends_the_jobs_of_every_node(project: Project, joined: Any) -> None:
    execution = {**ENGINE, "deadline": "6s"}
    config = project.config([odd("slow", steps=600)], execution=execution)
    began = time.monotonic()
    result = esegeta.run(config, quiet=True)
    assert time.monotonic() - began < 20
    assert (len(result.pending), result.stopped) == (1, "its deadline of 6.0 s is over")
