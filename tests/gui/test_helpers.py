"""Helper processes: answers, errors, crashes, and runs that outlive the window."""

import json
import os
import signal

import psutil
import pytest
from esegeta.gui import helpers
from esegeta.gui.helpers import Helper, Server, reason
from PySide6.QtCore import QProcess

LONG = 120_000


@pytest.fixture
def helper(qtbot):
    helper = Helper()
    yield helper
    helper.stop()
    over(helper)


def over(helper):
    """Let the killed process end, before Python takes its keeper away."""
    for process in helper.findChildren(QProcess):
        process.waitForFinished(LONG)


def command(monkeypatch, code):
    """Let helpers run this code in place of the command line."""
    import sys

    monkeypatch.setattr(helpers, "COMMAND", [sys.executable, "-c", code])


def test_an_answer_is_json(qtbot, helper, monkeypatch):
    command(
        monkeypatch, "import json, sys; print(json.dumps([json.load(sys.stdin), sys.argv[1:]]))"
    )
    with qtbot.waitSignal(helper.answered, timeout=LONG) as found:
        helper.start(["a", "b"], {"x": "ü"})
        assert helper.running
    assert found.args == [[{"x": "ü"}, ["a", "b"]]]
    assert not helper.running


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('esegeta: it is\\n  wrong')", "it is\n  wrong"),
        ("print('no json')", "it ended with exit code 0"),
        ("import os; os.kill(os.getpid(), 9)", "the helper process crashed"),
        ("import sys; print('noise', file=sys.stderr); sys.exit('esegeta: bad')", "bad"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_is_told(qtbot, helper, monkeypatch, code, said):
    command(monkeypatch, code)
    with qtbot.waitSignal(helper.failed, timeout=LONG) as found:
        helper.start([])
    assert said in found.args[0]
    assert not helper.running


def test_a_program_that_is_not_there_is_told(qtbot, helper, monkeypatch):
    monkeypatch.setattr(helpers, "COMMAND", ["/nowhere/python"])
    with qtbot.waitSignal(helper.failed, timeout=LONG) as found:
        helper.start([])
    assert "cannot be started" in found.args[0]


def test_a_second_command_takes_the_place_of_the_first(qtbot, helper, monkeypatch):
    command(monkeypatch, "import sys, time; time.sleep(float(sys.argv[1])); print(sys.argv[1])")
    answers, failures = [], []
    helper.answered.connect(answers.append)
    helper.failed.connect(failures.append)
    helper.start(["60"])
    first = helper._process.processId()
    helper.start(["0.1"])
    qtbot.waitUntil(lambda: bool(answers), timeout=LONG)
    qtbot.waitUntil(lambda: not psutil.pid_exists(first), timeout=LONG)
    assert (answers, failures) == ([0.1], [])


def test_reasons_are_what_is_said_to_people():
    assert reason("esegeta: no\n    valid: yes") == "no\n    valid: yes"
    assert reason("warning\nesegeta: no") == "no"
    assert reason("Traceback\nKeyError") == "Traceback\nKeyError"
    assert reason("") == ""


@pytest.fixture
def server(qtbot):
    server = Server()
    yield server
    server.stop()
    over(server)


def test_the_server_tells_the_plug_ins_and_checks_the_latest_config(qtbot, server, small):
    with qtbot.waitSignal(server.ready, timeout=LONG) as ready:
        server.start([], small.parent)
    assert len(ready.args[0]["catalogue"]["plugins"]) > 20
    data = {"name": "x", **json.loads(small.read_text())}
    told = []
    server.checked.connect(told.append)
    for methods in (["a"], ["b"], ["rsie"]):
        server.check({**data, "methods": methods}, small.parent)
    qtbot.waitUntil(lambda: bool(told), timeout=LONG)
    assert len(told) == 1  # of several edits in a row only the last is checked
    assert told[0]["problems"][0]["nearest"] == "rise"
    server.check(data, small.parent)
    qtbot.waitUntil(lambda: len(told) == 2, timeout=LONG)
    assert told[1]["problems"] == []
    assert told[1]["plan"]["jobs"] == 2


def test_a_server_that_is_killed_is_told_and_can_be_started_again(qtbot, server, small):
    with qtbot.waitSignal(server.ready, timeout=LONG):
        server.start([], small.parent)
    with qtbot.waitSignal(server.failed, timeout=LONG):
        os.kill(server._process.processId(), signal.SIGKILL)
    assert not server.serves
    with qtbot.waitSignal(server.ready, timeout=LONG):
        server.start([], small.parent)


def test_a_plug_in_that_is_dropped_in_appears_with_its_form(qtbot, window, small, monkeypatch):
    """The whole way: a new file, Reload plug-ins, the method's form, an edit, a check."""
    monkeypatch.setattr(
        window.session.server, "check", lambda *a: Server.check(window.session.server, *a)
    )
    folder = small.parent / "plugins"
    folder.mkdir()
    window.files.load(small)
    (folder / "mine.py").write_text(PLUGIN)
    assert "mine" not in window.session.catalogue.methods
    with qtbot.waitSignal(window.session.server.ready, timeout=LONG):
        window.actions_.made["reload"].trigger()
    window.go("methods")
    page = window.pages["methods"]
    assert page._items["mine"].text(1) == "It is mine."
    window.session.document.set(("methods",), ["mine"])
    window.go("parameters")
    form = window.pages["parameters"].form
    assert [f.key for f in form.fields] == ["strength", "kind"]
    form.editor("strength").edited.emit(7.0, True)
    qtbot.waitUntil(lambda: form.problem("strength") != "", timeout=LONG)
    assert "outside its bounds" in form.problem("strength")
    (folder / "mine.py").write_text("raise RuntimeError('not today')")
    with qtbot.waitSignal(window.session.server.ready, timeout=LONG):
        window.actions_.made["reload"].trigger()
    assert "not today" in window.session.catalogue.methods["mine"].lost


PLUGIN = '''
from typing import Annotated, Literal
from esegeta import Param, Passes, Probe, attribution

@attribution(paper="Nobody", passes=Passes(forward=1))
def mine(
    probe: Probe,
    *,
    strength: Annotated[float, Param(ge=0, le=1, help="How much")] = 0.5,
    kind: Annotated[Literal["a", "b"], Param(help="Which")] = "a",
):
    """It is mine."""
    return probe.image[0] * strength
'''


def test_a_run_is_started_and_outlives_its_starter(qtbot, window, small):
    window.files.load(small)
    window.go("run")
    window.run_page.start_run()
    assert window.stack.currentWidget() is window.places["monitor"]
    (view,) = window.places["monitor"].make().runs()
    folder = small.parent / "runs" / "small"
    assert view.folder == folder
    pid = view._launch._pid
    # It is nobody's child: it goes on when this process ends.
    assert psutil.Process(pid).ppid() != os.getpid()
    assert os.getsid(pid) != os.getsid(0)
    qtbot.waitUntil(lambda: view.head.state.text() == "ended", timeout=LONG)
    results = [json.loads(p.read_text())["state"] for p in folder.rglob("result.json")]
    assert results == ["done", "done"]
    assert window.settings.recent[0] == folder
    window.go("run")
    assert window.run_page.resume.isVisible()


def test_a_run_that_cannot_begin_says_why(qtbot, window, small):
    window.files.load(small)
    window.go("run")
    (small.parent / "runs" / "small").mkdir(parents=True)
    (small.parent / "runs" / "small" / "letter.txt").touch()
    window.run_page.start_run()
    (view,) = window.places["monitor"].make().runs()
    qtbot.waitUntil(lambda: "holds files but no run" in view.banner.label.text(), timeout=LONG)
    assert view.banner.property("kind") == "wrong"


def test_a_plan_is_measured(qtbot, window, small):
    window.files.load(small)
    window.go("run")
    page = window.run_page
    with qtbot.waitSignal(page.helper.answered, timeout=LONG):
        page.start_plan()
    assert "about" in page.cost.text()
    assert window.session.forecast["totals"]["jobs"] == 2
