"""`esegeta status`: how far a run is, read off its folder."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import esegeta
from esegeta.errors import RunError
from esegeta.runs.lock import holder, locked
from esegeta.runs.pace import Pace, Running
from esegeta.runs.status import status
from tests.forked import forked
from tests.runs.project import Project, odd

METHODS = ("one", "two", "three", "four")


class Written:
    """A run folder as a driver would have written it."""

    def __init__(self, root: Path, images: int = 1) -> None:
        self.root = root
        self.ids = [f"a{i}/net/predicted/{name}" for i in range(images) for name in METHODS]
        planned = [
            {"id": i, "fingerprint": "now", "passes": {"forward": 8, "backward": 2}}
            for i in self.ids
        ]
        self.clock = time.time() - 1000
        self._lines: list[str] = []
        root.mkdir()
        plan = {"version": 1, "name": "written", "groups": [{"jobs": planned}]}
        (root / "plan.json").write_text(json.dumps(plan))

    def starts(self, *asked: str) -> None:
        self.event("run_started", pid=1)
        for job in asked or self.ids:
            self.event("queued", job)

    def event(self, event: str, job: str | None = None, **facts: Any) -> None:
        self.clock += 1
        told = {"time": self.clock, "event": event, "job": job, **facts}
        self._lines.append(json.dumps(told))

    def result(self, job: str, state: str, fingerprint: str = "now", **facts: Any) -> None:
        (self.root / job).mkdir(parents=True, exist_ok=True)
        told = {"state": state, "fingerprint": fingerprint, **facts}
        (self.root / job / "result.json").write_text(json.dumps(told))

    def states(self) -> list[str]:
        self.write()
        return [job.state for job in status(self.root).jobs]

    def write(self) -> None:
        (self.root / "events.jsonl").write_text("".join(line + "\n" for line in self._lines))


@pytest.fixture
def run(tmp_path: Path) -> Written:
    return Written(tmp_path / "run")


def test_events_tell_while_the_driver_is_at_work(run: Written) -> None:
    one, two, three, _ = run.ids
    run.starts()
    run.event("started", one, pid=7, device="cpu", host="here")
    run.event("finished", one, seconds=3.0)
    run.event("started", two, pid=7, device="cpu", host="here")
    run.event("timed_out", two, message="it took longer than 1 s", seconds=1.0)
    run.event("started", three, pid=8, device="cuda:0", host="here")
    run.event("progress", three, done=4, total=16)
    run.clock = time.time() - 6
    run.event("progress", three, done=12, total=16)
    with locked(run.root):
        assert run.states() == ["done", "timed out", "running", "pending"]
        found = status(run.root)
    assert found.driver is not None
    assert found.exit_code == 0
    assert found.counts == {"pending": 1, "running": 1, "done": 1, "failed": 0, "timed out": 1}
    at_work = found.jobs[2]
    assert (at_work.device, at_work.pid, at_work.done, at_work.total) == ("cuda:0", 8, 12, 16)
    assert at_work.elapsed is not None
    assert at_work.silent is not None
    assert 900 < at_work.elapsed < 1100
    assert 4 < at_work.silent < 60
    assert found.left is not None
    text = str(found)
    for part in (found.driver, "cuda:0, pid 8 on here", "12/16 passes", f"failed: {two}\n", "1 s"):
        assert part in text


def test_without_its_driver_files_tell_what_events_leave_open(run: Written) -> None:
    one, two, _, four = run.ids
    run.starts()
    for job in run.ids[:3]:
        run.event("started", job, pid=7, device="cpu")
    run.result(one, "done", seconds=2.0)  # killed before it told
    run.result(two, "done", fingerprint="of another config")
    run.result(four, "failed", error={"message": "of an earlier start"})
    assert run.states() == ["done", "pending", "pending", "failed"]
    found = status(run.root)
    assert found.driver is None
    assert found.left is None
    assert found.jobs[3].reason == "of an earlier start"
    assert found.exit_code == 1


def test_a_later_start_forgets_what_an_earlier_left_open(run: Written) -> None:
    one, two, three, four = run.ids
    run.starts()
    run.event("started", one, pid=7, device="cpu")
    run.event("finished", one, seconds=1.0)
    run.event("started", two, pid=7, device="cpu")
    run.starts(four)
    run.event("left_out", three)
    run.result(three, "done")  # whose files are not as they were: the driver has looked
    with locked(run.root):
        assert run.states() == ["done", "pending", "pending", "pending"]


@pytest.mark.parametrize(
    ("ends", "code"),
    [("finished finished finished finished", 0), ("finished failed", 1), ("finished", 3)],
)
def test_the_exit_code_says_what_is_left(run: Written, ends: str, code: int) -> None:
    run.starts()
    for job, how in zip(run.ids, ends.split(), strict=False):
        run.event("started", job, pid=7, device="cpu")
        run.event(how, job, seconds=1.0, **({"message": "so"} if how == "failed" else {}))
    run.write()
    assert status(run.root).exit_code == code
    with locked(run.root):
        assert status(run.root).exit_code == 0


def test_half_a_line_is_passed_over(run: Written) -> None:
    run.starts()
    for job in run.ids:
        run.event("finished", job, seconds=1.0)
    run.write()
    with (run.root / "events.jsonl").open("a") as file:
        file.write('{"time": 1.0, "event": "failed", "job": "a0/n\n{"time": 1.0, "event": "fai')
    assert status(run.root).counts["done"] == 4


def test_ten_thousand_jobs_take_a_moment(tmp_path: Path) -> None:
    run = Written(tmp_path / "run", images=2500)
    run.starts()
    for job in run.ids:
        run.event("started", job, pid=7, device="cpu")
        for done in range(4):
            run.event("progress", job, done=done, total=4)
        run.event("finished", job, seconds=1.0)
    run.write()
    began = time.process_time()
    found = status(run.root)
    assert time.process_time() - began < 2  # seconds of work; about 0.4 where nothing else runs
    assert found.counts["done"] == 10_000


def test_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run in"):
        status(tmp_path)


def test_who_looks_does_not_keep_a_driver_out(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with locked(tmp_path):
        assert "pid" in str(holder(tmp_path))
        assert holder(tmp_path) == holder(tmp_path)
    # As if a driver had been killed: its lock is there, and nobody holds it.
    (tmp_path / ".lock").write_text("pid 1 on elsewhere")
    assert holder(tmp_path) is None
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom esegeta.runs.lock import holder\n"
        "print('looks', flush=True)\nend = time.monotonic() + 3\n"
        "while time.monotonic() < end: holder(Path(sys.argv[1]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        for _ in range(200):
            (tmp_path / ".lock").touch()
            with locked(tmp_path):
                pass
        other.terminate()


def test_the_rest_is_told_by_what_alike_has_taken() -> None:
    pace = Pace()
    for image in "bcd":
        pace.waits(f"{image}/net/dog/rise", 27_000)
    assert pace.left([]) is None
    pace.took("a/other/dog/rise", 100, 1.0)
    assert pace.left([]) is None, "a pass of another model says nothing"
    pace.took("a/net/dog/saliency", 2, 1.0)
    assert pace.left([]) == pytest.approx(3 * 13_500)
    pace.took("a/net/dog/rise", 27_000, 5.0)
    assert pace.left([]) == pytest.approx(15)
    pace.begins("b/net/dog/rise", 27_000)
    half = Running("b/net/dog/rise", 27_000, 50, 100, 4.0)
    assert pace.left([half]) == pytest.approx(14)
    pace.begins("c/net/dog/rise", 27_000)
    unknown = Running("c/net/dog/rise", 27_000, 0, None, 1.0)
    assert pace.left([half, unknown]) == pytest.approx((5 + 4 + 4) / 2)
    assert pace.left([half._replace(done=1, elapsed=1.0), unknown]) == pytest.approx(99)


def test_of_a_real_run_from_the_command_line(project: Project) -> None:
    result = esegeta.run(project.config(["saliency", odd("raise")]), quiet=True)
    said = forked("esegeta", "status", result.folder, "--json")
    assert said.returncode == 1, said.stderr
    record = json.loads(said.stdout)
    assert record["name"] == "test"
    assert record["driver"] is None
    assert record["counts"]["done"] == record["counts"]["failed"] == 1
    states = {job["job"]: job["state"] for job in record["jobs"]}
    assert states == {"a/net/predicted/saliency": "done", "a/net/predicted/raise": "failed"}
    assert "nothing works" in next(j["reason"] for j in record["jobs"] if j["reason"])
    # And from the files alone.
    (result.folder / "events.jsonl").unlink()
    again = status(result.folder)
    assert {job.job: job.state for job in again.jobs} == states
    assert "nothing works" in str(again)


def test_it_starts_without_torch() -> None:
    code = (
        "import sys\nimport esegeta.runs.status, esegeta.runs.interrupts, esegeta.cli\n"
        "heavy = ('torch', 'numpy', 'pydantic', 'rich', 'ray', 'pebble')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
