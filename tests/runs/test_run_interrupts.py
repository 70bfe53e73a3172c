"""Ctrl-C in a terminal: once, twice, and what resume makes of it."""

import json
import os
import re
import shlex
import signal
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.forked import Forked, forked
from tests.runs.project import Project, odd


class Said(NamedTuple):
    code: int
    out: str
    err: str


class Started:
    """A run in a process group of its own, as a terminal starts it."""

    def __init__(self, config: Path, *arguments: str) -> None:
        self.process = Forked("esegeta", "run", config, *arguments)
        self.events = config.parent / "out" / "events.jsonl"

    def wait_for(self, event: str, job: str) -> None:
        for _ in range(600):
            if self.events.exists():
                for line in self.events.read_text().splitlines():
                    facts = json.loads(line)
                    if facts["event"] == event and facts["job"] == job:
                        return
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.1)
        raise AssertionError(f"no {event} of {job}")

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> Said:
        out, err = self.process.communicate(timeout=60)
        return Said(self.process.returncode, out, err)


@pytest.mark.slow
def test_interrupted_once_the_running_job_ends_and_resume_makes_the_rest(project: Project) -> None:
    methods = ["saliency", odd("slow", steps=20), {"use": "rise", "with": {"masks": 100}}]
    config = project.config(methods)
    run = Started(config)
    run.wait_for("progress", "a/net/predicted/slow")
    run.interrupt()
    said = run.end()
    assert said.code == 130
    assert "2 done, 0 failed, 1 pending" in said.out
    out = project.folder / "out"
    done = ("saliency", "slow")
    times = {n: (out / f"a/net/predicted/{n}/result.json").stat().st_mtime_ns for n in done}
    assert not (out / "a/net/predicted/rise").exists()

    command = re.search(r"go on with: +esegeta (.*)", said.out)[1]
    again = forked("esegeta", *shlex.split(command))
    assert again.returncode == 0, again.stderr
    assert "3 done, 0 failed" in again.stdout
    for name, at in times.items():
        assert (out / f"a/net/predicted/{name}/result.json").stat().st_mtime_ns == at


@pytest.mark.slow
@pytest.mark.parametrize("how", ["twice", "terminated"])
def test_interrupted_twice_or_terminated_ends_now(project: Project, how: str) -> None:
    config = project.config(["saliency", odd("slow", steps=600)])
    run = Started(config)
    run.wait_for("progress", "a/net/predicted/slow")
    if how == "twice":
        run.interrupt()
        time.sleep(0.5)
        run.interrupt()
    else:
        os.kill(run.process.pid, signal.SIGTERM)
    began = time.monotonic()
    said = run.end()
    assert time.monotonic() - began < 20
    assert said.code == 130
    slow = project.folder / "out/a/net/predicted/slow"
    assert not (slow / "result.json").exists()
    assert not list(slow.glob("map.*"))
    events = [json.loads(line) for line in run.events.read_text().splitlines()]
    pid = next(e["pid"] for e in events if e["event"] == "started")
    stat = Path(f"/proc/{pid}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
