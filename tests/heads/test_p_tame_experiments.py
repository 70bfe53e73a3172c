"""The experiments on P-TAME, end to end on a small task: the table, the search, randomised models."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from esegeta.plugins.experiments import p_tame, p_tame_search
from esegeta.plugins.metrics.faithfulness import average_drop

import esegeta
from esegeta import Case, config, experiments
from esegeta.errors import RunError
from esegeta.experiments import bootstrap
from esegeta.registry import find
from tests.heads.stripes_net import striped

if importlib.util.find_spec("lightning") is None:
    pytest.skip("lightning is not installed", allow_module_level=True)

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def striped_config(tmp_path_factory):
    """A config of the task, with P-TAME trained for some seconds."""
    folder = tmp_path_factory.mktemp("stripes")
    sets = {
        name: striped(count, seed)
        for seed, (name, count) in enumerate({"a": 160, "b": 24, "c": 8}.items())
    }
    np.savez(
        folder / "set.npz",
        **{f"{n}_images": one[0][:, 0].numpy() for n, one in sets.items()},
        **{f"{n}_labels": one[1].numpy() for n, one in sets.items()},
    )
    path = str(folder / "set.npz")
    made = {
        "version": 1,
        "name": "stripes",
        "output": str(folder / "out"),
        "models": [
            {"name": "net", "factory": f"{HERE / 'stripes_net.py'}:Stripes", "task": "classification"}
        ],
        "images": [{"path": path, "key": "c_images", "index": i, "axes": "HW"} for i in range(8)],
        "train": [
            {
                "use": "p_tame",
                "with": {"width": 3, "learning_rate": 1e-2, "cross_entropy": 0.4, "area": 0.6, "power": 0.5},
                "data": {"path": path, "key": "a_images", "axes": "HW"},
                "validation": {"path": path, "key": "b_images", "axes": "HW"},
                "epochs": 8,
                "batch": 16,
                "output": str(folder / "artifact"),
            }
        ],
        "methods": [
            "p_tame",
            {"use": "rise", "with": {"masks": 64, "grid": 4, "baseline": "minimum"}},
            {"use": "grad_cam", "layers": ["filters"]},
        ],
        "execution": {"devices": ["cpu"], "threads": 1},
    }  # fmt: skip
    (folder / "stripes.json").write_text(json.dumps(made))
    esegeta.train(folder / "stripes.json")
    return folder / "stripes.json"


def read(written):
    with written[0].open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) > 0
    assert written[2].read_bytes()[:4] == b"\x89PNG"
    return json.loads(written[1].read_text(encoding="utf-8"))["rows"]


def test_the_table(striped_config, tmp_path):
    rows = read(experiments.run("p-tame", striped_config, output=tmp_path))
    by = {row["method"]: row for row in rows}
    assert list(by) == ["p_tame", "rise", "grad_cam @ filters", "(brightness)", "(chance)"]
    assert [by[name]["R"] for name in by] == [256, 16, 256, 256, 256]
    costs = {name: (row["forward"], row["backward"]) for name, row in by.items()}
    assert costs["p_tame"] == (1, 0)
    assert costs["rise"] == (
        1 + 64 + 1,
        0,
    )  # the image, and once more to see that batches do not matter
    assert costs["grad_cam @ filters"] == (1, 1)
    assert by["rise"]["time / rise"] == 1
    assert by["p_tame"]["time / grad_cam"] == pytest.approx(
        by["p_tame"]["seconds"] / by["grad_cam @ filters"]["seconds"]
    )
    assert by["(chance)"]["time / rise"] is None
    for row in rows:
        for name in ("AD 100 %", "IC 15 %", "MoRF", "LeRF"):
            assert 0 <= row[f"{name} low"] <= row[name] <= row[f"{name} high"] <= 1
        assert row["ROAD"] == pytest.approx((row["LeRF"] - row["MoRF"]) / 2)
    # It was trained for that; noise hides what decides.
    assert by["p_tame"]["AD 50 %"] < 0.5 * by["(chance)"]["AD 50 %"]
    assert by["p_tame"]["ROAD"] > by["(chance)"]["ROAD"] + 0.1


def test_the_metrics_are_those_of_an_evaluation(striped_config):
    """Of one image, against the metric plug-ins as a run asks them."""
    data = json.loads(striped_config.read_text())
    study = experiments.Study(config.parse(data, Path()), find())
    (subject,) = study.subjects("classification")
    one = p_tame.Found()
    use = subject.methods[0]
    probe, map, _ = p_tame._explained(subject, subject.images[0], 0, use, one)
    p_tame._Judge(0, "minimum", "linear")(one, probe, map, use)
    expected = average_drop(Case(probe, map, use.plugin), kept=(0.5,), baseline="minimum").value
    assert one.values["AD 50 %"] == [pytest.approx(expected)]


@pytest.mark.slow
def test_the_search_looks_at_validation_images_alone(striped_config, tmp_path):
    data = json.loads(striped_config.read_text())
    data["images"] = [{"path": str(tmp_path / "absent.png")}]
    data["train"][0] |= {"epochs": 1, "output": str(tmp_path / "artifact")}
    data["train"][0]["with"]["width"] = 2
    (tmp_path / "absent.png").write_bytes(b"no picture")
    given = {"trials": 3, "starts": 2, "images": 3, "powers": [0.5, 1.0]}
    rows = read(experiments.run("p-tame-search", data, output=tmp_path / "found", parameters=given))
    assert [row["trial"] for row in rows] == [0, 1, 2]
    for row in rows:
        assert row["cross_entropy"] + row["area"] + row["variation"] == pytest.approx(1, abs=1e-6)
        card = json.loads(
            (tmp_path / "artifact-search" / f"trial-{row['trial']}" / "card.json").read_text()
        )
        assert card["parameters"]["area"] == row["area"]
        assert card["parameters"]["power"] == row["power"]
        assert card["parameters"]["width"] == 2
    assert [row["best"] for row in rows].count("yes") == 1
    assert max(rows, key=lambda row: row["ROAD"])["best"] == "yes"
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("**/card.json")}
    again = read(
        experiments.run("p-tame-search", data, output=tmp_path / "again", parameters=given)
    )
    assert again == rows
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("**/card.json")} == written
    nothing = {**data, "train": [], "methods": ["saliency"]}
    with pytest.raises(RunError, match="there is nothing to search for"):
        experiments.run("p-tame-search", nothing, parameters=given)
    del data["train"][0]["validation"]
    with pytest.raises(RunError, match='needs "validation" images'):
        experiments.run("p-tame-search", data, parameters=given)


def test_every_suggestion_lies_on_the_simplex():
    class Trial:
        def suggest_float(self, name, low, high):
            return float(torch.empty(()).uniform_(low, high))

        def suggest_categorical(self, name, values):
            return values[-1]

    for _ in range(200):
        found = p_tame_search.suggested(Trial(), [0.5, 2.0])
        weights = [found[name] for name in ("cross_entropy", "area", "variation")]
        assert min(weights) >= 0
        assert abs(sum(weights) - 1) < 1e-6


@pytest.mark.slow
def test_without_training_anew_the_map_stays(striped_config, tmp_path):
    data = json.loads(striped_config.read_text())
    data["train"][0] |= {"epochs": 2}
    artifact = data["train"][0]["output"]
    data["methods"] = [{"use": "p_tame", "artifact": artifact}]
    data["train"][0]["output"] = str(tmp_path / "artifact")
    rows = read(
        experiments.run("p-tame-randomisation", data, output=tmp_path, parameters={"depths": 1})
    )
    by = {row["what"]: row for row in rows}
    assert [row["layers randomised"] for row in rows] == [0, 1, 1]
    assert by["not trained anew"]["ssim"] == pytest.approx(1)
    assert by["not trained anew"]["images"] == by["trained again"]["images"] == 8
    assert by["trained again"]["ssim"] < 0.999
    anew = by["model randomised, trained anew"]
    assert anew["images"] == 0 or anew["ssim"] < 0.999
    assert (tmp_path / "artifact-randomisation" / "randomised-1" / "model.safetensors").is_file()


def test_bootstrap():
    assert bootstrap(torch.full((9,), 3.0)) == (3, 3, 3)
    values = torch.randn(400, generator=torch.Generator().manual_seed(0))
    mean, low, high = bootstrap(values)
    assert mean == pytest.approx(float(values.mean()))
    width = 2 * 1.96 * float(values.std()) / 20
    assert high - low == pytest.approx(width, rel=0.15)
    assert low < mean < high
