"""What the report says of metrics: tables, files, and names that look like markup or formulas."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esegeta.report import evaluation, measures, page
from esegeta.report.evaluation import interval, means, rows
from esegeta.report.reading import read
from tests.report.conftest import NASTY, group, job, put, result, write_plan

CURVES = {"ssim": [[0.0, 1.0, 1.0, 1.0], [50.0, 0.4, 0.3, 0.5]], "hog": [[0.0, 1.0], [1.0, 0.5]]}


def measure(map, metric, value=None, **more):
    """The plan and result of a job that judges a map."""
    plan = job(map["id"], metric) | {"judges": map["id"], "metric": metric, "method": map["method"]}
    done = {"value": value, "best": "high", "files": {}, "more": {"half": 0.5}, "curves": CURVES}
    return plan, result(plan, **{**done, **more})


@pytest.fixture
def judged(tmp_path):
    """Two images, two methods, two metrics; one value is missing."""
    run = tmp_path / "run"
    run.mkdir()
    groups, records = [], []
    values = {("a", "rise"): 0.5, ("a", "lime"): 0.25, ("b", "rise"): 0.7, ("b", "lime"): 0.35}
    for image in "ab":
        jobs = []
        for method in ("rise", "lime"):
            map = job(f"{image}/unet/brain", method)
            value = values[image, method]
            tests = [measure(map, "road", value, standard_error=0.01)]
            tests.append(measure(map, "steady", 1 - value, best="low", passed=value > 0.4))
            if (image, method) == ("b", "lime"):
                tests[0][1].update(
                    state="failed", error={"message": f"It broke. {NASTY}"}, value=None
                )
            jobs += [map, *(plan for plan, _ in tests)]
            records += [(map, result(map)), *tests]
        groups.append(group(image, jobs))
    write_plan(run, groups)
    for plan, record in records:
        put(run, plan, record)
    return run


def test_means_over_images_with_intervals(judged):
    found = {(m.method, m.metric): m for m in means(rows(read(judged)))}
    assert found["rise", "road"].mean == pytest.approx(0.6)
    assert 0.5 <= found["rise", "road"].low <= 0.6 <= found["rise", "road"].high <= 0.7
    one = found["lime", "road"]
    assert (one.images, one.mean, one.low) == (1, 0.25, None)
    assert found["rise", "steady"].passed == 1
    assert found["lime", "steady"].passed == 0


def test_the_table_marks_the_best_of_each_column(judged):
    text = page.write(judged).read_text()
    table = text.partition("<tbody>")[2].partition("</tbody>")[0]
    rise, lime = table.split("<tr>")[1:]
    assert rise.count("<b>") == 2, "more of the one and less of the other is better"
    assert "<b>" not in lime
    assert "✓" in rise
    assert "✗" in lime
    assert "Without a value: 1" in text
    assert "<img src=x" not in text


def test_a_map_shows_its_own_numbers(judged):
    text = page.write(judged).read_text()
    assert "0.5 ± 0.01" in text
    assert text.count("<article") == 4


def test_files_hold_the_same(judged):
    evaluation.write(judged)
    lines = list(csv.reader((judged / "evaluation.csv").open()))
    assert lines[0][:7] == ["image", "model", "target", "method", "layer", "metric", "value"]
    assert ["a", "unet", "brain", "rise", "", "road", "0.5", "0.01", "", ""] in lines
    assert ["a", "unet", "brain", "rise", "", "road: half", "0.5", "", "", ""] in lines
    assert any(line[9].startswith("It broke.") for line in lines)
    facts = json.loads((judged / "evaluation.json").read_text())
    assert len(facts["maps"]) == 8
    assert len(facts["methods"]) == 4
    assert all(row["curves"] == (CURVES if row["value"] else {}) for row in facts["maps"])


def test_a_curve_with_ends_has_a_band_and_one_without_has_none():
    axes = measures.curves(CURVES, axes=("depth", "similarity")).axes[-1]
    assert [line.get_label() for line in axes.lines] == ["ssim", "hog"]
    (band,) = axes.collections
    assert band.get_paths()[0].get_extents().extents.tolist() == [0, 0.3, 50, 1]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("depth", "similarity")


def test_a_run_without_metrics_has_neither(run):
    evaluation.write(run)
    assert not (run / "evaluation.csv").exists()
    assert "How far to trust" not in page.write(run).read_text()


def test_damaged_numbers_are_no_numbers(judged):
    path = judged / "a/unet/brain/rise/road/result.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"value": "0.5", "more": [1], "standard_error": True}))
    row = next(
        r for r in rows(read(judged)) if (r.image, r.method, r.metric) == ("a", "rise", "road")
    )
    assert (row.value, row.error, row.more) == (None, None, {})
    page.write(judged)
    evaluation.write(judged)


def test_no_name_becomes_a_formula(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    map = job("=1+1/unet/brain", "@rise")
    plan, record = measure(map, "-road", 1.0)
    write_plan(run, [group("=1+1", [map, plan])])
    put(run, map, result(map))
    put(run, plan, record)
    evaluation.write(run)
    cells = [cell for line in csv.reader((run / "evaluation.csv").open()) for cell in line]
    assert not any(cell[:1] in ("=", "+", "@") for cell in cells)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_an_interval_holds_the_mean_and_stays_within_the_values(values):
    low, high = interval(values)
    slack = 1e-9 * max(1, *map(abs, values))
    assert min(values) - slack <= low <= high <= max(values) + slack
    if len(set(values)) == 1:
        assert high - low <= slack


def test_an_interval_has_its_level():
    """The interval of the mean of normal numbers is about ±1.96 standard errors."""
    values = np.random.default_rng(1).normal(size=200)
    low, high = interval(list(values))
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 200**0.5, rel=0.1)
