"""What the monitor makes of a run folder: without Qt, and without a run."""

import contextlib
import os
import platform
import shutil
import tempfile
from pathlib import Path

import pytest
from esegeta.gui.monitor import follow, tail
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esegeta.runs.interrupts import NOTE
from esegeta.runs.lock import locked
from esegeta.runs.status import status
from tests.gui.monitoring import NOW, STEADY, Folder, Looking, line


@pytest.fixture
def run(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "run")


def test_events_tell_while_a_driver_is_at_work(run: Folder) -> None:
    one, two, three, _ = run.ids
    run.starts()
    looking = Looking(run.root)
    with locked(run.root):
        assert looking.states() == ["pending"] * 4
        run.add(line("started", one, NOW, pid=7, device="cpu", host="here"))
        run.add(line("progress", one, NOW, done=2, total=8))
        assert looking.states() == ["running", "pending", "pending", "pending"]
        row = looking.rows[one]
        assert (row.device, row.pid, row.done, row.total, row.part) == ("cpu", 7, 2, 8, 0.25)
        run.add(line("finished", one, seconds=3.0))
        run.add(line("started", two, NOW), line("failed", two, message="so", seconds=1.0))
        run.add(line("started", three, NOW), line("timed_out", three, message="late", seconds=1.0))
        assert looking.states() == ["done", "failed", "timed out", "pending"]
        assert looking.rows[two].reason == "so"
        seen = looking.look()
    assert seen.facts.phase == "at work"
    assert seen.facts.driver is not None
    assert seen.rows == [], "nothing has changed since"
    assert seen.ids is None


def test_what_is_left_is_told_by_what_others_took(run: Folder) -> None:
    run.starts()
    run.add(line("started", run.ids[0], NOW), line("finished", run.ids[0], seconds=2.0))
    looking = Looking(run.root)
    with locked(run.root):
        looking.look()
        looking.steady += 2
        assert looking.look().facts.left == pytest.approx(6.0)


def test_a_line_that_is_not_whole_waits(run: Folder) -> None:
    run.starts()
    looking = Looking(run.root)
    whole = line("started", run.ids[0], NOW, pid=7, device="cpu")
    with locked(run.root):
        for cut in range(0, len(whole), 7):
            run.add(whole[cut : cut + 7])
            expected = "running" if cut + 7 >= len(whole) else "pending"
            assert looking.states()[0] == expected


def test_half_a_line_of_a_full_disk_is_passed_over(run: Folder) -> None:
    run.starts()
    run.add(b'{"time": 1.0, "event": "failed", "job": "i0/n\n', b"[]\n", b'{"event": "odd"}\n')
    run.add(b"\xff\xfe\n", b'{"time": 1.0, "event": "progress", "job": "\xff"}\n')
    run.add(line("finished", run.ids[0], seconds=1.0))
    assert Looking(run.root).states() == ["done", "pending", "pending", "pending"]


def test_a_driver_that_was_killed(run: Folder) -> None:
    one, two, three, _ = run.ids
    run.starts()
    for job in (one, two, three):
        run.add(line("started", job, NOW, pid=7, device="cpu"))
    run.add(line("finished", one, seconds=1.0))
    looking = Looking(run.root)
    with locked(run.root):
        assert looking.states() == ["done", "running", "running", "pending"]
    # It wrote the result of one, and was killed before it told.
    run.result(two, "done", seconds=2.0)
    (run.root / ".lock").write_text("pid 1 on elsewhere")  # a lock that nobody holds
    assert looking.states() == ["done", "done", "interrupted", "pending"]
    assert looking.look().facts.phase == "killed"
    # It is started again, and leaves out what was interrupted.
    run.starts(run.ids[3])
    run.add(line("left_out", three))
    with locked(run.root):
        assert looking.states() == ["done", "done", "pending", "pending"]
        run.add(line("started", run.ids[3], NOW), line("finished", run.ids[3], seconds=1.0))
    run.add(line("run_finished", None, why=None))
    assert looking.states() == ["done", "done", "pending", "done"]
    facts = looking.look().facts
    assert (facts.phase, facts.begun, facts.pid) == ("ended", 2, 1)


