"""How long a run takes: the work of its jobs, shared out among its workers."""

from typing import Any

import pytest

from esegeta import config
from esegeta.registry import find
from esegeta.runs import estimate
from esegeta.runs.estimate import Forecast, Pass
from esegeta.runs.plan import Plan, make

SECOND = Pass(1.0, 1.0, 2_000_000_000, (16, 16))


def planned(project: Any, passes: list[int], images: int) -> Plan:
    methods = [{"use": "rise", "name": f"r{n}", "with": {"masks": n - 1}} for n in passes]
    listed = [{"path": "a.png", "name": f"i{n}"} for n in range(images)]
    settings = config.parse(project.data(methods, images=listed), project.folder)
    return make(settings, find())


def told(plan: Plan, workers: int | None) -> Forecast:
    return Forecast(plan, {group.id: SECOND for group in plan.groups}, {}, workers)


@pytest.mark.parametrize(
    ("passes", "images", "workers", "seconds"),
    [
        ([8], 1, 1, 8),
        ([8], 4, 1, 32),
        ([8], 4, 2, 16),
        ([8], 3, 2, 16),  # a worker has two images
        ([2, 100], 1, 2, 100),  # what is expensive leaves its group
        ([2, 3], 1, 2, 5),  # what is cheap stays
    ],
)
def test_a_run_takes_what_the_queue_leaves_its_last_worker(
    project, passes: list[int], images: int, workers: int, seconds: float
) -> None:
    forecast = told(planned(project, passes, images), workers)
    assert forecast.run_seconds() == pytest.approx(seconds)
    assert forecast.seconds() == pytest.approx(sum(passes) * images)
    totals = forecast.record()["totals"]
    assert totals["seconds"] == forecast.seconds()
    assert totals["run_seconds"] == forecast.run_seconds()
    assert totals["workers"] == workers


def test_the_number_of_workers_is_said(project) -> None:
    plan = planned(project, [30], 4)
    assert str(told(plan, 1)).endswith("about 2 min 0 s with 1 worker and 2.0 GB of memory")
    assert str(told(plan, 2)).endswith(
        "about 1 min 0 s with 2 workers (2 min 0 s of work); each takes 2.0 GB of memory"
    )


def test_of_a_cluster_only_the_work_is_known(project) -> None:
    forecast = told(planned(project, [30], 4), None)
    assert "about 2 min 0 s of work, shared by the workers of the cluster" in str(forecast)
    assert forecast.record()["totals"]["run_seconds"] is None


def test_where_something_fails_no_time_is_told(project) -> None:
    plan = planned(project, [8], 2)
    forecast = Forecast(plan, {g.id: SECOND for g in plan.groups} | {plan.groups[0].id: "no"}, {})
    assert forecast.seconds() is forecast.run_seconds() is None


class NoSlot:
    """Stands for the process that measures."""

    def __init__(self, *_: Any) -> None: ...

    def run(self, *_: Any) -> tuple[Pass, dict[str, str]]:
        return SECOND, {}

    def kill(self) -> None: ...


@pytest.mark.parametrize(
    ("execution", "workers"),
    [
        ({"devices": ["cpu"]}, 1),
        ({"devices": ["cpu"], "jobs_per_device": 2}, 2),
        ({"devices": ["cpu"], "jobs_per_device": 64}, 3),  # there are three jobs
        ({"engine": "ray"}, None),
    ],
)
def test_workers_are_those_of_the_run(
    project, monkeypatch, execution: dict[str, Any], workers: int | None
) -> None:
    monkeypatch.setattr(estimate, "Slot", NoSlot)
    images = [{"path": "a.png", "name": f"i{n}"} for n in range(3)]
    data = project.data(["saliency"], images=images, execution=execution)
    settings = config.parse(data, project.folder)
    assert estimate.forecast(settings, find(), ()).workers == workers
