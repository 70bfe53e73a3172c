"""What a person does from an empty wizard to a map, by mouse and keyboard, on a real screen.

``python -m tests.gui.journeys NAME FOLDER`` goes through one of `JOURNEYS`; `test_journeys` starts it on
a screen of its own. Mouse and keys go to the window, not to a widget: what is covered, out of sight or
without the keyboard is not reached.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from esegeta.gui.places import warm
from esegeta.gui.recent import Settings
from esegeta.gui.window import STEPS, Window
from PySide6.QtCore import QPoint, QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QScrollArea, QWidget

from tests.conftest import DATA

LONG = 90.0
"""Seconds that anything may take."""
PAUSE = 400
"""Milliseconds until a dialog or menu is there."""
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


@dataclass(frozen=True)
class Journey:
    """What is typed and picked."""

    file: str
    name: str
    image: str
    task: str
    classes: str
    steps: tuple[tuple[str, str, str], ...]
    target: str
    methods: tuple[str, ...]
    weights: str = ""


CONFIGS = Path(__file__).parents[2] / "configs"
JOURNEYS = {
    "demo": Journey(
        file="esegeta.demo",
        name="digit_network",
        image=str(CONFIGS / "data" / "digit_8_1453.png"),
        task="classification",
        classes=", ".join(f'"{digit}"' for digit in range(10)),
        steps=(("ChannelNormalization", "mean", "[0.2]"), ("", "std", "[0.32]")),
        target="8",
        methods=("saliency", "rise"),
    ),
    "brain": Journey(
        file=str(DATA / "models" / "unet3d.py"),
        name="UNet3D",
        weights=str(DATA / "brain_t1" / "unet3d_whole.safetensors"),
        image=str(DATA / "brain_t1" / "t1.nii.gz"),
        task="segmentation",
        classes="background, brain",
        steps=(("Resample", "target", "4"), ("ZNormalization", "masking_method", "mean")),
        target="brain",
        methods=("saliency", "input_x_gradient"),
    ),
}


def until(condition: Callable[[], Any], what: str) -> None:
    """Let the wizard go on until something is so."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        QTest.qWait(20)


def front(window: QWidget) -> None:
    """Give a window the keyboard, as a window manager does where there is one."""
    if QApplication.focusWindow() is not window.windowHandle():
        window.activateWindow()
        until(lambda: QApplication.focusWindow() is window.windowHandle(), "the keyboard")


