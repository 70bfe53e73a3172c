"""A driver that is killed: what it leaves running, what it locks, and what resume makes of it."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

import esegeta
from esegeta.errors import RunError
from esegeta.runs.lock import locked
from tests.forked import Forked
from tests.runs.project import Project, odd


def gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def gone_within(process: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not gone(process) and time.monotonic() < until:
        time.sleep(0.05)
    return gone(process)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", ["hang", "hang in C"])
def test_a_killed_driver_leaves_nothing_behind_and_resume_completes(
    project: Project, how: str
) -> None:
    mark = project.folder / "hung"
    config = project.config(["saliency", odd(how, mark=str(mark))])
    events = project.folder / "out" / "events.jsonl"
    driver = Forked("esegeta", "run", config)
    for _ in range(600):
        if mark.exists() and mark.read_text():
            break
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.1)
    child = int(mark.read_text())
    told = [json.loads(line) for line in events.read_text().splitlines()]
    worker = next(event["pid"] for event in told if event["event"] == "started")
    assert not gone(worker)
    assert not gone(child)

    with pytest.raises(RunError, match=rf"esegeta \(pid {driver.pid} on .*\) is at work in .*out"):
        esegeta.run(config, resume=True, quiet=True)
    assert not gone(worker)

    driver.send_signal(signal.SIGKILL)
    driver.communicate(timeout=10)
    assert gone_within(worker, 3)
    assert gone_within(child, 1)

    ended = esegeta.run(config, resume=True, quiet=True)
    assert len(ended.done) == 2
    assert ended.exit_code == 0
    assert not (ended.folder / ".lock").exists()


def test_a_lock_is_of_one_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path):
        with (
            pytest.raises(RunError, match=rf"pid {os.getpid()} on .* is at work in {tmp_path}"),
            locked(tmp_path),
        ):
            pass
        assert (tmp_path / ".lock").exists()
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        pass


def test_a_lock_of_a_process_that_is_gone_is_none(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("pid 1 on elsewhere")
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / ".lock").read_text()


def test_a_lock_left_alone_does_not_make_a_folder_foreign(project: Project) -> None:
    from esegeta.runs.folder import RunFolder

    (project.folder / "out").mkdir()
    (project.folder / "out" / ".lock").touch()
    RunFolder.create(project.folder / "out")
