"""The configs of One For All on MedMNIST: a shortened copy of each trains, and explains with what it made."""

import json

import numpy as np
import pytest

import esegeta
from tests.real.one_for_all import CONFIGS, SETS, settings

FEW = {"train": 96, "val": 32, "test": 16}


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_shortened_copy_runs(name, shared, tmp_path):
    found = settings(name, shared)
    with np.load(found["images"][0]["path"]) as file:
        parts = {
            f"{part}_{kind}": file[f"{part}_{kind}"][:count]
            for part, count in FEW.items()
            for kind in ("images", "labels")
        }
    np.savez(tmp_path / "few.npz", **parts)
    for number, training in enumerate(found["train"]):
        training |= {"epochs": 1, "output": str(tmp_path / training["name"])}
        training["data"]["path"] = training["validation"]["path"] = str(tmp_path / "few.npz")
        found["models"][number]["weights"] = f"{training['output']}/weights.safetensors"
    found["images"] = [{**found["images"][0], "path": str(tmp_path / "few.npz"), "index": 0}]
    (tmp_path / "config.json").write_text(json.dumps(found))

    trained = esegeta.train(tmp_path / "config.json")
    assert [one.name for one in trained] == ["ofa", "segm"]
    result = esegeta.run(tmp_path / "config.json", output=tmp_path / "run", quiet=True)
    assert result.reasons == {}
    assert len(result.done) == 6  # three methods of two models
    for job in result.done:
        record = json.loads((result.folder / job / "result.json").read_text())
        if "one_for_all" in job:
            assert record["passes"] == {"forward": 1, "backward": 0}
            (check,) = [one for one in record["checks"] if one["name"] == "completeness"]
            assert check["value"] < 1e-3


def test_configs_name_where_their_weights_will_be():
    for name in SETS:
        found = json.loads((CONFIGS / f"{name}.json").read_text())
        for training in found["train"]:
            (model,) = [one for one in found["models"] if one["name"] == training["model"]]
            assert model["weights"] == f"{training['output']}/weights.safetensors"
            parts = {key: training[key]["key"] for key in ("data", "validation")}
            assert parts == {"data": "train_images", "validation": "val_images"}
        assert all(image["key"] == "test_images" for image in found["images"])
