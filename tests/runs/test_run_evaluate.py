"""Metrics in a run: planned, done, kept, and told in files and the report."""

import csv
import json

import numpy as np
import pytest

import esegeta
from esegeta.errors import ConfigError, RunError
from esegeta.images import read_map
from esegeta.report import page
from esegeta.runs.api import evaluate
from esegeta.runs.folder import RunFolder
from esegeta.runs.status import status
from tests.runs.project import odd

METHODS = ["saliency", {"use": "grad_cam", "layers": ["features.2"]}]
FEW = {"use": "infidelity", "with": {"samples": 8}}
METRICS = [FEW, {"use": "deletion", "name": "removed", "methods": ["saliency"]}]


def run(project, methods=METHODS, metrics=METRICS, *, options=None, **changes):
    config = project.config(methods, evaluate=metrics, **changes)
    return esegeta.run(config, quiet=True, **(options or {}))


def results(folder):
    return {
        str(path.parent.relative_to(folder)): json.loads(path.read_text())
        for path in folder.rglob("result.json")
    }


@pytest.fixture(scope="module")
def made(shared_project):
    return run(shared_project)


def test_every_metric_judges_the_maps_it_is_for(made):
    assert (made.failed, made.pending) == ([], [])
    found = {name.partition("predicted/")[2] for name in made.done}
    maps = {"saliency", "grad_cam@features.2"}
    assert found == maps | {f"{map}/infidelity" for map in maps} | {"saliency/removed"}


def test_a_result_says_what_was_measured_of_what(made):
    (name,) = [n for n in made.done if n.endswith("saliency/removed")]
    result = results(made.folder)[name]
    assert result["job"]["judges"] == name.removesuffix("/removed")
    assert (result["job"]["metric"], result["job"]["use"]) == ("removed", "deletion")
    assert result["family"] == "metric"
    assert result["best"] == "low"
    assert isinstance(result["value"], float)
    assert result["curves"]
    assert result["passes"]["forward"] > 0
    assert (made.folder / name / "overlay.png").is_file()


def test_the_plan_tells_them_apart(made):
    jobs = [job for group in RunFolder(made.folder).plan()["groups"] for job in group["jobs"]]
    judging = [job for job in jobs if "judges" in job]
    assert len(jobs) == 5
    assert {job["metric"] for job in judging} == {"infidelity", "removed"}
    assert {job["judges"] for job in judging} <= {job["id"] for job in jobs}


def test_maps_come_first(made):
    events = (json.loads(line) for line in (made.folder / "events.jsonl").open())
    finished = [e["job"].count("/") for e in events if e["event"] == "finished"]
    assert finished == sorted(finished)


def test_tables_say_the_same_as_the_results(made):
    lines = list(csv.DictReader((made.folder / "evaluation.csv").open()))
    told = {(line["method"], line["metric"]): line["value"] for line in lines}
    facts = json.loads((made.folder / "evaluation.json").read_text())
    for result in results(made.folder).values():
        if result["family"] == "metric":
            job = result["job"]
            assert float(told[job["method"], job["metric"]]) == result["value"]
    assert {row["metric"] for row in facts["maps"]} == {"infidelity", "removed"}
    assert all(row["images"] == 1 and row["low"] is None for row in facts["methods"])


def test_the_report_has_a_table(made):
    text = (made.folder / "report.html").read_text()
    assert "How far to trust these maps" in text
    assert text.count('<th scope="col">') == 3
    assert text.count("<article") == 2, "a card for each map, none for a metric"


def test_what_is_done_is_kept_and_what_changed_is_judged_again(project):
    first = run(project)
    before = {p: p.stat().st_mtime_ns for p in first.folder.rglob("result.json")}
    again = run(project, options={"resume": True})
    assert {p: p.stat().st_mtime_ns for p in again.folder.rglob("result.json")} == before
    more = [{"use": "infidelity", "with": {"samples": 9}}, METRICS[1]]
    changed = run(project, metrics=more, options={"resume": True})
    new = {p.parent.name for p, t in before.items() if p.stat().st_mtime_ns != t}
    assert new == {"infidelity"}
    assert changed.exit_code == 0


def test_a_map_made_anew_is_judged_anew(project):
    first = run(project, [{"use": "rise", "with": {"masks": 20}}], [FEW])
    name = first.done[-1]
    before = results(first.folder)[name]["fingerprint"]
    run(project, [{"use": "rise", "with": {"masks": 21}}], [FEW], options={"resume": True})
    assert results(first.folder)[name]["fingerprint"] != before


