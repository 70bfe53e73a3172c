"""Every config that comes with the project runs to its end."""

import json
from pathlib import Path

import pytest

import esegeta

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.json"))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_it_runs(path, tmp_path):
    result = esegeta.run(path, output=tmp_path / "run", quiet=True)
    assert result.reasons == {}
    assert result.exit_code == 0
    page = result.report.read_text()
    for job in result.done:
        record = json.loads((result.folder / job / "result.json").read_text())
        assert record["state"] == "done"
        assert all(check["passed"] for check in record["checks"]), (job, record["checks"])
        assert (result.folder / job / record["files"]["map"]).is_file()
    assert page.count("data:image/png") >= len(result.done)
