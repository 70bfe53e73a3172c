"""A long job of patches goes on where it was ended."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import esegeta
from esegeta.runs.api import RunResult
from tests.forked import Forked
from tests.runs.project import Project

SLOW = """
import time
from nets import Segmenter


class Slow(Segmenter):
    def forward(self, x):
        time.sleep(0.05)
        return super().forward(x)
"""


def config(project: Project, factory: str, output: str, **execution: Any) -> Path:
    (project.folder / "slow.py").write_text(SLOW)
    values = np.random.default_rng(0).normal(size=(20, 16, 12)).astype(np.float32)
    project.volume("scan.nii", values, np.eye(4))
    model = {
        "name": "net",
        "factory": factory,
        "task": "segmentation",
        "patches": {"size": 8, "overlap": 2, "batch": 1},
    }
    return project.config(
        [{"use": "occlusion", "with": {"window": 4, "stride": 4}}],
        f"{output}.json",
        models=[model],
        images=[{"path": "scan.nii"}],
        target={"mask": "all", "class": 1},
        execution={"threads": 1, "devices": ["cpu"], **execution},
        output=output,
    )


def the_map(result: RunResult) -> np.ndarray:
    import nibabel

    (job,) = result.done
    return np.asarray(nibabel.load(result.folder / job / "map.nii.gz").dataobj)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "timed out"])
def test_it_goes_on_where_it_was_ended(project: Project, how: str) -> None:
    whole = esegeta.run(config(project, "nets.py:Segmenter", "whole"), quiet=True)
    timeout = {"timeout": "4s"} if how == "timed out" else {}
    slow = config(project, "slow.py:Slow", "out", **timeout)
    (partial,) = [project.folder / "out" / job / ".partial" for job in whole.done]
    scores = partial / "scores.jsonl"
    if how == "killed":
        driver = Forked("esegeta", "run", slow)
        for _ in range(600):
            if scores.exists() and len(scores.read_text().splitlines()) > 20:
                break
            assert driver.poll() is None, driver.communicate()
            time.sleep(0.1)
        driver.send_signal(signal.SIGKILL)
        driver.communicate(timeout=10)
    else:
        assert len(esegeta.run(slow, quiet=True).failed) == 1
    found = len(scores.read_text().splitlines())
    assert 0 < found < 60  # of so many windows

    ended = esegeta.run(config(project, "slow.py:Slow", "out"), resume=True, quiet=True)
    assert ended.exit_code == 0, ended.reasons
    (job,) = ended.done
    record = json.loads((ended.folder / job / "result.json").read_text())
    assert record["notes"]["resumed"]
    before = json.loads((whole.folder / job / "result.json").read_text())
    assert record["patches"]["forward"] < before["patches"]["forward"]
    np.testing.assert_array_equal(the_map(ended), the_map(whole))
    assert not partial.exists()
