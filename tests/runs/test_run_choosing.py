"""Methods whose layers are given by pattern, or as "auto"."""

import json

import pytest

import esegeta
from esegeta.errors import ConfigError, MethodError
from tests.runs.project import Project


def cams(*layers: str) -> dict:
    return {"use": "grad_cam", "layers": list(layers)}


def test_a_run_takes_what_fits_a_pattern(project: Project):
    found = esegeta.run(project.config([cams("auto", "features.[02]", "features.0")]), quiet=True)
    assert not found.failed
    made = sorted(job.rpartition("@")[2] for job in found.done)
    assert made == ["features", "features.0", "features.2"]
    again = esegeta.run(project.config([cams("auto")]), quiet=True, resume=True)
    assert [job.rpartition("@")[2] for job in again.done] == ["features"]
    assert json.loads((found.folder / "config.json").read_text())["methods"][0]["layers"] == [
        "auto"
    ]


def test_each_model_has_layers_of_its_own(project: Project):
    data = project.data([cams("*.0")])
    other = {**data["models"][0], "name": "other", "factory": "nets.py:Other"}
    with (project.folder / "nets.py").open("a") as file:
        file.write(
            "\n\nclass Other(Classifier):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.first = nn.Sequential(nn.Conv2d(3, 3, 1))\n\n"
            "    def forward(self, x):\n"
            "        return super().forward(self.first(x))\n"
        )
    config = project.config([cams("*.0")], models=[data["models"][0], other])
    found = esegeta.run(config, quiet=True)
    assert not found.failed
    made = sorted(job.replace("/", "@").split("@")[1::3] for job in found.done)
    assert made == [["net", "features.0"], ["other", "features.0"], ["other", "first.0"]]


def test_a_pattern_that_fits_nothing_is_refused_before_the_run(project: Project):
    config = project.config(["saliency", cams("auto", "featurs.*")])
    with pytest.raises(ConfigError) as caught:
        esegeta.run(config, quiet=True)
    assert "methods[1].layers[1]" in str(caught.value)
    assert "model 'net': there is no layer with a grid like 'featurs.*'" in str(caught.value)
    assert not (project.folder / "out").exists()


def test_a_model_that_cannot_be_run_says_so_in_its_jobs(project: Project):
    data = project.data([cams("auto")])
    models = [{**data["models"][0], "factory": "nets.py:Raises"}]
    found = esegeta.run(project.config([cams("auto")], models=models), quiet=True)
    (reason,) = found.reasons.values()
    assert "this network is broken" in reason


def test_one_layer_from_python():
    import torch

    from tests.nets import net

    image = torch.rand(2, 16, 12)
    assert esegeta.explain(net(), image, "grad_cam", layer="auto").layer == "r3"
    with pytest.raises(MethodError, match="fits 3 layers"):
        esegeta.explain(net(), image, "grad_cam", layer="?")
