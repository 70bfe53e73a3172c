import errno
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from esegeta.errors import RunError
from esegeta.runs.folder import RunFolder, Tail, Unwritable, dumps, read_json, write_json
from esegeta.runs.hashes import sha256


def made(root: Path) -> RunFolder:
    folder = RunFolder.create(root)
    write_json(root / "plan.json", {"version": 1})
    return folder


def full(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_json_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    path = tmp_path / "own" / "x.json"
    write_json(path, {"a": 1})
    assert read_json(path) == {"a": 1}

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
    folder.write_result("i/m/t/x", done(folder, "i/m/t/x"))
    assert folder.state("i/m/t/x", "f") == "done"
    assert folder.state("i/m/t/x", "other") == "pending"
    folder.write_result("i/m/t/x", {"state": "failed", "fingerprint": "f"})
    assert folder.state("i/m/t/x", "f") == "failed"


def done(folder: RunFolder, job: str) -> dict[str, Any]:
    """Write a map, and give a result that tells of it."""
    own = folder.clear(job)
    (own / "map.npy").write_bytes(b"values")
    hashes = {"map": sha256(own / "map.npy")}
    return {"state": "done", "fingerprint": "f", "files": {"map": "map.npy"}, "sha256": hashes}


@pytest.mark.parametrize(
    "damage", ["taken away", "taken away before", "cut", "changed", "never written"]
)
def test_a_result_without_its_files_is_to_be_made_again(tmp_path: Path, damage: str) -> None:
    folder = made(tmp_path)
    result = done(folder, "a/b")
    map_file = folder.job("a/b") / "map.npy"
    if damage == "taken away":
        map_file.unlink()
    elif damage == "taken away before":  # it was hashed
        map_file.unlink()
        result["sha256"] = {"map": None}
    elif damage == "never written":
        result["files"] = {}
    else:
        map_file.write_bytes(b"val" if damage == "cut" else b"vaLues")
    folder.write_result("a/b", result)
    assert folder.state("a/b", "f") == "pending"


def test_a_folder_may_be_named_by_a_way_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    folder = made(Path("../run"))
    assert folder.root == tmp_path / "run"
    assert folder.clear("a/b") == tmp_path / "run" / "a" / "b"


@pytest.mark.parametrize("job", ["../x", "a/../../x", "/etc/x", "", "."])
def test_no_job_lies_outside(tmp_path: Path, job: str) -> None:
    with pytest.raises(RunError, match="outside"):
        made(tmp_path / "run").job(job)


def test_clear_takes_away_what_an_earlier_attempt_left(tmp_path: Path) -> None:
    folder = made(tmp_path)
    own = folder.clear("a/b")
    left = ("map.npy", "map.nii.gz", "overlay.png", "result.json", "job.log", ".12-map.npy")
    for name in (*left, "notes.txt"):
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


def test_a_read_only_folder_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    user = os.geteuid()
    if user == 0:  # nothing is read-only to root
        os.seteuid(65534)
    try:
        with pytest.raises(RunError, match="Permission denied"):
            RunFolder.create(tmp_path)
    finally:
        os.seteuid(user)


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


def test_a_full_disk_is_the_folders_trouble_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(os, "fsync", full)
    writes = (
        lambda: folder.write_result("a/b", {}),
        lambda: folder.write("config.json", {}),
        folder.prove,
    )
    for write in writes:
        with pytest.raises(Unwritable, match=rf"{tmp_path} cannot be written: No space left"):
            write()
    assert [p for p in sorted(tmp_path.rglob("*")) if p.is_file()] == before


def test_a_line_that_does_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path)
    folder.event("one")
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, text: real(descriptor, text[:5]))
    with pytest.raises(Unwritable, match="No space"):
        folder.event("two")
    monkeypatch.undo()
    folder.event("three")
    assert [e["event"] for e in Tail(folder, from_start=True)] == ["one", "three"]


def test_what_a_killed_process_left_half_written_is_mended(tmp_path: Path) -> None:
    folder = made(tmp_path)
    folder.event("one")
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"event": ' + "x" * 200_000)
    (tmp_path / ".77-plan.json").write_text("{")
    folder.mend()
    folder.event("two")
    assert [e["event"] for e in Tail(folder, from_start=True)] == ["one", "two"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["events.jsonl", "plan.json"]


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    folder = made(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    for write in (lambda: folder.clear("a/b"), lambda: folder.write_result("a/b", {})):
        with pytest.raises(Unwritable, match="no longer there"):
            write()
    with pytest.raises(Unwritable):
        folder.event("x")
    assert not (tmp_path / "run").exists()


def test_what_one_job_cannot_write_is_not_the_folders_trouble(tmp_path: Path) -> None:
    folder = made(tmp_path)
    with pytest.raises(OSError, match="too long") as raised:
        folder.write_result("x" * 300, {})
    assert not isinstance(raised.value, Unwritable)


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
