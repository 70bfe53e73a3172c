"""The monitor's widgets, over run folders that were written beforehand."""

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from esegeta.gui.monitor.details import Details
from esegeta.gui.monitor.panel import MonitorPanel
from esegeta.gui.monitor.rows import Chosen, Row
from esegeta.gui.monitor.run import RunView
from PySide6.QtCore import QEvent, QObject, QPoint, QSettings, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from esegeta.runs.lock import locked
from tests.gui.monitoring import Folder, line

Key = Qt.Key


class Shop:
    """Makes panels that share a memory, and closes them."""

    def __init__(self, tmp_path: Path) -> None:
        self.store = QSettings(str(tmp_path / "store.ini"), QSettings.Format.IniFormat)
        self.panels: list[MonitorPanel] = []

    def __call__(self) -> MonitorPanel:
        panel = MonitorPanel(self.store)
        self.panels.append(panel)
        panel.resize(1100, 700)
        panel.show()
        return panel

    def close(self, panel: MonitorPanel) -> None:
        """As a window that is closed does: nobody says more to the panel."""
        self.panels.remove(panel)
        panel.close()
        panel.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def panels(qapp, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    for panel in list(shop.panels):
        shop.close(panel)


def busy(folder: Folder) -> None:
    """Write a run that is at work: one job of each state."""
    one, two, three, _ = folder.ids
    folder.starts()
    folder.add(line("started", one), line("finished", one, seconds=3.0))
    folder.add(line("started", two), line("failed", two, message="so it is", seconds=1.0))
    folder.add(line("started", three, time.time(), pid=7, device="cpu", host="here"))
    folder.add(line("progress", three, time.time(), done=2, total=8))
    folder.result(one, "done", seconds=3.0)
    error = {"kind": "ValueError", "message": "so it is", "traceback": "Traceback of it"}
    folder.result(two, "failed", error=error)
    for job, text in ((one, "fine\n"), (two, "broken\n")):
        (folder.root / job / "job.log").write_text(text)
    (folder.root / "run.log").write_text("the run began\n")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "run")
    busy(made)
    return made


def texts(view: RunView, column: int = 0) -> list[str]:
    return [view.jobs.index(row, column).data() for row in range(view.jobs.rowCount())]


def test_states_progress_and_logs_are_shown(qtbot, panels: Shop, folder: Folder) -> None:
    panel = panels()
    with locked(folder.root):
        view = panel.open_run(folder.root)
        qtbot.waitUntil(lambda: view.jobs.rowCount() == 4)
        assert texts(view) == ["✓ done", "✗ failed", "▶ running", "· pending"]
        assert texts(view, 1) == [f"method_{index}" for index in range(4)]
        assert texts(view, 6)[2] == "2 / 8"
        assert texts(view, 7)[:2] == ["3.0 s", "1.0 s"]
        assert view.head.state.text() == "at work"
        assert "2 of 4 jobs  ·  1 failed" in view.head.summary.text()
        assert panel.tabs.tabText(0) == "▶ written 56%"
        assert view.kinds.itemText(2) == "Failed (1)"
        qtbot.waitUntil(lambda: view.details.log.toPlainText() == "the run began\n")
        view.choose(folder.ids[1])
        qtbot.waitUntil(lambda: view.details.log.toPlainText() == "broken\n")
        assert view.details.reason.text() == "So it is"
        qtbot.waitUntil(lambda: "Details" in view.details.remedy.text())
        view.details.tabs.setCurrentIndex(1)
        assert "Traceback of it" in view.details.facts.toPlainText()
        with (folder.root / folder.ids[1] / "job.log").open("a") as log:
            log.write("and more\n")
        qtbot.waitUntil(lambda: view.details.log.toPlainText() == "broken\nand more\n")
        # A job begins: its row, the bar and what can be asked for follow.
        assert not view.head.buttons["resume"].isEnabled()
        folder.add(line("finished", folder.ids[2], seconds=2.0))
        qtbot.waitUntil(lambda: texts(view)[2] == "✓ done")
    qtbot.waitUntil(view.head.buttons["resume"].isEnabled)
    assert view.head.state.text() == "killed"
    assert view.banner.isVisible()
    assert "killed from outside" in view.banner.label.text()
    assert view.banner.property("kind") == "wrong"


