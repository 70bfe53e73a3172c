"""From an empty wizard to a finished run and its map, by mouse and keyboard, with all processes real."""

import json

import pytest
from esegeta.gui.window import Window
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QFileDialog

LONG = 60_000


@pytest.fixture
def wizard(qtbot, settings, small, monkeypatch):
    """An empty wizard beside a network and an image, which has read its plug-ins."""
    monkeypatch.chdir(small.parent)
    window = Window(settings)
    window.resize(1366, 768)
    window.show()
    with qtbot.waitSignal(window.session.server.ready, timeout=LONG):
        window.session.start()
    yield window
    monkeypatch.setattr(window.files, "ask", lambda: True)
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def click(qtbot, widget):
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


@pytest.mark.slow
def test_a_config_is_made_run_and_looked_at(qtbot, wizard, small, monkeypatch):
    session, pages = wizard.session, wizard.pages

    # 1 Model
    page = pages["model"]
    click(qtbot, page.entries.buttons["add"])
    qtbot.keyClicks(page.file, "net.py")
    qtbot.keyClicks(page.callee.line, "Net")
    qtbot.keyClicks(page.form.editor("classes"), "cat, dog, cow")
    click(qtbot, page.check)
    qtbot.waitUntil(lambda: not page.helper.running, timeout=LONG)
    qtbot.waitUntil(lambda: "parameters" in page.found.text(), timeout=LONG)
    assert "Shapes need an image" in page.found.text()
    click(qtbot, wizard.next)

    # 2 Images
    picked = [str(small.parent / "square.npy")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (picked, ""))
    page = pages["images"]
    click(qtbot, page.entries.buttons["add"])
    qtbot.waitUntil(lambda: page.before.values is not None, timeout=LONG)
    click(qtbot, wizard.next)

    # 3 Target
    page = pages["target"]
    click(qtbot, page.prediction.predict)
    qtbot.waitUntil(lambda: page.prediction.best.topLevelItemCount() == 3, timeout=LONG)
    page.klass.line.selectAll()
    qtbot.keyClicks(page.klass.line, "dog")
    click(qtbot, wizard.next)

    # 4 Methods
    page = pages["methods"]
    for name in ("saliency", "rise", "grad_cam"):
        page.tree.setCurrentItem(page._items[name])
        qtbot.keyClick(page.tree, Qt.Key.Key_Space)
    click(qtbot, wizard.next)

    # 5 Parameters
    page = pages["parameters"]
    page.entries.select(1)
    qtbot.keyClicks(page.form.editor("masks"), "0")
    qtbot.waitUntil(lambda: "outside its bounds" in page.form.problem("masks"), timeout=LONG)
    qtbot.keyClick(page.form.editor("masks"), Qt.Key.Key_Backspace)
    qtbot.keyClicks(page.form.editor("masks"), "12")
    page.entries.select(2)
    page.layers.line.selectAll()
    qtbot.keyClicks(page.layers.line, "conv")
    click(qtbot, wizard.next)

    # 6 Run
    page = wizard.run_page
    qtbot.waitUntil(page.run.isEnabled, timeout=LONG)
    saved = small.parent / "made.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))
    click(qtbot, page.run)
    made = json.loads(saved.read_text())
    assert made["methods"] == [
        "saliency",
        {"use": "rise", "with": {"masks": 12}},
        {"use": "grad_cam", "layers": ["conv"]},
    ]
    assert made["target"] == {"class": "dog"}

    # Monitor, and from there the viewer
    folder = small.parent / "runs" / "made"
    qtbot.waitUntil(lambda: wizard.stack.currentWidget() is wizard.places["monitor"], timeout=LONG)
    qtbot.waitUntil(lambda: len(list(folder.rglob("result.json"))) == 3, timeout=LONG)
    results = [json.loads(path.read_text()) for path in folder.rglob("result.json")]
    assert {result["state"] for result in results} == {"done"}
    job = str(next(folder.rglob("rise")).relative_to(folder))
    wizard.places["monitor"].make().view_requested.emit(folder, job)
    assert wizard.stack.currentWidget() is wizard.places["viewer"]
    viewer = wizard.places["viewer"].make()
    qtbot.waitUntil(lambda: viewer.folder == folder, timeout=LONG)

    # Opened again, the run brings its config along, to be saved under another name.
    wizard.files.load(folder)
    assert session.document.file is None
    assert session.document.data["target"] == {"class": "dog"}
    assert wizard.stack.currentWidget() is wizard.places["monitor"]