def test_a_run_that_was_stopped_says_who_asked(run: Folder) -> None:
    run.starts()
    run.add(line("started", run.ids[0], NOW))
    looking = Looking(run.root)
    with locked(run.root):
        assert looking.look().facts.stopping is None
        (run.root / NOTE).write_text("soon esegeta stop on here")
        assert looking.look().facts.stopping == "soon"
        (run.root / NOTE).write_text("now esegeta stop on here")
        assert looking.look().facts.stopping == "now"
    run.add(line("run_finished", None, why="interrupted by esegeta stop on here"))
    facts = looking.look().facts
    assert (facts.phase, facts.why) == ("stopped", "interrupted by esegeta stop on here")
    assert facts.stopping is None
    assert looking.rows[run.ids[0]].state == "interrupted"


def test_a_retried_job_is_pending_until_it_begins_again(run: Folder) -> None:
    one = run.ids[0]
    run.starts()
    run.add(line("started", one, NOW), line("progress", one, NOW, done=5, total=8))
    looking = Looking(run.root)
    with locked(run.root):
        assert looking.states()[0] == "running"
        run.add(line("retried", one, message="it died", left=1))
        assert looking.states()[0] == "pending"
        run.add(line("started", one, NOW, pid=8))
        assert looking.states()[0] == "running"
        assert looking.rows[one].done is None, "of its first attempt"


def test_clocks_that_jump_change_no_time_that_is_shown(run: Folder) -> None:
    one, two, three, _ = run.ids
    run.starts()
    looking = Looking(run.root)
    with locked(run.root):
        looking.look()
        run.add(line("started", one, NOW - 10))
        looking.look()
        assert looking.rows[one].seconds(STEADY) == pytest.approx(10)
        looking.now -= 3600  # set back by an hour
        looking.steady += 5
        run.add(line("started", two, looking.now))
        looking.look()
        assert looking.rows[one].seconds(looking.steady) == pytest.approx(15)
        assert looking.rows[two].seconds(looking.steady) == pytest.approx(0)
        looking.now += 7200
        looking.steady += 5
        looking.look()
        assert looking.rows[one].seconds(looking.steady) == pytest.approx(20)
        run.add(line("started", three, looking.now + 500))  # a host whose clock is ahead
        looking.look()
        assert looking.rows[three].seconds(looking.steady) == 0


def test_another_run_in_the_same_folder(run: Folder) -> None:
    run.starts()
    for job in run.ids:
        run.add(line("finished", job, seconds=1.0))
    looking = Looking(run.root)
    assert looking.states() == ["done"] * 4
    shutil.rmtree(run.root)
    assert looking.look().facts.phase == "absent"
    assert looking.rows == {}
    again = Folder(run.root, methods=2)
    again.starts()
    again.add(*(line("queued", again.ids[0], 2000.0 + i) for i in range(50)))
    assert looking.states() == ["pending", "pending"]
    assert looking.look().facts.begun == 1


def test_events_that_are_replaced_between_two_looks(run: Folder) -> None:
    run.starts()
    run.add(line("finished", run.ids[0], seconds=1.0))
    looking = Looking(run.root)
    assert looking.states()[0] == "done"
    other = Folder(run.root.with_name("other"))
    other.add(line("run_started", when=2000.0), *(line("queued", i, 2000.0) for i in run.ids * 9))
    (other.root / "events.jsonl").replace(run.root / "events.jsonl")
    with locked(run.root):
        assert looking.states() == ["pending"] * 4
    assert looking.look().facts.begun == 1


def test_a_plan_that_changes(run: Folder) -> None:
    run.starts()
    for job in run.ids:
        run.add(line("finished", job, seconds=1.0))
    looking = Looking(run.root)
    looking.look()
    run.plan([*run.ids[2:], "i0/net/dog/new"], fingerprint="other")
    seen = looking.follower.look()
    assert seen.ids == (*run.ids[2:], "i0/net/dog/new")
    assert [row.index for row in seen.rows] == [0, 1, 2]


def test_without_events_files_tell(run: Folder) -> None:
    run.result(run.ids[0], "done", seconds=1.5)
    run.result(run.ids[1], "failed", error={"message": "so"})
    run.result(run.ids[2], "done", fingerprint="of another config")
    looking = Looking(run.root)
    assert looking.states() == ["done", "failed", "pending", "pending"]
    assert looking.rows[run.ids[0]].took == 1.5
    assert looking.look().facts.phase == "ended"


def test_what_is_no_run_and_what_is_damaged(tmp_path: Path) -> None:
    assert Looking(tmp_path / "nowhere").look().facts.phase == "absent"
    (tmp_path / "plan.json").write_text('{"groups": [{"jobs": [{"id": "a"}]}]}')
    looking = Looking(tmp_path)
    seen = looking.look()
    assert seen.facts.phase == "damaged"
    assert "plan.json is not as esegeta writes it" in str(seen.facts.why)
    Folder(tmp_path)
    assert looking.look().facts.phase == "waiting"
    Folder(tmp_path, methods=0)
    assert looking.look().facts.phase == "waiting", "a plan, though of nothing"


