"""What the engine for clusters decides without one."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from esegeta import config
from esegeta.errors import RunError
from esegeta.passes import Passes
from esegeta.runs import cluster, dispatch
from esegeta.runs.device import Place
from esegeta.runs.folder import PLAN, RunFolder
from esegeta.runs.interrupts import Interrupts
from esegeta.runs.opening import open_config
from esegeta.runs.plan import Group, Job, make
from esegeta.runs.progress import View
from esegeta.runs.remote import GO, NOW, STOP, Orders, serve
from esegeta.runs.worker import Setup
from esegeta.version import __version__
from tests.runs.project import Project, odd

ray = pytest.importorskip("ray")


def work(model: str, image: str, name: str, passes: int) -> tuple[Any, Any]:
    group = Group(image, model, "t", None, None, None, (), (), False)  # type: ignore[arg-type]
    return group, Job(f"{group.id}/{name}", name, name, None, {}, Passes(passes), 0)


def names(units: list[Any]) -> list[list[str]]:
    return [[job.id for _, job in unit] for unit in units]


def test_units_keep_what_shares_a_pass_and_come_longest_first() -> None:
    group = [work("m", "a", name, passes) for name, passes in (("s", 2), ("g", 0), ("r", 500))]
    assert names(dispatch.units(group, 1)) == [["a/m/t/r"], ["a/m/t/s", "a/m/t/g"]]


def test_units_hold_as_many_groups_as_their_share_but_one_model() -> None:
    jobs = [work(m, str(i), "s", 10) for m in ("one", "two") for i in range(40)]
    cut = dispatch.units(jobs, 2)
    assert len(cut) == 8
    assert sorted(name for unit in names(cut) for name in unit) == sorted(j.id for _, j in jobs)
    assert all(len({group.model_name for group, _ in unit}) == 1 for unit in cut)


def test_no_jobs_are_no_units() -> None:
    assert dispatch.units([], 3) == []


@pytest.mark.parametrize(
    ("given", "device", "wanted", "said"),
    [
        ({"threads": 2}, "cpu", {"num_cpus": 2}, "2 CPUs"),
        (
            {"jobs_per_device": 2},
            "cuda:0",
            {"num_cpus": 1, "num_gpus": 0.5},
            "1 CPU and 0.5 GPUs",
        ),
    ],
)
def test_what_a_worker_needs(
    given: dict[str, Any], device: str, wanted: dict[str, float], said: str
) -> None:
    execution = config.Execution.model_validate({"engine": "ray", **given})
    needs = cluster.needs(execution, Place(device, execution.threads))
    assert needs == wanted
    assert cluster.in_words(needs) == said


def test_places_are_what_the_living_nodes_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 5.0}},
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 13.0, "GPU": 2.0})

    def places(**given: Any) -> list[Place]:
        execution = config.Execution.model_validate({"engine": "ray", **given})
        with cluster.workplaces(execution) as found:
            return found

    assert places() == [Place("cuda:0", 1)] * 2
    assert places(jobs_per_device=2) == [Place("cuda:0", 1)] * 4
    assert places(devices=["cpu"], threads=2) == [Place("cpu", 2)] * 6
    assert places(devices=["cpu"], threads=64) == [Place("cpu", 64)]  # a node that may come


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    execution = config.Execution(engine="ray")
    with (
        pytest.raises(RunError, match=r'needs Ray.*pip install "esegeta\[ray\]"'),
        cluster.workplaces(execution),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", r"no cluster of Ray can be reached at '127\.0\.0\.1:1': .*refused"),
        ("[::1]:99999", r"no cluster of Ray can be reached at '\[::1\]:99999'"),
        ("ray://head:10001", r"'ray://head:10001' in \$RAY_ADDRESS is no address"),
    ],
)
def test_a_cluster_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr(cluster, "PATIENCE", 0.2)
    execution = config.Execution(engine="ray")
    with pytest.raises(RunError, match=said), cluster.workplaces(execution):
        pass


def test_orders_are_what_the_note_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esegeta.runs.remote.READ_EVERY", 0)
    note = tmp_path / "note"
    orders = Orders(note)
    assert (orders.missing, orders.asked, orders.now) == (True, True, True)
    for word, asked, now in ((GO, False, False), (STOP, True, False), (NOW, True, True)):
        note.write_text(word)
        assert (orders.missing, orders.asked, orders.now) == (False, asked, now)


@pytest.fixture
def driver(project: Project) -> dispatch.RayDriver:
    """A driver at work, whose units stay where they are submitted."""
    settings, registry, where = open_config(project.config([odd("work"), odd("exit3")]), ())
    plan = make(settings, registry)
    folder = RunFolder.create(project.folder / "out")
    folder.write(PLAN, plan.record())
    setup = Setup(folder.root, settings, where, Place("cpu", 1))
    driver = dispatch.RayDriver(folder, [setup], View([], quiet=True), Interrupts())
    driver._order = GO
    driver._tail = dispatch.Tail(folder)
    driver._submit = lambda unit: driver._units.update({len(driver._units): unit})  # type: ignore[method-assign]
    driver._submit(list(plan.jobs()))
    return driver


def test_another_version_on_a_node_ends_the_run(driver: dispatch.RayDriver) -> None:
    served = serve(driver.setups[0], [], Path("absent"), "0.0.1")
    assert served.stopped is not None
    assert f"has esegeta {__version__}, but the run was started with 0.0.1" in served.stopped


def test_a_job_whose_nodes_die_fails_in_the_end_and_alone(driver: dispatch.RayDriver) -> None:
    (first, second) = driver._units[0]
    error = ray.exceptions.NodeDiedError("Task failed because the node is dead. Node IP: 1.2.3.4")
    unit = driver._units.pop(0)
    for _ in range(dispatch.LIVES):
        driver.folder.event("started", first[1].id)
        driver._watch()
        driver._lost(unit, error)
        unit = driver._units.pop(0)
        assert unit == [first]
        driver._units.clear()
    driver.folder.event("started", first[1].id)
    driver._watch()
    driver._lost(unit, error)
    assert driver._units == {}
    record = json.loads((driver.folder.job(first[1].id) / "result.json").read_text())
    assert "the node is dead (4 times)" in record["error"]["message"]
    assert driver.folder.result(second[1].id) is None


def test_a_worker_that_dies_with_its_job_costs_the_job(driver: dispatch.RayDriver) -> None:
    (first, second) = driver._units.pop(0)
    driver.folder.event("started", second[1].id)
    driver._watch()
    driver._lost([first, second], ray.exceptions.OutOfMemoryError("memory ran out. So it goes"))
    assert driver._ended[second[1].id].error == "memory ran out"
    assert list(driver._units.values()) == [[first]]
