"""What a run shows: rows on a terminal, plain lines elsewhere, nothing where it is to be quiet."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from esegeta.passes import Passes
from esegeta.runs.plan import Job
from esegeta.runs.progress import View
from tests.forked import forked
from tests.runs.project import Project, odd

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
LONG = "a patient with a long name/an ensemble of nets/left ventricle/"


def job(name: str, passes: float = 1) -> Job:
    return Job(
        id=LONG + name,
        method=name,
        use=name,
        layer=None,
        parameters={},
        passes=Passes(passes, 0),
        seed=0,
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def drawn(view: View, width: int, height: int = 24) -> list[str]:
    view._console.size = (width, height)  # type: ignore[assignment]
    console = Console(width=width, height=height, file=io.StringIO(), color_system=None)
    console.print(view.drawing())
    return console.file.getvalue().splitlines()


def story() -> Iterator[dict[str, object]]:
    """Two workers; one job is done, one failed, two are at work, one has yet to begin."""
    for device, name in (("cuda:0", "saliency"), ("cuda:1", "ig")):
        yield {"event": "started", "job": LONG + name, "device": device}
    yield {"event": "progress", "job": LONG + "ig", "done": 3, "total": 9}
    yield {"event": "finished", "job": LONG + "saliency", "seconds": 2.0}
    yield {"event": "failed", "job": LONG + "ig", "message": "no", "seconds": 1.0}
    yield {"event": "started", "job": LONG + "rise", "device": "cuda:1"}
    yield {"event": "progress", "job": LONG + "rise", "done": 250, "total": 1000}
    yield {"event": "started", "job": LONG + "grad_cam@encoder.3.block.2", "device": "cuda:0"}


JOBS = [job(n) for n in ("saliency", "ig", "rise", "grad_cam@encoder.3.block.2", "occlusion")]


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_row_per_worker_and_a_line_for_the_whole(terminal: Terminal, width: int) -> None:
    view = View(JOBS, ["cuda:0", "cuda:1"])
    assert [line.split() for line in drawn(view, width)[:2]] == [
        ["cuda:0", "idle"],
        ["cuda:1", "idle"],
    ]
    for event in story():
        view.show(event)
    lines = drawn(view, width)
    assert len(lines) == 3, "nothing is wrapped"
    assert all(len(line) <= width for line in lines)
    first, second, whole = lines
    # What jobs differ in is at the end of their names.
    assert re.match(r"cuda:0 .*grad_cam@encoder\.3\.block\.2 +(.* )?starting +1\.0 s", first)
    assert re.match(r"cuda:1 .*ventricle/rise .* 250/1,000 +1\.0 s", second)
    assert whole.startswith("2/5 jobs, 1 failed, about ")
    assert ("…" in first) == (width < 140)
    assert (LONG in first) == (width == 140)
    assert ("━" in second) == (width >= 80)


def test_rows_that_a_terminal_has_no_room_for_are_counted(terminal: Terminal) -> None:
    view = View(JOBS, ["cpu"] * 40)
    lines = drawn(view, 80, height=10)
    assert len(lines) == 9
    assert lines[-2].strip() == "and 33 workers more"
    assert lines[-1].startswith("0/5 jobs")


def test_a_worker_that_comes_later_gets_a_row(terminal: Terminal) -> None:
    view = View(JOBS, ["cuda:0"])
    for event in story():
        view.show(event)
    assert [line.split()[0] for line in drawn(view, 80)[:2]] == ["cuda:0", "cuda:1"]


def test_a_job_begun_again_and_one_that_never_begins(terminal: Terminal) -> None:
    view = View(JOBS, ["cpu"])
    view.show({"event": "started", "job": LONG + "rise", "device": "cpu"})
    view.show({"event": "retried", "job": LONG + "rise", "message": "died", "left": 1})
    assert "idle" in drawn(view, 80)[0]
    view.show({"event": "started", "job": LONG + "rise", "device": "cpu"})
    view.show({"event": "finished", "job": LONG + "rise", "seconds": 10.0})
    for name in ("saliency", "ig", "grad_cam@encoder.3.block.2"):
        view.show({"event": "failed", "job": LONG + name, "message": "no", "seconds": 0.0})
    assert drawn(view, 80)[-1].startswith("4/5 jobs, 3 failed, about 10 s left ")


@pytest.mark.parametrize("how", ["no terminal", "plain", "dumb"])
def test_plain_lines_hold_no_control_characters(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    stream = io.StringIO() if how == "no terminal" else Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb" if how == "dumb" else "xterm")
    with View(JOBS, ["cuda:0", "cuda:1"], plain=how == "plain") as view:
        view.say("[bold]so[/bold] :smile:")
        for event in story():
            view.show(event)
    said = stream.getvalue()
    assert not CONTROL.search(said)
    assert said.splitlines() == [
        "[bold]so[/bold] :smile:",
        f"[1/5] done      {LONG}saliency  2.0 s",
        f"[2/5] failed    {LONG}ig",
    ]


def test_quiet_says_nothing(terminal: Terminal) -> None:
    with View(JOBS, quiet=True) as view:
        view.say("so")
        for event in story():
            view.show(event)
    assert terminal.getvalue() == ""


def in_terminal(columns: int, *command: str | Path) -> tuple[int, str]:
    """Run a command in a terminal of so many columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment["TERM"] = "xterm"
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    said = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # how Linux says that nobody holds the other end
            break
        if not more:
            break
        said += more
    os.close(ours)
    return process.wait(), said.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_in_a_real_terminal(project: Project) -> None:
    config = project.config(["saliency", odd("slow", steps=15)])
    esegeta = [sys.executable, "-m", "esegeta.cli", "run"]
    code, said = in_terminal(60, *esegeta, config)
    assert code == 0
    assert "\x1b[" in said
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    assert re.search(r"cpu +a/net/predicted/slow +\d+/\d+ +[\d.]+ s", plain)
    assert "1/2 jobs" in plain
    assert "2 done, 0 failed" in plain
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h"), "the cursor is shown again"

    code, said = in_terminal(60, *esegeta, config, "--resume", "--plain")
    assert code == 0
    assert not CONTROL.search(said)


@pytest.mark.slow
def test_quiet_and_plain_from_the_command_line(project: Project) -> None:
    config = project.config(["saliency", odd("raise")])
    quiet = forked("esegeta", "run", config, "--quiet")
    assert quiet.stderr == ""
    assert "1 done, 1 failed" in quiet.stdout
    forced = {**os.environ, "FORCE_COLOR": "1"}
    again = forked("esegeta", "run", config, "--resume", env=forced)
    assert not CONTROL.search(again.stderr)
    assert re.search(r"^\[(\d)/\1\] failed    a/net/predicted/raise$", again.stderr, re.MULTILINE)
