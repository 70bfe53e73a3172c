"""How much a run's log tells."""

import logging
from pathlib import Path

import pytest

import esegeta
from esegeta.probe.batches import Batches
from esegeta.runs.folder import RunFolder
from tests.runs.project import Project, odd

CHATTY = '''
"""A method that tells what it does."""

import logging

from torch import Tensor

from esegeta import Passes, Probe, attribution


@attribution(paper="none", passes=lambda p: Passes(1, 1))
def chatty(probe: Probe) -> Tensor:
    """Log."""
    for level in ("debug", "info", "warning"):
        getattr(logging.getLogger("a.library"), level)("told at %s", level)
    return probe.gradient()[0]
'''


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
def test_the_log_tells_what_is_asked_for(project: Project, level: str) -> None:
    (project.folder / "plugins" / "chatty.py").write_text(CHATTY)
    execution = {"threads": 1, "devices": ["cpu"], "log": level}
    config = project.config(["chatty", odd("raise")], execution=execution)
    result = esegeta.run(config, quiet=True)
    log = (result.folder / "run.log").read_text()
    shown = {
        "warning": ["failed  a/net/predicted/raise: ValueError: nothing works"],
        "info": [
            "run test on cpu",
            "done    a/net/predicted/chatty",
            "run ended: 1 done, 1 failed",
        ],
        "debug": [
            "model net: 435 parameters, loaded in ",
            "image a: (3, 16, 16), read and prepared in ",
            "job a/net/predicted/chatty: 1 forward and 1 backward passes",
        ],
    }
    levels = ["debug", "info", "warning"]
    for kind, lines in shown.items():
        for line in lines:
            assert (line in log) == (levels.index(kind) >= levels.index(level)), line
    told = (result.folder / result.done[0] / "job.log").read_text()
    for kind in levels:
        line = f"{kind.upper()} a.library: told at {kind}\n"
        assert (line in told) == (levels.index(kind) >= levels.index(level)), line
    events = (result.folder / "events.jsonl").read_text()
    assert events.count('"event": "finished"') == events.count('"event": "failed"') == 1


def test_a_line_below_the_level_is_not_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "warning")
    folder.log("of no matter")
    assert not (tmp_path / "run.log").exists()
    folder.log("of matter", "warning")
    assert (tmp_path / "run.log").read_text().endswith("  of matter\n")


def test_batches_tell_that_memory_ran_out(caplog: pytest.LogCaptureFixture) -> None:
    import torch

    class Small:
        activation_bytes = feature_map_bytes = 1
        ndim = 2
        device = torch.device("cpu")

    def ask(start: int, stop: int) -> int:
        if stop - start > 2:
            raise MemoryError
        return stop - start

    with caplog.at_level(logging.DEBUG, "esegeta"):
        assert sum(Batches(Small(), limit=8).run(8, ask)) == 8  # type: ignore[arg-type]
    assert caplog.messages == [
        "memory ran out: batches of 4 now, not 8",
        "memory ran out: batches of 2 now, not 4",
    ]
