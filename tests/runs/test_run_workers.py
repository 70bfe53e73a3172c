"""Several workers: the same maps, whoever makes them."""

import json

import numpy as np
import pytest

import esegeta
from esegeta import config
from esegeta.runs.device import places
from tests.runs.project import Project, odd

METHODS = [
    "saliency",
    {"use": "rise", "with": {"masks": 40, "grid": 4}},
    {"use": "smooth_grad", "with": {"samples": 12}},
    {"use": "grad_cam", "with": {"relu": False}, "layers": ["features.2"]},
]


def execution(**given: object) -> config.Execution:
    return config.Execution.model_validate(given)


def test_places_are_devices_as_often_as_asked_and_share_the_threads() -> None:
    assert [p.device for p in places(execution(devices=["cpu", "cpu"]))] == ["cpu"] * 2
    shared = places(execution(devices=["cpu"], jobs_per_device=3, threads=7))
    assert [(p.device, p.threads) for p in shared] == [("cpu", 2)] * 3
    assert places(execution(devices=["cpu"]))[0].threads is None
    assert places(execution(devices=["cpu"], threads=2))[0].threads == 2


@pytest.mark.slow
def test_several_workers_make_the_maps_of_one(project: Project) -> None:
    images = []
    for number in range(3):
        project.picture(f"{number}.png", seed=number)
        images.append({"path": f"{number}.png"})
    results = {}
    for name, devices in {"one": ["cpu"], "two": ["cpu", "cpu"]}.items():
        chosen = {"threads": 2, "devices": devices}
        path = project.config(METHODS, f"{name}.json", images=images, execution=chosen, output=name)
        results[name] = esegeta.run(path, quiet=True)
        assert results[name].exit_code == 0
    one, two = results["one"], results["two"]
    assert one.done == two.done
    assert len(one.done) == 12
    for job in one.done:
        maps = [np.load(result.folder / job / "map.npy") for result in (one, two)]
        scale = np.abs(maps[0]).max()
        np.testing.assert_allclose(maps[0], maps[1], rtol=1e-4, atol=1e-5 * scale)
    told = [json.loads(line) for line in (two.folder / "events.jsonl").read_text().splitlines()]
    assert len({event["pid"] for event in told if event["event"] == "started"}) == 2
    assert told[0]["device"] == "cpu × 2"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["segfault", "exit0"])
def test_a_crash_of_one_worker_is_nothing_to_the_other(project: Project, how: str) -> None:
    project.picture("b.png", seed=5)
    images = [{"path": "a.png"}, {"path": "b.png"}]
    methods = [odd(how), *METHODS]
    chosen = {"threads": 2, "devices": ["cpu"], "jobs_per_device": 2}
    result = esegeta.run(project.config(methods, images=images, execution=chosen), quiet=True)
    assert len(result.done) == 8
    assert sorted(result.failed) == [f"{image}/net/predicted/{how}" for image in "ab"]