def test_a_lock_whose_process_is_gone(run: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    run.starts()
    looking = Looking(run.root)
    gone = 2**22 + 1  # beyond what Linux gives to a process
    for driver, lost in (
        (f"pid {os.getpid()} on {platform.node()}", False),
        (f"pid {gone} on {platform.node()}", True),
        (f"pid {gone} on another host", False),
        ("another process", False),
    ):
        monkeypatch.setattr(follow, "holder", lambda _, driver=driver: driver)
        assert looking.look().facts.lost is lost, driver


@pytest.mark.parametrize("bound", [1, 64, 1000])
def test_reading_is_bounded(run: Folder, monkeypatch: pytest.MonkeyPatch, bound: int) -> None:
    run.starts()
    for job in run.ids:
        run.add(line("started", job, NOW), line("finished", job, seconds=1.0))
    whole = tail.Grown(run.root / "events.jsonl").read().lines
    piecewise = tail.Grown(run.root / "events.jsonl")
    pieces = []
    while True:
        lines, anew, more = piecewise.read(bound)
        assert not anew
        pieces += lines
        assert sum(map(len, lines)) <= bound + 200
        if not more:
            break
    assert pieces == whole
    assert len(pieces) == 13


JOBS = [f"i0/net/dog/method_{m}" for m in range(4)]
TIMES = st.floats(NOW - 100, NOW + 100).map(lambda t: round(t, 3))
ONE = st.one_of(
    st.builds(line, st.just("run_started"), st.none(), TIMES),
    st.builds(line, st.sampled_from(["queued", "left_out"]), st.sampled_from(JOBS), TIMES),
    st.builds(
        lambda j, t: line("started", j, t, pid=7, device="cpu"), st.sampled_from(JOBS), TIMES
    ),
    st.builds(
        lambda j, t, n: line("progress", j, t, done=n, total=9),
        st.sampled_from(JOBS),
        TIMES,
        st.integers(0, 9),
    ),
    st.builds(lambda j, t: line("retried", j, t, message="ü"), st.sampled_from(JOBS), TIMES),
    st.builds(
        lambda e, j, t: line(e, j, t, message="größer", seconds=1.0),
        st.sampled_from(["finished", "failed", "timed_out"]),
        st.sampled_from(JOBS),
        TIMES,
    ),
    st.builds(line, st.just("finished"), st.just("of/no/plan/job"), TIMES),
    st.builds(lambda w: line("run_finished", None, why=w), st.sampled_from([None, "interrupted"])),
    st.builds(
        lambda j, n: line("started", j, NOW)[:n] + b"\n", st.sampled_from(JOBS), st.integers(1, 60)
    ),
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(
    events=st.lists(ONE, max_size=25),
    cuts=st.lists(st.floats(0, 1), max_size=8),
    results=st.dictionaries(st.sampled_from(JOBS), st.sampled_from(["done", "failed"])),
    working=st.booleans(),
)
def test_events_cut_anywhere_tell_the_same(
    events: list[bytes], cuts: list[float], results: dict[str, str], working: bool
) -> None:
    content = b"".join(events)
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        run = Folder(Path(place) / "run")
        for job, state in results.items():
            run.result(job, state, seconds=2.0, error={"message": "so"})
        if working:
            stack.enter_context(locked(run.root))
        piecewise = Looking(run.root)
        ends = sorted({round(cut * len(content)) for cut in cuts} | {len(content)})
        for begin, end in zip([0, *ends], ends, strict=False):
            run.add(content[begin:end])
            seen = piecewise.look()
        whole = Looking(run.root)
        facts = whole.look().facts
        assert piecewise.rows == whole.rows
        assert (seen.facts.phase, seen.facts.why, seen.facts.begun) == (
            facts.phase,
            facts.why,
            facts.begun,
        )
        # And both as `esegeta status` says.
        told = status(run.root)
        states = {
            row.id: row.state.replace("interrupted", "pending") for row in whole.rows.values()
        }
        assert states == {job.job: job.state for job in told.jobs}
        reasons = {row.id: row.reason for row in whole.rows.values()}
        assert reasons == {job.job: job.reason for job in told.jobs}