def test_a_run_is_evaluated_later(project):
    first = run(project, metrics=[])
    maps = {p: p.stat().st_mtime_ns for p in first.folder.rglob("map.*")}
    assert not (first.folder / "evaluation.csv").exists()
    later = evaluate(first.folder, ["deletion"], quiet=True)
    assert {p: p.stat().st_mtime_ns for p in first.folder.rglob("map.*")} == maps
    assert sum(name.endswith("/deletion") for name in later.done) == 2
    more = evaluate(first.folder, ["insertion", "deletion"], only=["saliency"], quiet=True)
    assert [name for name in more.done if name.endswith("/insertion")] == [
        name for name in more.done if name.endswith("saliency/insertion")
    ]
    assert status(first.folder).exit_code in (0, 3)


def test_unknown_metrics_are_named_with_the_nearest(project):
    first = run(project, ["saliency"], [])
    with pytest.raises(ConfigError, match="infidelity"):
        evaluate(first.folder, ["infidelty"], quiet=True)
    with pytest.raises(RunError, match="no run"):
        evaluate(project.folder / "nowhere", quiet=True)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("saliency", "no such metric; saliency is of the family attribution"),
        ("infidelty", "did you mean 'infidelity'"),
        ({"use": "infidelity", "with": {"samples": 0}}, "evaluate[0].with.samples"),
        ({"use": "infidelity", "methods": ["salincy"]}, "evaluate[0].methods[0]"),
        ({"use": "infidelity", "layers": ["x"]}, "evaluate[0].layers"),
    ],
)
def test_what_is_wrong_with_a_metric_is_said_where_it_stands(project, entry, said):
    with pytest.raises(ConfigError) as caught:
        run(project, metrics=[entry])
    assert said in str(caught.value)


def test_two_metrics_of_one_name_are_refused(project):
    with pytest.raises(ConfigError, match=r"evaluate\[1\]"):
        run(project, metrics=["infidelity", {"use": "infidelity", "with": {"samples": 3}}])


def test_without_a_map_there_is_nothing_to_judge(project):
    ended = run(project, ["saliency", odd("raise")], [FEW])
    failed = {name.rpartition("predicted/")[2] for name in ended.failed}
    assert failed == {"raise", "raise/infidelity"}
    (reason,) = [r for name, r in ended.reasons.items() if name.endswith("/infidelity")]
    assert reason.startswith("There is no map to judge: ")
    text = page.write(ended.folder).read_text()
    assert "Without a value: 1" in text


def test_a_metric_may_crash_and_the_rest_goes_on(project):
    (project.folder / "plugins" / "bad.py").write_text(
        '''
"""A metric that ends its process."""

import os

from esegeta import Case, Measure, Passes, metric


@metric(paper="none", passes=Passes())
def bad(case: Case) -> Measure:
    """End the process."""
    os._exit(3)
'''
    )
    ended = run(project, ["saliency"], ["bad", FEW])
    assert {name.rpartition("/")[2] for name in ended.done} == {"saliency", "infidelity"}
    assert [name.rpartition("/")[2] for name in ended.failed] == ["bad"]


def test_methods_that_make_no_map_are_not_judged(project):
    ended = run(project, ["saliency", {"use": "deep_dream", "layers": ["features.2"],
                                       "with": {"steps": 1, "octaves": 1}}], [FEW])  # fmt: skip
    assert sum(name.endswith("/infidelity") for name in ended.done) == 1


def test_values_depend_on_no_order(project, made):
    """The same numbers on one worker and on two."""
    two = run(project, execution={"devices": ["cpu", "cpu"], "threads": 2})
    one = results(made.folder)
    for name, result in results(two.folder).items():
        if "value" in result:
            assert result["value"] == pytest.approx(one[name]["value"], rel=1e-4), name


def test_a_volume_that_was_resampled_is_judged_on_the_models_own_grid(project):
    """The map in the image's space is interpolated; the numbers judged are the model's."""
    volume = np.random.default_rng(0).random((12, 10, 8), dtype=np.float32)
    path = project.volume("v.nii.gz", volume, np.diag([1.0, 1, 1, 1]))
    model = {
        "name": "net",
        "factory": "nets.py:Segmenter",
        "task": "segmentation",
        "preprocess": [{"use": "Resample", "with": {"target": 2}}],
    }
    made = run(project, ["saliency"], [FEW], models=[model], images=[{"path": str(path)}],
               target={"class": 1, "mask": "all"})  # fmt: skip
    assert made.exit_code == 0, made.reasons
    (folder,) = [made.folder / name for name in made.done if name.endswith("/saliency")]
    files = json.loads((folder / "result.json").read_text())["files"]
    assert files["model"] == "map.model.npy"
    assert np.load(folder / files["model"]).shape == (6, 5, 4)
    assert read_map(folder / files["map"], 3).shape == (1, 12, 10, 8)
