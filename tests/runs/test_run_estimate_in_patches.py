"""What `plan` tells of volumes that pass in patches: measured on one patch, and not more than it takes."""

import json
from typing import Any

import numpy as np
import pytest

import esegeta
from esegeta import config
from esegeta.probe.network import Network
from esegeta.registry import find
from esegeta.runs import measure
from esegeta.runs.estimate import Forecast
from esegeta.runs.measure import Pass
from esegeta.runs.plan import Group, make

METHODS: list[Any] = [
    "saliency",
    {"use": "occlusion", "with": {"window": 8, "stride": 8}},
    {"use": "grad_cam", "layers": ["enc", "nope"]},
]
PATCHES = {"size": 16, "overlap": 8}
PARTS = 4 * 2 * 1

PICKY = """

class Picky(Segmenter):
    def forward(self, x):
        raise ValueError(f"not with a side of {x.shape[2]}")
"""


@pytest.fixture
def data(project: Any) -> dict[str, Any]:
    values = np.random.default_rng(0).normal(size=(40, 24, 16)).astype(np.float32)
    project.volume("scan.nii", values, np.eye(4))
    model = {
        "name": "net",
        "factory": "nets.py:Segmenter",
        "task": "segmentation",
        "classes": ["back", "front"],
    }
    target = {"class": "front", "mask": "all", "patches": PATCHES}
    return project.data(METHODS, models=[model], images=[{"path": "scan.nii"}], target=target)


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be the one that measures."""
    for name, value in (("_given", None), ("_bench", None), ("_times", {})):
        monkeypatch.setattr(measure, name, value)


def measured(data: dict[str, Any], project: Any) -> tuple[Group, Any]:
    settings = config.parse(data, project.folder)
    (group,) = make(settings, find()).groups
    measure.start(settings, ())
    return group, measure.measure(group)


def test_one_patch_is_timed_not_the_volume(project, data, measuring, monkeypatch) -> None:
    shapes = []
    plain = Network._measured

    def seen(self: Network, images: Any) -> Any:
        shapes.append(tuple(images.shape))
        return plain(self, images)

    monkeypatch.setattr(Network, "_measured", seen)
    _, (told, failing) = measured(data, project)
    assert isinstance(told, Pass), told
    assert set(shapes) == {(1, 1, 16, 16, 16)}
    assert len(shapes) <= 5  # to warm up, one forward, one with a way back, two layers
    assert told.patches == PARTS
    assert told.spatial == (40, 24, 16)
    assert told.forward > 0
    (job,) = failing
    assert job.endswith("grad_cam@nope")
    assert "'nope'" in failing[job]


def test_a_volume_as_small_as_a_patch_is_timed_too(project, data, measuring) -> None:
    data["target"]["patches"] = {"size": [40, 24, 16]}
    _, (told, _) = measured(data, project)
    assert told.patches == 1
    assert told.forward > 0


def test_no_way_back_is_timed_where_no_job_goes_it(project, data, measuring) -> None:
    data["methods"] = ["rise"]
    nets = project.folder / "nets.py"
    before = "return self.out(torch.tanh(self.enc(x)))"
    nets.write_text(nets.read_text().replace(before, f"{before}.detach()"))
    _, (told, failing) = measured(data, project)
    assert isinstance(told, Pass), told
    assert told.backward == 0
    assert failing == {}


def test_a_model_that_refuses_the_patch_costs_its_group(project, data, measuring) -> None:
    nets = project.folder / "nets.py"
    nets.write_text(nets.read_text() + PICKY)
    data["models"][0]["factory"] = "nets.py:Picky"
    _, (told, failing) = measured(data, project)
    assert "a side of 16" in told
    assert failing == {}


def test_patches_are_told_and_what_is_told_is_a_bound(project, data) -> None:
    data["methods"] = METHODS[:2]
    settings = config.parse(data, project.folder)
    plan = make(settings, find(), {("net", "scan"): (40, 24, 16)})
    (group,) = plan.groups
    second = Pass(1.0, 2.0, 10**9, (40, 24, 16), PARTS)
    forecast = Forecast(plan, {group.id: second}, {})
    assert "at most about" in str(forecast)
    record = forecast.record()
    assert record["groups"][0]["patches"] == PARTS
    assert record["groups"][0]["at_most"] is record["totals"]["at_most"] is True
    columns = {column.header: list(column.cells) for column in forecast.table().columns}
    assert columns["patches"] == [str(PARTS), "", ""]
    assert all(cell.startswith("≤ ") for cell in columns["time"])
    # Saliency: forward for the score, forward and back for the gradient.
    saliency, occlusion = record["groups"][0]["jobs"]
    assert saliency["seconds"] == 2 * 1.0 + 2.0
    assert 0 < occlusion["seconds"] < 1 + 30  # of 30 windows each touches some patches only


def test_where_images_pass_whole_nothing_is_said_of_patches(project, data) -> None:
    data["methods"] = METHODS[:1]
    del data["target"]["patches"]
    plan = make(config.parse(data, project.folder), find())
    forecast = Forecast(plan, {plan.groups[0].id: Pass(1, 1, 1, (40, 24, 16))}, {})
    assert "at most" not in str(forecast)
    assert "patches" not in [column.header for column in forecast.table().columns]
    assert forecast.record()["groups"][0]["patches"] is None
    assert forecast.record()["totals"]["at_most"] is False


@pytest.mark.slow
def test_the_run_takes_as_many_patches_as_planned_and_reported(project, data) -> None:
    data["methods"] = METHODS[:2]
    data["methods"].append({"use": "smooth_grad", "with": {"samples": 3}})
    path = project.folder / "config.json"
    path.write_text(json.dumps(data))
    shapes = {("net", "scan"): (40, 24, 16)}
    planned = {job.method: job.passes for _, job in make(config.load(path), find(), shapes).jobs()}
    result = esegeta.run(path, quiet=True)
    assert result.reasons == {}
    events = [json.loads(line) for line in (result.folder / "events.jsonl").open()]
    for method, passes in planned.items():
        (job,) = {e["job"] for e in events if str(e.get("job")).endswith(f"/{method}")}
        record = json.loads((result.folder / job / "result.json").read_text())
        cut = record["patches"]
        expected = round(PARTS * passes.forward), round(PARTS * passes.backward)
        # The image's own prediction is the group's, whichever of its jobs asks first.
        own = PARTS if method != "saliency" else 0
        # A batch's first patch passes once more, alone, to prove that it does not change.
        assert expected[0] - own <= cut["forward"] <= expected[0] + 1, method
        assert cut["backward"] == expected[1], method
        totals = {e["total"] for e in events if e["event"] == "progress" and e["job"] == job}
        assert totals == {sum(expected)}, method
        assert record["estimate"]["forward"] == pytest.approx(passes.forward)
