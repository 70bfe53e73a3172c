"""A driver that is killed again and again at random moments, and the run that it ends in."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from esegeta.runs.folder import RunFolder
from tests.forked import forked
from tests.runs.project import Project, odd
from tests.runs.test_run_killed import gone

ESEGETA = [sys.executable, "-m", "esegeta.cli"]
KILLS = 10
COOKIE = "ESEGETA_TEST"


def left_of(cookie: str) -> list[int]:
    """Find what a driver and all it started have left running, by what they inherit."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            inherited = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"{COOKIE}={cookie}".encode() in inherited and not gone(int(folder.name)):
            found.append(int(folder.name))
    return found


def told(events: Path, kind: str) -> int:
    """Count events of a kind; a last line may be half there."""
    return events.read_text().count(f'"{kind}"') if events.exists() else 0


def killed(command: list[str], events: Path, chance: random.Random, *, at_work: bool) -> str:
    """Run a driver, and kill it while it starts, or some time after a job is done; say when."""
    cookie, done = uuid.uuid4().hex, told(events, "finished")
    began = time.monotonic()
    driver = subprocess.Popen(
        [*ESEGETA, *command],
        env={**os.environ, COOKIE: cookie},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while at_work and told(events, "finished") == done and driver.poll() is None:
        time.sleep(0.01)
    until = time.monotonic() + chance.uniform(0, 1 if at_work else 4)
    while time.monotonic() < until and driver.poll() is None:
        time.sleep(0.01)
    driver.kill()
    code = driver.wait(10)
    said = f"{time.monotonic() - began:.2f} s, {told(events, 'finished') - done} jobs done, exit {code}"
    until = time.monotonic() + 5
    while (left := left_of(cookie)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left, f"still there after {said}: {left}"
    assert code in (-signal.SIGKILL, 0), said
    return said


def maps(root: Path) -> dict[str, bytes]:
    folder = RunFolder.open(root)
    return {
        str(path.parent.relative_to(root)): (path.parent / "map.npy").read_bytes()
        for path in folder.results()
        if json.loads(path.read_text())["state"] == "done"
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_killed_at_random_moments_ends_as_one_left_alone(project: Project) -> None:
    project.picture("b.png", seed=5)
    # Each looks at its image, and sleeps, one to three times.
    methods = [odd("slow", steps=1 + n % 3) | {"name": f"slow {n}"} for n in range(18)]
    config = project.config(
        ["saliency", {"use": "rise", "with": {"masks": 30, "grid": 4}}, *methods],
        images=[{"path": "a.png"}, {"path": "b.png"}],
        execution={"threads": 2, "devices": ["cpu", "cpu"]},
    )
    alone, root = project.folder / "alone", project.folder / "out"
    command = ["run", str(config), "--resume"]
    calm = forked("esegeta", *command, "--output", alone)
    assert calm.returncode == 0, calm.stdout + calm.stderr

    seed = int(os.environ.get("ESEGETA_SEED", time.time_ns() % 100_000))
    print(f"ESEGETA_SEED={seed}")  # pytest shows it where this fails
    chance = random.Random(seed)
    for number in range(KILLS):
        print(killed(command, root / "events.jsonl", chance, at_work=number % 5 in (1, 3)))
    finish = forked("esegeta", *command)
    assert finish.returncode == 0, finish.stdout + finish.stderr

    expected, found = maps(alone), maps(root)
    assert len(expected) == 40
    assert found.keys() == expected.keys()
    assert [job for job in expected if found[job] != expected[job]] == []
    assert list(root.rglob(".*")) == []
    assert (root / "report.html").is_file()

    events = [json.loads(line) for line in (root / "events.jsonl").read_text().splitlines()]
    ended: Counter[str] = Counter()
    for event in events:
        # A job may have ended just before the line that says so; it is not begun again then either.
        if event["event"] == "started":
            assert not ended[event["job"]], f"{event['job']} was done, and begun again"
        ended[event["job"]] += event["event"] == "finished"
    assert max(ended.values()) == 1
    assert all(event["event"] != "failed" for event in events)
    pids = {event["pid"] for event in events if event["event"] == "started"}
    assert all(gone(pid) for pid in pids)
