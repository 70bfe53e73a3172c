"""`esegeta stop`: a run that is asked to end, from another terminal or host."""

import json
import re
import shlex
import time
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from esegeta.errors import RunError
from esegeta.runs import interrupts
from esegeta.runs.interrupts import NOTE, Interrupts, ask
from esegeta.runs.lock import locked
from tests.forked import forked
from tests.runs.project import Project, odd
from tests.runs.test_run_interrupts import Started

SLOW = "a/net/predicted/slow"


def stop(folder: Path, *options: str) -> CompletedProcess[str]:
    return forked("esegeta", "stop", folder, *options)


@pytest.mark.slow
def test_the_running_job_ends_and_resume_makes_the_rest(project: Project) -> None:
    config = project.config(["saliency", odd("slow", steps=30), {"use": "rise"}])
    out = project.folder / "out"
    run = Started(config)
    run.wait_for("progress", SLOW)
    asked = stop(out)
    assert asked.returncode == 0, asked.stderr
    assert f"asked esegeta (pid {run.process.pid} on " in asked.stdout
    assert "to end after the running jobs" in asked.stdout
    said = run.end()
    assert said.code == 130
    assert "2 done, 0 failed, 1 pending" in said.out
    assert re.search(r"Interrupted by esegeta stop on \S+; go on with: ", said.out)
    assert "Asked to stop by esegeta stop on" in said.err
    assert "run ended: 2 done, 0 failed, 1 pending; interrupted by esegeta stop on" in (
        (out / "run.log").read_text()
    )
    last = json.loads((out / "events.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "run_finished"
    assert last["why"].startswith("interrupted by esegeta stop on")
    assert not (out / NOTE).exists()

    # Nobody is at work: a note would only keep the next run from beginning.
    refused = stop(out)
    assert refused.returncode == 2
    assert f"no esegeta is at work in {out}" in refused.stderr
    assert not (out / NOTE).exists()

    (out / NOTE).write_text("now left to an earlier run")
    command = re.search(r"go on with: +esegeta (.*)", said.out)[1]
    again = forked("esegeta", *shlex.split(command))
    assert again.returncode == 0, again.stderr
    assert "3 done, 0 failed" in again.stdout


@pytest.mark.slow
def test_now_does_not_wait(project: Project) -> None:
    config = project.config([odd("slow", steps=600)])
    run = Started(config)
    run.wait_for("progress", SLOW)
    began = time.monotonic()
    assert "to end now" in stop(project.folder / "out", "--now").stdout
    said = run.end()
    assert time.monotonic() - began < 20
    assert said.code == 130
    assert "0 done, 0 failed, 1 pending" in said.out
    assert not (project.folder / "out" / SLOW / "result.json").exists()


def test_a_note_counts_as_a_signal_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "READ_EVERY", 0)
    with Interrupts(tmp_path) as requests:
        assert not requests.asked
        assert requests.why is None
        with locked(tmp_path):
            ask(tmp_path)
            assert requests.asked
            assert not requests.now
            ask(tmp_path, now=True)
            assert requests.now
        assert (tmp_path / NOTE).exists()
    assert not (tmp_path / NOTE).exists()
    assert str(requests.why).startswith("esegeta stop on ")


def test_the_note_is_not_read_at_every_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    monkeypatch.setattr(Interrupts, "_heed", lambda self, note: read.append(note))
    requests = Interrupts(tmp_path)
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        assert not requests.asked
        assert not requests.now
    assert 2 <= len(read) <= 3


def test_there_is_nothing_to_stop(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is nothing to stop: no esegeta is at work in"):
        ask(tmp_path)
    assert list(tmp_path.iterdir()) == []