def test_the_keyboard_does_it_all(qtbot, panels: Shop, folder: Folder) -> None:
    panel = panels()
    with locked(folder.root):
        view = panel.open_run(folder.root)
        qtbot.waitUntil(lambda: view.jobs.rowCount() == 4)
        panel.activateWindow()
        view.table.setFocus()
        qtbot.waitUntil(view.table.hasFocus)
        assert view.selected == folder.ids[0]
        assert view.head.buttons["view"].isEnabled()
        with qtbot.waitSignal(panel.view_requested) as asked:
            qtbot.keyClick(view.table, Key.Key_Return)
        assert asked.args == [folder.root, folder.ids[0]]
        qtbot.keyClick(view.table, Key.Key_Down)
        assert view.selected == folder.ids[1]
        assert not view.head.buttons["view"].isEnabled()
        qtbot.keyClick(view.table, Key.Key_Return)
        assert view.details.log.hasFocus(), "there is no map, but a reason"
        qtbot.keyClick(view.details.log, Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert view.search.hasFocus()
        qtbot.keyClicks(view.search, "method_3")
        assert texts(view, 1) == ["method_3"]
        assert view.selected == folder.ids[1], "what is read stays"
        qtbot.keyClick(view.search, Key.Key_Escape)
        assert len(texts(view)) == 4
        assert view.table.currentIndex().row() == 1
        view.table.setFocus()
        qtbot.keyClick(view.table, Key.Key_Escape)
        assert view.selected is None
        assert view.details.title.text() == "Log of the run"


def test_the_mouse_opens_a_map_and_sorts(qtbot, panels: Shop, folder: Folder) -> None:
    panel = panels()
    with locked(folder.root):
        view = panel.open_run(folder.root)
        qtbot.waitUntil(lambda: view.jobs.rowCount() == 4)
        place = view.table.visualRect(view.jobs.index(0, 1)).center()
        with qtbot.waitSignal(panel.view_requested) as asked:
            qtbot.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
            qtbot.mouseDClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert asked.args == [folder.root, folder.ids[0]]
        header = view.table.horizontalHeader()
        at = header.sectionViewportPosition(0) + 20
        button = Qt.MouseButton.LeftButton
        qtbot.mouseClick(header.viewport(), button, pos=QPoint(at, header.height() // 2))
        assert texts(view) == ["▶ running", "✗ failed", "· pending", "✓ done"]
        assert view.selected == folder.ids[0]
        assert view.table.currentIndex().row() == 3, "what is selected goes with its row"
        # A change moves it again, and the selection with it.
        folder.add(line("failed", folder.ids[2], message="too", seconds=1.0))
        qtbot.waitUntil(lambda: "running" not in " ".join(texts(view)))
        assert view.table.currentIndex().row() == 3
        view.kinds.setCurrentIndex(view.kinds.findData("failed"))
        assert texts(view, 1) == ["method_1", "method_2"]
        assert not view.table.currentIndex().isValid()
        view.kinds.setCurrentIndex(0)
        assert view.table.currentIndex().row() == 3


def test_several_runs_and_no_run(qtbot, panels: Shop, folder: Folder, tmp_path: Path) -> None:
    panel = panels()
    assert panel.stack.currentIndex() == 0
    assert "No run is open" in panel.stack.currentWidget().findChild(QObject, "empty").text()
    first = panel.open_run(folder.root)
    other = Folder(tmp_path / "other", methods=2)
    other.starts()
    second = panel.open_run(other.root, other.ids[1])
    assert panel.open_run(folder.root) is first
    assert panel.runs() == [first, second]
    assert panel.tabs.currentWidget() is first
    qtbot.waitUntil(lambda: second.jobs.rowCount() == 2)
    assert second.selected == other.ids[1]
    nowhere = panel.open_run(tmp_path / "nowhere")
    qtbot.waitUntil(nowhere.banner.isVisible)
    assert "There is no run in" in nowhere.banner.label.text()
    assert not any(made.isEnabled() for made in nowhere.head.buttons.values())
    for _ in range(3):
        panel.close_run(0)
    assert panel.stack.currentIndex() == 0


class Desktop(QObject):
    """Opens files in place of the desktop."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.opened.append(url.toLocalFile())


@pytest.fixture
def desktop() -> Iterator[Desktop]:
    made = Desktop()
    QDesktopServices.setUrlHandler("file", made, "take")
    yield made
    QDesktopServices.unsetUrlHandler("file")


def test_folders_are_opened(qtbot, panels: Shop, folder: Folder, desktop: Desktop) -> None:
    view = panels().open_run(folder.root)
    qtbot.waitUntil(lambda: view.jobs.rowCount() == 4)
    view.head.buttons["folder"].click()
    view.choose(folder.ids[0])
    view.head.buttons["folder"].click()
    assert desktop.opened == [str(folder.root), str(folder.root / folder.ids[0])]


def test_a_message_that_was_closed_stays_closed(qtbot, panels: Shop, folder: Folder) -> None:
    view = panels().open_run(folder.root)
    qtbot.waitUntil(view.banner.isVisible)
    view.banner.hide()
    folder.add(line("finished", folder.ids[2], seconds=1.0))
    qtbot.waitUntil(lambda: texts(view)[2] == "✓ done")
    assert not view.banner.isVisible()


def test_a_log_follows_its_end_unless_one_reads_above(qtbot, panels: Shop, folder: Folder) -> None:
    log = folder.root / "run.log"
    log.write_text("line\n" * 500)
    view = panels().open_run(folder.root)
    shown = view.details.log
    qtbot.waitUntil(lambda: shown.blockCount() == 501)
    bar = shown.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    with log.open("a") as file:
        file.write("more\n" * 10)
    qtbot.waitUntil(lambda: shown.blockCount() == 511)
    assert bar.value() == bar.maximum()
    bar.setValue(5)
    with log.open("a") as file:
        file.write("more\n" * 10)
    qtbot.waitUntil(lambda: shown.blockCount() == 521)
    assert bar.value() == 5
    with log.open("a") as file:
        file.write("more\n" * 9000)
    qtbot.waitUntil(lambda: shown.blockCount() == 3000)


def test_what_was_read_of_another_job_is_not_shown(qtbot) -> None:
    """The thread may have read it before it knew of the choice."""
    details = Details()
    qtbot.addWidget(details)
    details.choose(Row("a/b/c/d", 0, "failed", reason="so"))
    details.take(Chosen("a/b/c/other", "of another\n", anew=True))
    assert details.log.toPlainText() == ""
    details.take(Chosen("a/b/c/d", "its own\n", anew=True))
    assert details.log.toPlainText() == "its own\n"


def test_nothing_is_left_of_a_closed_panel(qtbot, panels: Shop, folder: Folder) -> None:
    def threads() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "watch run"]

    panel = panels()
    panel.open_run(folder.root)
    qtbot.waitUntil(lambda: panel.runs()[0].jobs.rowCount() == 4)
    assert len(threads()) == 1
    panels.close(panel)
    qtbot.waitUntil(lambda: not threads())
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is RunView and _lives(one)]


def _lives(widget: QObject) -> bool:
    import shiboken6

    return bool(shiboken6.isValid(widget))


def test_only_runs_at_work_are_there_again(qtbot, panels: Shop, folder: Folder, tmp_path) -> None:
    other = Folder(tmp_path / "other")
    first = panels()
    first.open_run(folder.root)
    first.open_run(other.root)
    with locked(folder.root):
        panels.close(first)
        again = panels()
        assert [view.folder for view in again.runs()] == [folder.root]
        qtbot.waitUntil(lambda: again.runs()[0].head.state.text() == "at work")


def waited() -> float:
    """Seconds that this thread was ready to run and had no processor, as others had them all."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:  # no Linux
        return 0.0


class Heart:
    """Measures for how long the event loop is kept from beating, in seconds.

    What other programs do is not counted: machines that test are shared.
    """

    def __init__(self) -> None:
        self.worst, self._last = 0.0, (0.0, 0.0)
        self._timer = QTimer(interval=5)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.monotonic(), waited()
        beat, idle = now[0] - self._last[0], now[1] - self._last[1]
        self.worst, self._last = max(self.worst, beat - idle), now

    def during(self, do: Callable[[], None]) -> float:
        self.worst, self._last = 0.0, (time.monotonic(), waited())
        do()
        self._beat()
        return self.worst


def test_ten_thousand_jobs_keep_nobody_waiting(qtbot, panels: Shop, tmp_path: Path) -> None:
    heart, worst = Heart(), []
    for attempt in range(3):
        folder = Folder(tmp_path / f"run{attempt}", methods=20, images=500)
        folder.starts()
        done, rest = folder.ids[:5000], folder.ids[5000:]
        folder.add(
            *(
                line(event, job, done=1, total=2, seconds=1.0, pid=7, device="cpu")
                for job in done
                for event in ("started", "progress", "progress", "finished")
            )
        )
        panel = panels()

        def work(panel=panel, folder=folder, rest=rest) -> None:
            with locked(folder.root):
                view = panel.open_run(folder.root)
                qtbot.waitUntil(lambda: view.jobs.table.counts["done"] == 5000, timeout=60_000)
                for column in (7, 1, 0):
                    view.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
                    qtbot.wait(20)
                view.search.setText("method_1")
                qtbot.wait(20)
                view.search.setText("")
                view.choose(rest[0])
                for begin in range(0, 1000, 100):
                    told = rest[begin : begin + 100]
                    folder.add(*(line("started", job, time.time(), pid=7) for job in told))
                    folder.add(*(line("finished", job, seconds=1.0) for job in told))
                    qtbot.wait(50)
                qtbot.waitUntil(lambda: view.jobs.table.counts["done"] == 6000, timeout=60_000)
            qtbot.waitUntil(lambda: view.facts.phase == "killed", timeout=60_000)

        worst.append(heart.during(work))
        if worst[-1] < 0.1:
            return
        panel.close_run(0)
    raise AssertionError(f"the event loop was kept waiting: {worst}")


def test_it_starts_without_torch() -> None:
    code = (
        "import sys, esegeta.gui.monitor.panel\n"
        "heavy = ('torch', 'numpy', 'pyqtgraph', 'pydantic', 'rich', 'ray', 'pebble')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_measure_sees_a_loop_that_is_blocked(qapp) -> None:
    assert Heart().during(lambda: time.sleep(0.15)) > 0.1
