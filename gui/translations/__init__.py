"""The wizard in other languages: made by Qt's lupdate and lrelease (``make translations``)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from ..language import speak

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""By their codes; English is the language of the sources."""

FOLDER = Path(__file__).parent


def chosen(name: str) -> str:
    """Give the code of a language; of the ``system``'s, where the wizard speaks it, else English."""
    code = QLocale.system().uiLanguages()[0][:2] if name == "system" else name
    return code if code in LANGUAGES else "en"


def install(app: QCoreApplication, name: str) -> str:
    """Let all that is made from now on speak a language, or the ``system``'s; give its code."""
    for translator in app.findChildren(QTranslator):
        app.removeTranslator(translator)
        translator.deleteLater()
    code = chosen(name)
    qt = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for folder, stem in ((qt, "qtbase"), (str(FOLDER), "esegeta")):
        translator = QTranslator(app)
        if translator.load(f"{stem}_{code}", folder):
            app.installTranslator(translator)
    speak(partial(QCoreApplication.translate, ""))
    return code
