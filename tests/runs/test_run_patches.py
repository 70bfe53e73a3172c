"""Whole runs on volumes that pass in patches."""

import json
from typing import Any

import nibabel
import numpy as np
import pytest

import esegeta
from esegeta import config
from esegeta.errors import ImageError
from esegeta.runs import inputs
from tests.runs.project import Project

pytestmark = pytest.mark.slow

METHODS = [
    "saliency",
    {"use": "grad_cam", "layers": ["enc"], "with": {"relu": False}},
    {"use": "occlusion", "with": {"window": 6}},
]

DIVISIBLE = """

class Divisible(Segmenter):
    def forward(self, x):
        if any(side % 8 for side in x.shape[2:]):
            raise ValueError("sides must be multiples of 8")
        return super().forward(x)
"""


@pytest.fixture
def data(project: Project) -> dict[str, Any]:
    """A config of a 3D network and a volume that is larger than its patches."""
    with (project.folder / "nets.py").open("a") as file:
        file.write(DIVISIBLE)
    values = np.random.default_rng(0).normal(size=(17, 12, 9)).astype(np.float32)
    project.volume("scan.nii", values, np.diag([1.0, 1, 2, 1]))
    model = {
        "name": "net",
        "factory": "nets.py:Divisible",
        "task": "segmentation",
        "classes": ["back", "front"],
        "patches": {"size": 8, "overlap": 3},
    }
    target = {"class": "front", "mask": {"box": [[2, 6], [2, 6], [2, 6]]}}
    return project.data(METHODS, models=[model], images=[{"path": "scan.nii"}], target=target)


def ran(data: dict[str, Any], project: Project) -> tuple[Any, dict[str, Any]]:
    path = project.folder / "config.json"
    path.write_text(json.dumps(data))
    done = esegeta.run(path, quiet=True)
    jobs = [*done.done, *done.failed]
    return done, {
        job.rpartition("/")[2]: json.loads((done.folder / job / "result.json").read_text())
        for job in jobs
    }


def test_a_run_in_patches(data, project):
    done, results = ran(data, project)
    assert done.reasons == {}
    cut = {
        "size": [8, 8, 8],
        "overlap": [4, 4, 4],
        "blend": "hann",
        "number": 4 * 2 * 2,
        "note": "the overlap [3, 3, 3] was made even",
    }
    for name, result in results.items():
        assert result["patches"].items() >= cut.items(), name
        (path,) = (done.folder / "scan/net/front" / name).glob("map.*")
        assert np.isfinite(nibabel.load(path).get_fdata()).all()
    first = results["saliency"]["patches"]
    # Forward each, one alone to see whether batches change it, and each again for the layer; of
    # those that see the box the gradient.
    assert first["forward"] == 16 + 1 + 16
    assert 0 < first["backward"] < 16
    assert results["grad_cam@enc"]["patches"]["forward"] == 0
    assert (
        0
        < results["occlusion"]["patches"]["forward"]
        < 16 * results["occlusion"]["estimate"]["forward"]
    )
    page = done.report.read_text()
    assert "16 of 8 × 8 × 8, overlap 4 × 4 × 4, hann" in page
    assert "was made even" in page


def test_a_patch_that_the_network_cannot_take(data, project):
    data["models"][0]["patches"] = {"size": [8, 12, 8]}
    done, _ = ran(data, project)
    assert len(done.failed) == len(METHODS)
    for reason in done.reasons.values():
        assert "sides must be multiples of 8" in reason
        assert "shape (1, 1, 8, 12, 8)" in reason
        assert "passes in patches of size [8, 12, 8]" in reason


def test_a_patch_of_other_axes_than_the_image(data, project):
    data["models"][0]["patches"] = {"size": [8, 8]}
    with pytest.raises(ImageError, match="size of patches has 2 numbers; the image has 3 axes"):
        inputs.layers(config.parse(data, project.folder))


def test_a_label_of_another_shape(data, project):
    project.volume("label.nii", np.ones((17, 12, 8), np.int16), np.diag([1.0, 1, 2, 1]))
    data["images"][0]["label"] = "label.nii"
    with pytest.raises(ImageError, match=r"17 × 12 × 8 .* 17 × 12 × 9"):
        inputs.layers(config.parse(data, project.folder))


def test_layers_are_listed_as_they_run_on_a_patch(data, project):
    (listed,) = inputs.layers(config.parse(data, project.folder)).values()
    assert {info.name: info.grid for info in listed} == {"enc": (8, 8, 8), "out": (8, 8, 8)}
