"""The monitor over real runs: started, closed and opened again, stopped, resumed, and killed."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from esegeta.gui.monitor.launch import OUTPUT
from esegeta.gui.monitor.panel import MonitorPanel
from esegeta.gui.monitor.run import RunView
from PySide6.QtCore import QSettings

from esegeta.runs.lock import holder
from tests.gui.test_monitor_panel import Desktop, Heart, Shop, desktop, panels
from tests.runs.project import Project, odd

__all__ = ["desktop", "panels"]

LONG = 60_000
"""Milliseconds that a run may take to begin or end, on a machine that is shared."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    out = tmp_path / "out"
    if out.is_dir() and holder(out) is not None:  # a test has failed halfway
        os.kill(driver(out), signal.SIGKILL)


def driver(out: Path) -> int:
    found = re.match(r"pid (\d+) on ", str(holder(out)))
    assert found is not None
    return int(found[1])


def start(panel: MonitorPanel, config: Path) -> RunView:
    out = config.parent / "out"
    arguments = ["run", str(config), "--output", str(out), "--plain"]
    return panel.start_run(out, arguments, config.parent)


def states(view: RunView) -> dict[str, str]:
    return {row.parts[3]: row.state for row in view.jobs.table.rows.values()}


def ended(view: RunView) -> bool:
    return view.facts.phase in ("ended", "stopped", "killed") and not view._starting


@pytest.mark.slow
def test_a_run_outlives_the_window(qtbot, panels: Shop, project: Project, desktop: Desktop) -> None:
    once = odd("crash once", mark=str(project.folder / "mark"))
    methods = ["saliency", once, odd("slow", steps=40), odd("segfault")]
    execution = {"threads": 1, "devices": ["cpu"], "retries": 0}
    panel = panels()
    view = start(panel, project.config(methods, execution=execution))
    assert view.head.state.text() == "starting…"
    assert view.head.buttons["stop now"].isEnabled()
    qtbot.waitUntil(lambda: view.facts.phase == "at work", timeout=LONG)
    qtbot.waitUntil(lambda: states(view).get("slow") == "running", timeout=LONG)
    panels.close(panel)
    again = panels()
    out = project.folder / "out"
    assert [run.folder for run in again.runs()] == [out], "it was at work, and is there again"
    view = again.runs()[0]
    qtbot.waitUntil(lambda: states(view).get("slow") == "running", timeout=LONG)
    running = view.jobs.table.running()[0]
    assert running.device == "cpu"
    qtbot.waitUntil(lambda: view.jobs.table.running()[0].part > 0.3, timeout=LONG)
    qtbot.waitUntil(lambda: ended(view), timeout=LONG)
    assert states(view) == {
        "saliency": "done",
        "crash once": "failed",
        "slow": "done",
        "segfault": "failed",
    }
    assert view.facts.phase == "ended"
    assert view.head.state.text() == "ended"
    view.choose("a/net/predicted/segfault")
    assert "SIGSEGV" in view.details.reason.text()
    qtbot.waitUntil(lambda: "process died" in view.details.remedy.text())
    qtbot.waitUntil(lambda: "Segmentation fault" in view.details.log.toPlainText())
    view.choose("a/net/predicted/crash once")
    qtbot.waitUntil(lambda: "how: crash once" in view.details.log.toPlainText())
    view.head.buttons["report"].click()
    assert desktop.opened == [str(out / "report.html")]
    # And once more what has failed.
    before = view.facts.begun
    view.head.buttons["retry"].click()
    assert view.head.state.text() == "starting…"
    qtbot.waitUntil(lambda: view.facts.begun > before, timeout=LONG)
    qtbot.waitUntil(lambda: ended(view), timeout=LONG)
    assert states(view)["crash once"] == "done"
    assert states(view)["segfault"] == "failed"


