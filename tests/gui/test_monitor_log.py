"""The end of a log that grows, is emptied, and holds what only terminals understand."""

from pathlib import Path

import pytest
from esegeta.gui.monitor import tail
from esegeta.gui.monitor.chosen import Choice
from esegeta.gui.monitor.tail import SHOWN, WIDE, LogEnd
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "job.log"


def add(log: Path, text: str | bytes) -> None:
    with log.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def test_it_follows_a_log_that_is_not_there_yet(log: Path) -> None:
    end = LogEnd(log)
    assert end.read() == ("", False)
    add(log, "one\n")
    assert end.read() == ("one\n", False)
    assert end.read() == ("", False)
    add(log, "two")
    assert end.read() == ("two", False)


def test_a_log_that_begins_anew(log: Path) -> None:
    end = LogEnd(log)
    add(log, "how: first attempt\n" * 5)
    end.read()
    log.unlink()
    assert end.read() == ("", True)
    add(log, "again\n")
    assert end.read() == ("again\n", False)
    # Taken away and written between two looks, and longer than before.
    other = log.with_name("other")
    add(other, "again\nand again\n")
    other.replace(log)
    assert end.read() == ("again\nand again\n", True)
    log.write_text("emptied\n")
    assert end.read().text == "emptied\n"


def test_only_the_end_of_a_long_log_is_read(log: Path) -> None:
    lines = [f"line {number}\n" for number in range(50_000)]
    add(log, "".join(lines))
    end = LogEnd(log)
    text, anew = end.read()
    assert anew
    assert text.startswith("…\nline ")
    assert text.endswith("line 49999\n")
    assert len(text) <= SHOWN + 2
    assert end.read() == ("", False)
    add(log, "x" * 10 * SHOWN)
    text, anew = end.read()
    assert anew
    assert len(text) < 1.1 * SHOWN
    assert max(map(len, text.split("\n"))) <= WIDE


def test_what_only_a_terminal_understands(log: Path) -> None:
    add(log, "\x1b[31mred\x1b[0m 10%\r20%\r\ndone\x07\x00\n\x1b]0;title\x07end\n")
    assert LogEnd(log).read().text == "red 10%\n20%\ndone\nend\n"


@given(
    text=st.text(st.sampled_from("aé€😀\n\r\x1b[]0m31;K\x07\\"), max_size=80),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_pieces_make_the_same_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, cuts: list[int]
) -> None:
    log = tmp_path_factory.mktemp("log") / "job.log"
    content = text.encode() + b"\nend of all of it, so that nothing is held back\n"
    end, read = LogEnd(log), ""
    ends = sorted({min(cut, len(content)) for cut in cuts} | {len(content)})
    for begin, stop in zip([0, *ends], ends, strict=False):
        add(log, content[begin:stop])
        piece = end.read()
        assert not piece.anew
        read += piece.text
    whole = LogEnd(log).read().text
    assert read == whole
    assert "\x1b" not in whole


def test_lines_that_are_too_long_are_broken(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "WIDE", 4)
    end = LogEnd(log)
    add(log, "abcdefghij\nkl")
    assert end.read().text == "abcd\nefgh\nij\nkl"
    add(log, "mnop")
    assert end.read().text == "mn\nop"


def test_a_job_that_leads_out_of_the_folder_shows_nothing_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "job.log").write_text("secret")
    (outside / "result.json").write_text('{"state": "done"}')
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.log").write_text("of the run")
    seen = Choice(run, "../outside").look()
    assert seen is not None
    assert (seen.text, seen.result) == ("of the run", None)


def test_a_result_is_read_when_it_appears(tmp_path: Path) -> None:
    choice = Choice(tmp_path, "a/b/c/d")
    first = choice.look()
    assert first is not None
    assert first.anew
    assert choice.look() is None
    (tmp_path / "a/b/c/d").mkdir(parents=True)
    (tmp_path / "a/b/c/d/result.json").write_text('{"state": "done"}')
    seen = choice.look()
    assert seen is not None
    assert seen.result == {"state": "done"}
    assert not seen.anew
