"""A disk that is full, and a run folder that is taken away."""

import errno
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import esegeta
from esegeta.errors import RunError
from esegeta.runs.folder import RunFolder
from tests.forked import forked
from tests.runs.project import Project, odd

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(project: Project) -> Iterator[Path]:
    """A disk of 400 KB, which holds few pictures of maps."""
    place = project.folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root mounts disks")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_ends_the_run_and_resume_goes_on(project: Project, small_disk: Path) -> None:
    project.picture("a.png", size=128)
    methods = [odd("work", steps=n) | {"name": f"n{n}"} for n in range(1, 9)]
    config = project.config(methods, output="disk/run")
    said = forked("esegeta", "run", config)
    assert said.returncode == 1
    assert "Traceback" not in said.stdout + said.stderr
    (line,) = [line for line in said.stdout.splitlines() if line.startswith("Stopped: ")]
    assert "No space left on device" in line
    done, pending = map(int, re.search(r"(\d) done, 0 failed, (\d) pending", said.stdout).groups())
    assert done + pending == 8
    assert done > 0 < pending
    _whole(small_disk / "run", done)

    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    command = re.search(r"go on with: +esegeta (.*)", line)[1]
    again = forked("esegeta", *shlex.split(command))
    assert again.returncode == 0, again.stderr
    assert "8 done, 0 failed" in again.stdout
    assert f"{done} jobs done before" in again.stderr.replace("1 job ", "1 jobs ")


def _whole(root: Path, done: int) -> None:
    """Check that nothing is there by half."""
    folder = RunFolder.open(root)
    assert not [p for p in root.rglob("*") if p.name.startswith(".")]
    assert len(folder.results()) == done
    for path in root.glob("*/*/*/*"):
        result = folder.result(str(path.relative_to(root)))
        left = {p.name for p in path.iterdir()}
        assert left == ({"result.json", "job.log", *result["files"].values()} if result else set())
    assert (root / "events.jsonl").read_text().endswith("\n")


def test_a_disk_that_is_full_from_the_start(project: Project, small_disk: Path) -> None:
    (small_disk / "fill").write_bytes(bytes(390 << 10))
    config = project.config(["saliency"], output="disk/run")
    said = forked("esegeta", "run", config)
    assert said.returncode == 2
    assert "No space left on device" in said.stderr
    assert "Traceback" not in said.stderr
    assert list((small_disk / "run").iterdir()) == []


def test_a_full_disk_as_the_worker_meets_it(project: Project) -> None:
    """The same without a disk: every further ``fsync`` of the worker fails."""
    methods = [odd("work"), odd("full disk"), {"use": "rise", "with": {"masks": 400}}]
    ended = esegeta.run(project.config(methods), quiet=True)
    assert "cannot be written: No space left on device" in ended.stopped
    assert [job.rpartition("/")[2] for job in ended.done] == ["work"]
    assert len(ended.pending) == 2
    assert (ended.failed, ended.report, ended.exit_code) == ([], None, 1)
    _whole(ended.folder, 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_run_that_cannot_begin(
    project: Project, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=os.strerror(number)):
        esegeta.run(project.config(["saliency"]), quiet=True)
    assert list((project.folder / "out").iterdir()) == []


def test_no_room_elsewhere_costs_one_job(project: Project) -> None:
    ended = esegeta.run(project.config([odd("no room elsewhere"), odd("work")]), quiet=True)
    assert ended.stopped is None
    assert len(ended.done) == len(ended.failed) == 1
    assert "No space left" in ended.reasons[ended.failed[0]]


def test_a_folder_that_is_taken_away_is_not_made_anew(project: Project) -> None:
    out = project.folder / "out"
    rise = {"use": "rise", "with": {"masks": 400}}
    ended = esegeta.run(project.config([odd("vanish", mark=str(out)), rise]), quiet=True)
    assert "no longer there" in ended.stopped
    assert len(ended.pending) == 2
    assert ended.exit_code == 1
    assert not out.exists()