@pytest.mark.slow
def test_a_run_that_is_killed_from_outside(qtbot, panels: Shop, project: Project) -> None:
    mark = project.folder / "mark"
    methods = ["saliency", odd("hang", mark=str(mark)), {"use": "rise", "with": {"masks": 20}}]
    view = start(panels(), project.config(methods))
    qtbot.waitUntil(lambda: states(view).get("hang") == "running", timeout=LONG)
    out = project.folder / "out"
    qtbot.waitUntil(mark.exists, timeout=LONG)

    def kill() -> None:
        os.kill(driver(out), signal.SIGKILL)
        qtbot.waitUntil(lambda: view.facts.phase == "killed", timeout=LONG)

    assert Heart().during(kill) < 0.1, "the window goes on meanwhile"
    qtbot.waitUntil(lambda: states(view)["hang"] == "interrupted")
    assert states(view) == {"saliency": "done", "hang": "interrupted", "rise": "pending"}
    assert (out / ".lock").exists(), "a lock that is left over, and that nobody holds"
    assert view.head.state.text() == "killed"
    assert "killed from outside" in view.banner.label.text()
    assert "1 interrupted" in view.head.summary.text()
    view.choose("a/net/predicted/hang")
    assert "Resume" in view.details.remedy.text()
    # It hangs once only.
    view.head.buttons["resume"].click()
    qtbot.waitUntil(lambda: view.facts.begun == 2, timeout=LONG)
    assert not view.banner.isVisible()
    qtbot.waitUntil(lambda: ended(view), timeout=LONG)
    assert states(view) == {"saliency": "done", "hang": "done", "rise": "done"}
    assert view.head.buttons["view"].isEnabled()
    assert not view.head.buttons["resume"].isEnabled()


@pytest.mark.slow
def test_a_run_is_stopped_soon_and_at_once(qtbot, panels: Shop, project: Project) -> None:
    late = odd("slow", steps=30)
    late["timeout"] = 1
    methods = [
        late,
        {**odd("slow", steps=40), "name": "two"},
        {**odd("slow", steps=900), "name": "x"},
    ]
    view = start(panels(), project.config(methods))
    qtbot.waitUntil(lambda: states(view).get("two") == "running", timeout=LONG)
    assert states(view)["slow"] == "timed out"
    view.choose("a/net/predicted/slow")
    assert "It took longer than 1.0 s" in view.details.reason.text()
    assert "more time" in view.details.remedy.text()
    view.head.buttons["stop"].click()
    assert not view.head.buttons["stop"].isEnabled()
    qtbot.waitUntil(lambda: view.head.state.text() == "stopping", timeout=LONG)
    assert "running jobs end first" in view.banner.label.text()
    qtbot.waitUntil(lambda: ended(view), timeout=LONG)
    assert states(view) == {"slow": "timed out", "two": "done", "x": "pending"}
    assert view.head.state.text() == "stopped"
    assert "esegeta stop" in view.banner.label.text()
    view.head.buttons["resume"].click()
    qtbot.waitUntil(lambda: states(view)["x"] == "running", timeout=LONG)
    began = time.monotonic()
    view.head.buttons["stop now"].click()
    qtbot.waitUntil(lambda: ended(view), timeout=LONG)
    assert time.monotonic() - began < 60
    qtbot.waitUntil(lambda: states(view)["x"] == "interrupted")


@pytest.mark.slow
def test_a_run_that_does_not_begin(qtbot, panels: Shop, project: Project) -> None:
    panel = panels()
    view = start(panel, project.config(["no_such_method"]))
    qtbot.waitUntil(view.banner.isVisible, timeout=LONG)
    said = view.banner.label.text()
    assert said.startswith("The run did not begin: ")
    assert "no_such_method" in said
    assert view.banner.property("kind") == "wrong"
    # What it left does not keep a right one from beginning.
    view = start(panel, project.config(["saliency"]))
    assert (project.folder / "out" / OUTPUT).is_file()
    # Stopped before it begins.
    view.head.buttons["stop now"].click()
    qtbot.waitUntil(lambda: not view._starting, timeout=LONG)
    assert view.facts.begun == 0
    view = start(panel, project.config(["saliency"]))
    qtbot.waitUntil(lambda: ended(view), timeout=LONG)
    assert states(view) == {"saliency": "done"}


def test_a_folder_that_cannot_be_written_is_told(qtbot, panels: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    view = panels().start_run(tmp_path / "file" / "out", ["run", "config.json"])
    assert view.banner.isVisible()
    assert "cannot be written" in view.banner.label.text()
    assert view.head.state.text() != "starting…"


def test_nothing_is_stopped_where_nobody_is_at_work(qtbot, panels: Shop, tmp_path: Path) -> None:
    """The command's own words are shown, as when a run has ended before it was asked to."""
    view = panels().open_run(tmp_path)
    qtbot.waitUntil(view.banner.isVisible)
    view._wanted("stop")
    expected = f"there is nothing to stop: no esegeta is at work in {tmp_path}"
    qtbot.waitUntil(lambda: view.banner.label.text() == expected, timeout=LONG)


def test_settings_are_those_of_the_test(panels: Shop, tmp_path: Path) -> None:
    assert isinstance(panels.store, QSettings)
    assert panels.store.fileName().startswith(str(tmp_path))
