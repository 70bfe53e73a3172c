"""Every config that comes with the project runs to its end."""

import json
from pathlib import Path

import pytest

import esegeta
from esegeta import config

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.json"))
SIDE = 40
"""Voxels per side of the demo's vessel trees here: a quarter of the shipped ones' time."""


def smaller(path):
    """The config as shipped, but with smaller vessel trees in the demo."""
    settings = config.load(path)
    if path.stem == "demo":
        trees = [image for image in settings.images if image.factory is not None]
        assert len(trees) == 2
        for tree in trees:
            tree.arguments["size"] = SIDE
    return settings


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_it_runs(path, tmp_path):
    result = esegeta.run(smaller(path), output=tmp_path / "run", quiet=True)
    assert result.reasons == {}
    assert result.exit_code == 0
    page = result.report.read_text()
    for job in result.done:
        record = json.loads((result.folder / job / "result.json").read_text())
        assert record["state"] == "done"
        assert all(check["passed"] for check in record["checks"]), (job, record["checks"])
        assert (result.folder / job / record["files"]["map"]).is_file()
    assert page.count("data:image/png") >= len(result.done)
