"""What the wizard asks of the command line."""

import json

import numpy as np
import pytest

from esegeta.registry import find
from esegeta.runs import inspection
from tests.forked import forked

NETWORK = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=2):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)

    def forward(self, image):
        return self.conv(image).mean((2, 3))


class Parts(Net):
    def forward(self, image):
        return self.conv(image)


def broken():
    raise RuntimeError("not today")
"""


@pytest.fixture
def request_of(tmp_path):
    """A request; keys of the first model are changed by name."""
    (tmp_path / "net.py").write_text(NETWORK)
    np.save(tmp_path / "image.npy", np.eye(6, dtype="float32"))
    (tmp_path / "out").mkdir()

    def make(images=({"path": "image.npy"},), **model):
        model = {"factory": "net.py:Net", "task": "classification", **model}
        data = {"name": "x", "models": [model], "images": list(images)}
        return {"config": data, "base": str(tmp_path), "folder": str(tmp_path / "out")}

    return make


def test_a_model_tells_parameters_layers_and_shapes(request_of):
    found = inspection.model(request_of())
    assert found["parameters"] == 20
    assert (found["ndim"], found["channels"], found["ran"]) == (2, 1, True)
    assert found["layers"][0]["shape"] == (1, 2, 6, 6)


def test_a_model_without_images_tells_its_layers(request_of):
    found = inspection.model(request_of(images=()))
    assert not found["ran"]
    assert [layer["name"] for layer in found["layers"]] == ["conv"]
    assert found["layers"][0]["shape"] is None


def test_a_model_that_does_not_take_the_image_tells_layers_and_why(request_of, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((4, 4, 4), dtype="float32"))
    found = inspection.model(request_of())
    assert "3D" in found["error"]
    assert [layer["name"] for layer in found["layers"]] == ["conv"]


def test_an_image_is_written_before_and_after(request_of, tmp_path):
    request = request_of()
    request["config"]["preprocess"] = [{"use": "RescaleIntensity", "with": {"out_min_max": [0, 9]}}]
    found = inspection.image(request)
    assert np.load(found["file"]["file"]).max() == 1
    assert np.load(found["model"]["file"]).max() == 9
    assert found["file"]["shape"] == [1, 6, 6]


def test_an_image_needs_no_model_and_may_hold_nan(request_of, tmp_path):
    np.save(tmp_path / "image.npy", np.full((3, 3), np.nan, dtype="float32"))
    request = request_of()
    del request["config"]["models"]
    found = inspection.image(request)
    assert found["file"]["not_finite"] == 9
    assert found["file"]["low"] is None
    assert found["model"] is None
    assert "NaN" in found["error"]
    json.dumps(found, allow_nan=False)


def test_a_large_image_is_thinned(request_of, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((600, 100), dtype="float32"))
    found = inspection.image(request_of())
    assert found["file"]["shape"] == [1, 600, 100]
    assert np.load(found["file"]["file"]).shape == (1, 200, 100)


def test_a_label_is_written_too(request_of, tmp_path):
    np.save(tmp_path / "label.npy", np.eye(6, dtype="int16"))
    found = inspection.image(request_of(images=[{"path": "image.npy", "label": "label.npy"}]))
    assert np.load(found["file"]["label"]).sum() == 6


def test_a_prediction_tells_class_and_score(request_of, tmp_path):
    found = inspection.prediction(request_of(classes=["cat", "dog"]))
    scores = {one["name"]: one["score"] for one in found["best"]}
    assert set(scores) == {"cat", "dog"}
    assert found["class"] == max(scores, key=scores.get)
    assert found["score"] == pytest.approx(max(scores.values()))
    assert found["mask"] is None


def test_a_segmentation_tells_its_mask(request_of, tmp_path):
    request = request_of(factory="net.py:Parts", task="segmentation")
    found = inspection.prediction(request)
    mask = np.load(found["mask"])
    assert mask.shape == (1, 6, 6)
    assert mask.sum() == found["voxels"] > 0


def test_a_check_says_everything_or_what_the_run_would_do(request_of):
    registry = find()
    request = request_of()
    request["config"]["methods"] = ["saliency"]
    found = inspection.checked({**request, "id": 3}, registry)
    assert found["problems"] == []
    assert found["plan"]["jobs"] == 1
    assert found["id"] == 3
    request["config"]["methods"] = ["salinecy"]
    found = inspection.checked(request, registry)
    assert found["problems"][0]["nearest"] == "saliency"
    assert found["plan"] is None


@pytest.mark.parametrize(
    ("what", "change", "code", "said"),
    [
        ("model", {"factory": "net.py:broken"}, 1, "not today"),
        ("model", {"factory": "net.py:Nte"}, 1, "Net"),
        ("image", {"images": [{"path": "gone.npy"}]}, 2, "no such file"),
        ("image", {"images": []}, 2, "images"),
        ("prediction", {"task": "dancing"}, 2, "models[0].task"),
    ],
)
def test_errors_are_told_as_by_all_commands(request_of, what, change, code, said):
    done = forked("esegeta", "inspect", what, stdin=json.dumps(request_of(**change)))
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.startswith("esegeta: ")


def test_what_a_model_prints_does_not_mix_with_the_answer(request_of, tmp_path):
    (tmp_path / "net.py").write_text("print('hello')\n" + NETWORK)
    done = forked("esegeta", "inspect", "model", stdin=json.dumps(request_of()))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kind"] == "Net"
    assert "hello" in done.stderr


def test_it_is_not_in_the_help():
    done = forked("esegeta", "--help")
    assert done.returncode == 0, done.stderr
    assert " inspect " not in done.stdout
    assert " gui " in done.stdout
