"""Every text of the wizard is there in German, and is shown where German is chosen."""

import ast
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from esegeta.gui import language
from esegeta.gui.document import Document
from esegeta.gui.translations import FOLDER, LANGUAGES, install
from esegeta.gui.window import STEPS, Window
from PySide6.QtCore import QCoreApplication, QEvent, QLocale
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QPushButton, QTabBar

GUI = FOLDER.parent
SOURCES = sorted(path for path in GUI.rglob("*.py"))
TOOLS = Path(sys.executable).parent


def said():
    """The texts that the sources say: what stands in ``tr("…")``, in f-strings as well."""
    found = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr":
                (text,) = node.args
                assert isinstance(text, ast.Constant), f"{path}:{node.lineno}: not a literal"
                found[text.value] = f"{path}:{node.lineno}"
    return found


SAID = said()  # now: Python 3.11 fails to parse while threads, such as the viewer's, parse as well


def translated(file):
    """Each text with its translation; one that is not finished is none."""
    found = {}
    for message in ElementTree.parse(file).getroot().iter("message"):
        translation = message.find("translation")
        finished = translation.get("type") is None and bool(translation.text)
        found[message.find("source").text] = translation.text if finished else None
    return found


@pytest.fixture
def german(qtbot):
    app = QApplication.instance()
    install(app, "de")
    yield app
    install(app, "en")
    language.speak(str)


def test_every_text_has_a_german_translation():
    texts, there = SAID, translated(FOLDER / "esegeta_de.ts")
    lost = {text: place for text, place in texts.items() if not there.get(text)}
    assert not lost, "run `make translations`, then translate these"
    assert set(there) == set(texts), "run `make translations`: some texts are no longer said"
    assert len(texts) > 400


@pytest.mark.parametrize("mark", ["%s", "%d", "%r", "%(ended)s", "%.0f"])
def test_translations_hold_the_same_places_for_values(mark):
    for text, translation in translated(FOLDER / "esegeta_de.ts").items():
        assert text.count(mark) == translation.count(mark), text


def test_lupdate_finds_what_the_sources_say(tmp_path):
    file = tmp_path / "esegeta_de.ts"
    shutil.copy(FOLDER / "esegeta_de.ts", file)
    command = [TOOLS / "pyside6-lupdate", "-locations", "none", "-no-obsolete", *SOURCES]
    subprocess.run([*command, "-ts", file], check=True, capture_output=True)
    assert set(translated(file)) == set(SAID)


def test_what_is_loaded_is_what_is_translated(tmp_path):
    made = tmp_path / "made.qm"
    command = [TOOLS / "pyside6-lrelease", FOLDER / "esegeta_de.ts", "-qm", made]
    subprocess.run(command, check=True, capture_output=True)
    assert made.read_bytes() == (FOLDER / "esegeta_de.qm").read_bytes(), "run `make translations`"


def test_the_window_speaks_german(german, qtbot, served, settings):
    window = Window(settings)
    window.session._ready(json.loads(json.dumps(served[1])))
    window.show()
    titles = [window.steps.item(row).text().split("  ")[1] for row in range(len(STEPS))]
    assert titles == ["Modell", "Bilder", "Ziel", "Methoden", "Parameter", "Lauf"]
    for name in (*STEPS, *window.places):
        window.go(name)
        QApplication.processEvents()
    english = set(SAID) - set(translated(FOLDER / "esegeta_de.ts").values())
    shown = {part.text() for kind in (QLabel, QPushButton) for part in window.findChildren(kind)}
    assert "Vorverarbeitung" not in english
    assert shown & english == set()
    assert "Datei" in window.menuBar().actions()[0].text()
    window.session.close()
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def letters(window):
    """Each letter that works with Alt, with all that it stands for on what is seen."""
    found = {}
    texts = [action.text() for action in window.menuBar().actions()]
    texts += [one.text() for one in window.findChildren(QAbstractButton) if one.isVisible()]
    texts += [one.text() for one in window.findChildren(QLabel) if one.isVisible() and one.buddy()]
    for bar in window.findChildren(QTabBar):
        texts += [bar.tabText(at) for at in range(bar.count())] if bar.isVisible() else []
    for text in texts:
        found.setdefault(QKeySequence.mnemonic(text).toString(), []).append(text)
    found.pop("", None)
    return found


@pytest.mark.parametrize("code", ["en", "de"])
def test_no_letter_stands_for_two_things(german, qtbot, served, settings, code):
    install(german, code)
    window = Window(settings)
    window.session._ready(json.loads(json.dumps(served[1])))
    window.session.replace(Document.open("demo"))
    window.show()
    for name in (*STEPS, *window.places):
        window.go(name)
        QApplication.processEvents()
        twice = {key: texts for key, texts in letters(window).items() if len(texts) > 1}
        assert not twice, (name, twice)
        assert len(letters(window)) >= 5
    window.session.document._saved = window.session.document.data
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def test_a_language_is_chosen_in_the_menu_and_kept(german, window):
    window.actions_.made["language_de"].trigger()
    assert window.settings.language == "de"
    assert window.banner.label.text() == "Beim nächsten Start spricht der Assistent Deutsch."
    window.actions_.made["language_en"].trigger()
    assert window.settings.language == "en"
    assert "English" in window.banner.label.text()


@pytest.mark.parametrize(("system", "code"), [("de_AT", "de"), ("en_GB", "en"), ("fr_FR", "en")])
def test_the_language_of_the_system_is_taken(german, monkeypatch, system, code):
    monkeypatch.setattr(QLocale, "system", lambda: QLocale(system))
    assert install(german, "system") == code
    assert set(LANGUAGES) == {"en", "de"}