class Hand:
    """Mouse and keyboard."""

    def __init__(self, window: Window) -> None:
        self.window = window

    def click(self, widget: QWidget, place: QPoint | None = None) -> None:
        """Press the left button over a widget, wherever it is seen."""
        above = widget.parentWidget()
        while above is not None:
            if isinstance(above, QScrollArea):
                above.ensureWidgetVisible(widget)
            above = above.parentWidget()
        QTest.qWait(30)
        assert widget.isVisible(), widget
        assert widget.isEnabled(), widget
        top = widget.window()
        if QApplication.activePopupWidget() is None:
            front(top)
        at = widget.mapTo(top, place or widget.rect().center())
        QTest.mouseClick(top.windowHandle(), LEFT, NONE, at)
        QTest.qWait(30)

    def press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Press a key, wherever the keyboard is."""
        QTest.keyClick(QApplication.focusWindow(), key, modifiers)
        QTest.qWait(20)

    def type(self, text: str) -> None:
        """Type, wherever the keyboard is."""
        for letter in text:
            QTest.keyClick(QApplication.focusWindow(), letter)
        QTest.qWait(20)

    def write(self, widget: QWidget, text: str) -> None:
        """Write into a field, in place of what it holds."""
        self.click(widget, QPoint(12, widget.height() // 2))
        self.press(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self.type(text)

    def answer(self, path: str, act: Callable[[], None]) -> None:
        """Do what opens a file dialog, and give it a path."""
        answered = []

        def give() -> None:
            dialog = QApplication.activeModalWidget()
            assert isinstance(dialog, QFileDialog)
            front(dialog)
            self.type(path)
            answered.append(path)
            self.press(Qt.Key.Key_Return)

        QTimer.singleShot(PAUSE, give)
        act()
        assert answered, "no file dialog came"

    def pick(self, button: QWidget, name: str) -> None:
        """Choose from the menu that a button opens."""
        self.click(button)
        QTest.qWait(PAUSE)
        menu = QApplication.activePopupWidget()
        action = next(action for action in menu.actions() if action.text() == name)
        self.click(menu, menu.actionGeometry(action).center())

    def choose(self, combo: QComboBox, name: str) -> None:
        """Choose from a list by its keys."""
        self.click(combo)
        QTest.qWait(PAUSE)
        view = combo.view()
        at = view.visualRect(combo.model().index(combo.findText(name), 0)).center()
        self.click(view.viewport(), at)


def go(window: Window, journey: Journey, folder: Path) -> None:
    """From an empty wizard to the viewer."""
    hand, pages = Hand(window), window.pages

    page = pages["model"]
    hand.click(page.entries.buttons["add"])
    hand.write(page.file, journey.file)
    hand.write(page.callee.line, journey.name)
    if journey.weights:
        hand.write(page.form.editor("weights").line, journey.weights)
    hand.choose(page.form.editor("task"), shown(page.form.editor("task"), journey.task))
    hand.write(page.form.editor("classes"), journey.classes)
    hand.click(page.check)
    until(lambda: "parameters" in page.found.text(), f"the check: {page.found.text()}")
    hand.click(window.next)

    page = pages["images"]
    hand.answer(journey.image, lambda: hand.click(page.entries.buttons["add"]))
    until(lambda: page.before.values is not None, "the preview")
    hand.click(page.details.tabBar(), page.details.tabBar().tabRect(1).center())
    for name, key, value in journey.steps:
        if name:
            hand.pick(page.steps.entries.buttons["add"], name)
        hand.write(page.steps.form.editor(key), value)
    hand.click(page.preview)
    until(lambda: page.after.values is not None, "the preview of what the model sees")
    hand.click(window.next)

    page = pages["target"]
    hand.write(page.klass.line, journey.target)
    hand.click(page.prediction.predict)
    until(lambda: page.prediction.best.topLevelItemCount() > 1, "the prediction")
    hand.click(window.next)

    page = pages["methods"]
    for name in journey.methods:
        hand.write(page.search, name)
        item = page._items[name]
        hand.click(page.tree.viewport(), page.tree.visualItemRect(item).center())
        hand.press(Qt.Key.Key_Space)
    hand.click(window.next)

    page = pages["parameters"]
    until(lambda: page.entries.list.count() == len(journey.methods), "the methods' forms")
    if "rise" in journey.methods:
        row = page.entries.list.item(journey.methods.index("rise"))
        hand.click(page.entries.list.viewport(), page.entries.list.visualItemRect(row).center())
        hand.write(page.form.editor("masks"), "50")
    hand.click(window.next)

    page = window.run_page
    until(page.run.isEnabled, f"the run page: {window.wrong.text()}")
    hand.answer(str(folder / "made.json"), lambda: hand.click(page.run))
    run = folder / "runs" / "made"
    watch(window, hand, run, len(journey.methods))
    look(window, hand, run)


def shown(combo: QComboBox, name: str) -> str:
    """Give how a choice is written: the default is marked."""
    return next(t for t in map(combo.itemText, range(combo.count())) if t.startswith(name))


def watch(window: Window, hand: Hand, run: Path, jobs: int) -> None:
    """See the run through in the monitor, and open a map from there."""
    until(lambda: window.stack.currentWidget() is window.places["monitor"], "the monitor")
    (view,) = window.places["monitor"].make().runs()
    assert view.folder == run
    until(lambda: view.head.state.text() == "ended", "the end of the run")
    results = [json.loads(path.read_text()) for path in run.rglob("result.json")]
    assert [result["state"] for result in results] == ["done"] * jobs
    hand.click(view.table.viewport(), QPoint(60, view.table.rowHeight(0) // 2))
    hand.press(Qt.Key.Key_Return)


def look(window: Window, hand: Hand, run: Path) -> None:
    """See the map, move the crosshair, and put another map beside it."""
    until(lambda: window.stack.currentWidget() is window.places["viewer"], "the viewer")
    viewer = window.places["viewer"].make()
    until(lambda: viewer.columns and viewer.columns.columns[0].planes, "the map")
    plane = viewer.columns.columns[0].planes[0]
    until(lambda: plane.picture.image is not None, "the picture of the map")
    pixels = plane.picture.image
    assert pixels.std() > 1
    assert (pixels[..., 0] != pixels[..., 2]).any(), "no colour lies over the grey image"
    before = viewer.stage.scene.voxel
    hand.click(plane.viewport(), QPoint(plane.width() // 2, plane.height() // 2))
    hand.press(Qt.Key.Key_Left)
    until(lambda: viewer.stage.scene.voxel != before, "the crosshair")
    hand.press(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    hand.press(Qt.Key.Key_Down)
    hand.press(Qt.Key.Key_Space)
    until(lambda: len(viewer.columns.columns) > 1, "two maps side by side")
    assert viewer.folder == run


def main(name: str, folder: Path) -> None:
    """Go through a journey; print the longest halts of the event loop, in its thread's own seconds."""
    os.chdir(folder)
    app = QApplication([])
    assert app.platformName() == "xcb"
    store = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    window = Window(Settings(store))
    window.resize(1366, 768)
    window.show()
    front(window)
    window.session.start()
    libraries = threading.Thread(target=warm, daemon=True)  # as the wizard itself does
    libraries.start()
    until(lambda: window.session.server.serves and not libraries.is_alive(), "the plug-ins")
    beats: list[float] = []
    heart = QTimer(interval=5)
    heart.timeout.connect(lambda: beats.append(time.thread_time()))
    heart.start()
    assert window.stack.currentWidget() is window.pages[STEPS[0]]
    go(window, JOURNEYS[name], folder)
    heart.stop()
    window.session.document._saved = window.session.document.data
    window.close()
    print(json.dumps(sorted((round(b - a, 3) for a, b in pairwise(beats)), reverse=True)[:8]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
