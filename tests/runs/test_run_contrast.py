"""A contrast through a run: folders, results, the report, and what a change of it makes anew."""

import json

import numpy as np
import pytest

import esegeta


def result(folder, job):
    return json.loads((folder / job / "result.json").read_text(encoding="utf-8"))


def test_each_contrast_is_a_target_of_its_own(project) -> None:
    weighted = {"class": "dog", "contrast": "weighted"}
    methods = [
        "saliency",
        {"use": "saliency", "target": weighted},
        {"use": "grad_cam", "layers": ["features.0"], "target": weighted},
    ]
    path = project.config(methods, target={"class": "dog"}, output="out")
    made = esegeta.run(path, quiet=True)
    assert made.exit_code == 0, made.reasons
    plain, held = (
        result(made.folder, f"a/net/{name}/saliency") for name in ("dog", "dog-weighted")
    )
    assert "contrast" not in plain["target"]
    assert held["target"]["contrast"] == "weighted"
    assert held["target"]["score"] != pytest.approx(plain["target"]["score"])
    maps = [np.load(made.folder / f"a/net/{n}/saliency/map.npy") for n in ("dog", "dog-weighted")]
    assert not np.allclose(*maps)
    cam = result(made.folder, "a/net/dog-weighted/grad_cam@features.0")
    assert "contrast" in cam["notes"]
    assert "contrast" not in held["notes"]
    assert ", contrast weighted" in made.report.read_text(encoding="utf-8")
    again = esegeta.run(path, resume=True, quiet=True)
    assert again.exit_code == 0
