"""The table of jobs without its widget: sorting, filtering, sums, and what can be asked for."""

from pathlib import Path

import pytest
from esegeta.gui.monitor import words
from esegeta.gui.monitor.rows import Facts, Row, Seen
from esegeta.gui.monitor.table import COLUMNS, Table

FACTS = Facts(Path("run"))
ROWS = [
    Row("t1/unet/brain/rise", 0, "done", took=9.0),
    Row("t1/unet/brain/grad_cam@enc.1", 1, "failed", took=1.0, reason="out of memory"),
    Row("t2/unet/brain/rise", 2, "running", device="cuda:0", done=5, total=10, since=90.0),
    Row("t2/net/dog/saliency", 3, "pending"),
    Row("t2/net/dog/occlusion", 4, "timed out", took=60.0, reason="it took longer than 60 s"),
    Row("t2/net/dog/lime", 5, "interrupted"),
]


@pytest.fixture
def table() -> Table:
    table = Table()
    table.take(Seen(FACTS, tuple(row.id for row in ROWS), ROWS))
    table.arrange(100.0)
    return table


def shown(table: Table) -> list[int]:
    table.arrange(100.0)
    return [table.rows[job].index for job in table.shown]


@pytest.mark.parametrize(
    ("column", "up"),
    [
        ("state", [2, 1, 4, 5, 3, 0]),
        ("method", [1, 5, 4, 0, 2, 3]),
        ("image", [0, 1, 2, 3, 4, 5]),
        ("model", [3, 4, 5, 0, 1, 2]),
        ("target", [0, 1, 2, 3, 4, 5]),
        ("device", [0, 1, 3, 4, 5, 2]),
        ("progress", [3, 5, 2, 0, 1, 4]),
        ("time", [3, 5, 1, 0, 2, 4]),
    ],
)
def test_sorting(table: Table, column: str, up: list[int]) -> None:
    assert column in COLUMNS
    table.sort(column)  # type: ignore[arg-type]
    assert shown(table) == up
    table.sort(column, descending=True)  # type: ignore[arg-type]
    key = table._key(column, 100.0)  # type: ignore[arg-type]
    down = [key(ROWS[index]) for index in shown(table)]
    assert down == sorted(down, reverse=True)
    table.sort(None)
    assert shown(table) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "kind", "left"),
    [
        ("", "all", [0, 1, 2, 3, 4, 5]),
        ("RISE", "all", [0, 2]),
        ("rise t2", "all", [2]),
        ("memory", "all", [1]),
        ("cuda", "all", [2]),
        ("", "failed", [1, 4]),
        ("occlusion", "failed", [4]),
        ("", "interrupted", [5]),
        ("nothing such", "all", []),
    ],
)
def test_filtering(table: Table, text: str, kind: str, left: list[int]) -> None:
    table.filter(text, kind)  # type: ignore[arg-type]
    assert shown(table) == left


def test_sums(table: Table) -> None:
    assert table.counts == {
        "all": 6, "running": 1, "failed": 2, "interrupted": 1, "pending": 1, "done": 1
    }  # fmt: skip
    assert table.part == pytest.approx((3 + 0.5) / 6)
    assert Table().part == 0
    text = words.summary(Facts(Path("run"), phase="at work", left=200.0), table)
    assert text == "3 of 6 jobs  ·  2 failed  ·  1 interrupted  ·  about 3 min 20 s left"


def test_jobs_that_are_no_longer_planned_go(table: Table) -> None:
    table.take(Seen(FACTS, (ROWS[2].id, ROWS[0].id), []))
    assert set(table.rows) == {ROWS[2].id, ROWS[0].id}


def test_what_can_be_asked_for(table: Table) -> None:
    ended = Facts(Path("run"), phase="killed")
    assert table.can(ended, starting=False) == {"retry", "resume", "report"}
    assert table.can(ended, starting=True) == {"stop now", "report"}
    busy = Facts(Path("run"), phase="at work", driver="pid 1 on here")
    assert table.can(busy, starting=False) == {"stop", "stop now", "report"}
    asked = Facts(Path("run"), phase="at work", driver="pid 1 on here", stopping="soon")
    assert table.can(asked, starting=False) == {"stop now", "report"}
    lost = Facts(Path("run"), phase="at work", driver="pid 1 on here", lost=True)
    assert table.can(lost, starting=False) == {"retry", "resume", "report"}
    done = Table()
    done.take(Seen(FACTS, ("a/b/c/d",), [Row("a/b/c/d", 0, "done")]))
    assert done.can(Facts(Path("run"), phase="ended"), starting=False) == {"report"}
    assert Table().can(Facts(Path("run"), phase="absent"), starting=False) == set()


def test_each_failure_has_its_remedy() -> None:
    late, failed = ROWS[4], Row("a/b/c/d", 0, "failed", reason="so")
    assert "more time" in words.remedy(late, None)
    assert "more memory" in words.remedy(ROWS[1], None)
    segfault = "a segmentation fault: compiled code touched memory that is not its own"
    assert "more memory" not in words.remedy(Row("a/b/c/d", 0, "failed", reason=segfault), None)
    killed = "killed by SIGKILL (as the system does when memory runs out)"
    assert "more memory" in words.remedy(Row("a/b/c/d", 0, "failed", reason=killed), None)
    crash = {"error": {"kind": "Crash", "message": "so", "traceback": None}}
    assert "process died" in words.remedy(failed, crash)
    bug = {"error": {"kind": "ValueError", "message": "so", "traceback": "Traceback …"}}
    assert "Details" in words.remedy(failed, bug)
    known = {"error": {"kind": "TargetError", "message": "so", "traceback": None}}
    assert "config" in words.remedy(failed, known)
    assert "Resume" in words.remedy(ROWS[5], None)
    assert words.remedy(ROWS[0], None) == ""


def test_details_of_a_job() -> None:
    result = {
        "parameters": {"masks": 4000, "baseline": None},
        "checks": {"completeness": {"error": 0.123456, "passed": False}},
        "memory": 2_000_000,
        "error": {"kind": "ValueError", "message": "so", "traceback": "Traceback …"},
    }
    told = dict(words.details(ROWS[1], result, 100.0))
    assert told["Job"] == ROWS[1].id
    assert told["Parameters"] == "masks: 4000\nbaseline: None"
    assert told["Checks"] == "completeness: error 0.1235, passed False"
    assert told["Memory"] == "2 MB"
    assert told["Traceback"] == "Traceback …"
    running = dict(words.details(Row("a/b/c/d", 0, "running", pid=7, heard=95.0), None, 100.0))
    assert running["Last heard of"] == "5.0 s ago"
