import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from esegeta.errors import RunError
from esegeta.runs.folder import RunFolder, Tail, dumps, read_json, write_json


def made(root: Path) -> RunFolder:
    folder = RunFolder.create(root)
    write_json(root / "plan.json", {"version": 1})
    return folder


def test_json_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "x.json"
    write_json(path, {"a": 1})
    assert read_json(path) == {"a": 1}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"a": 2})
    assert read_json(path) == {"a": 1}
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


def test_json_has_no_nan() -> None:
    text = dumps({"a": [float("nan"), (1.5, float("inf"))]}, indent=None)
    assert json.loads(text) == {"a": [None, [1.5, None]]}


@pytest.mark.parametrize("content", ["", "{", "[1]", "nonsense"])
def test_what_is_no_result_is_none(tmp_path: Path, content: str) -> None:
    folder = made(tmp_path)
    (folder.job("a/b")).mkdir(parents=True)
    (folder.job("a/b") / "result.json").write_text(content)
    assert folder.result("a/b") is None
    assert folder.state("a/b", "f") == "pending"


def test_states_follow_result_and_fingerprint(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert folder.state("i/m/t/x", "f") == "pending"
    folder.write_result("i/m/t/x", {"state": "done", "fingerprint": "f"})
    assert folder.state("i/m/t/x", "f") == "done"
    assert folder.state("i/m/t/x", "other") == "pending"
    folder.write_result("i/m/t/x", {"state": "failed", "fingerprint": "f"})
    assert folder.state("i/m/t/x", "f") == "failed"


@pytest.mark.parametrize("job", ["../x", "a/../../x", "/etc/x", "", "."])
def test_no_job_lies_outside(tmp_path: Path, job: str) -> None:
    with pytest.raises(RunError, match="outside"):
        made(tmp_path / "run").job(job)


def test_clear_takes_away_what_an_earlier_attempt_left(tmp_path: Path) -> None:
    folder = made(tmp_path)
    own = folder.clear("a/b")
    for name in ("map.npy", "map.nii.gz", "overlay.png", "result.json", "job.log", "notes.txt"):
        (own / name).write_text("x")
    folder.clear("a/b")
    assert [p.name for p in own.iterdir()] == ["notes.txt"]


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("mine")
    with pytest.raises(RunError, match="no run"):
        RunFolder.create(tmp_path)
    assert (tmp_path / "config.json").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_empty_folder_and_a_run_are_taken(tmp_path: Path) -> None:
    made(tmp_path)
    RunFolder.create(tmp_path)
    assert RunFolder.open(tmp_path).plan() == {"version": 1}


def test_below_a_file_is_an_error_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in ("file", "file/run"):
        with pytest.raises(RunError, match="cannot be written"):
            RunFolder.create(tmp_path / place)


@pytest.mark.skipif(sys.platform != "linux", reason="chattr and /proc are Linux's")
def test_a_folder_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(RunError, match="cannot be written"):
        RunFolder.create(Path("/proc/esegeta"))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="Permission denied"):
        RunFolder.create(tmp_path)


def test_open_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run"):
        RunFolder.open(tmp_path)


def _write_events(root: Path, number: int) -> None:
    folder = RunFolder(root)
    for index in range(200):
        folder.event("progress", "j" * 50, done=index, total=200, writer=number)


def test_events_of_many_writers_stay_whole(tmp_path: Path) -> None:
    folder = made(tmp_path)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_events, args=(tmp_path, n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    events = list(Tail(folder, from_start=True))
    assert len(events) == 600
    for number in range(3):
        own = [event["done"] for event in events if event["writer"] == number]
        assert own == list(range(200))


def test_tail_gives_each_event_once_and_waits_for_whole_lines(tmp_path: Path) -> None:
    folder = made(tmp_path)
    folder.event("before")
    tail = Tail(folder)
    folder.event("one", "j")
    assert [event["event"] for event in tail] == ["one"]
    assert list(tail) == []
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"event": "tw')
        file.flush()
        assert list(tail) == []
        file.write('o"}\n')
    assert [event["event"] for event in tail] == ["two"]


def test_reading_a_run_needs_neither_torch_nor_the_pool() -> None:
    code = (
        "import sys, esegeta.runs.folder; "
        "print([m for m in ('torch', 'pebble', 'pydantic', 'rich') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
