"""What there is of the selected job: why it failed and what mends it, its log, and its details."""

from __future__ import annotations

import html
import time

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QTabWidget, QTextBrowser, QVBoxLayout, QWidget

from ..language import tr
from . import words
from .rows import Chosen, Row

BLOCKS = 3000
"""Lines of a log that are kept."""


class Log(QPlainTextEdit):
    """The end of a log; it follows where its end is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("log")
        self.setReadOnly(True)
        self.setMaximumBlockCount(BLOCKS)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setTabChangesFocus(True)
        self._follows = True
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._grown)
        bar.valueChanged.connect(self._scrolled)
        self.setStyleSheet("QPlainTextEdit#log { font-family: monospace; }")

    def add(self, text: str, *, anew: bool) -> None:
        """Add text, or put it in the place of all."""
        if anew:
            self.clear()
            self._follows = True
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)

    def _grown(self) -> None:
        """Go on to the end: there is more text, or less room for it."""
        if self._follows:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _scrolled(self, value: int) -> None:
        self._follows = value >= self.verticalScrollBar().maximum()


class Details(QWidget):
    """Shows one job, or the run where none is selected."""

    def __init__(self) -> None:
        super().__init__()
        self._row: Row | None = None
        self._chosen = Chosen(None)
        self._listed: list[tuple[str, str]] = []
        self.title, self.reason, self.remedy = QLabel(), QLabel(), QLabel()
        for label, role in (
            (self.title, "heading"),
            (self.reason, "wrong"),
            (self.remedy, "quiet"),
        ):
            label.setProperty("role", role)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.log = Log()
        self.log.setAccessibleName(tr("Log"))
        self.log.setPlaceholderText(tr("Nothing has been logged."))
        self.facts = QTextBrowser(openLinks=False)
        self.facts.setAccessibleName(tr("Details"))
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.addTab(self.log, tr("&Log"))
        self.tabs.addTab(self.facts, tr("&Details"))
        self.tabs.currentChanged.connect(lambda _: self._list())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(3)
        for widget in (self.title, self.reason, self.remedy):
            column.addWidget(widget)
        column.addWidget(self.tabs, 1)
        self.choose(None)

    def choose(self, row: Row | None) -> None:
        """Show another job; None for the run."""
        self._chosen = Chosen(None if row is None else row.id)
        self.log.clear()
        self.update_row(row)
        self.tabs.setTabEnabled(1, row is not None)

    def update_row(self, row: Row | None) -> None:
        """Show what has become of the job."""
        self._row = row
        mark = "" if row is None else f"{words.MARKS[row.state]} {words.state(row.state)}   "
        self.title.setText(tr("Log of the run") if row is None else f"{mark}{row.id}")
        reason = "" if row is None else _capital(row.reason or "")
        self.reason.setText(reason if len(reason) <= 500 else f"{reason[:500]}…")
        self.reason.setToolTip(reason)
        self.reason.setVisible(bool(reason))
        self._advise()
        self._list()

    def take(self, chosen: Chosen) -> None:
        """Show what was added to the job's log, and its result."""
        if chosen.job != self._chosen.job:  # of the one that was selected before
            return
        if chosen.text or chosen.anew:
            self.log.add(chosen.text, anew=chosen.anew)
        self._chosen = chosen
        self._advise()
        self._list()

    def _advise(self) -> None:
        text = "" if self._row is None else words.remedy(self._row, self._chosen.result)
        self.remedy.setText(text)
        self.remedy.setVisible(bool(text))

    def _list(self) -> None:
        """List the details, where they are seen and have changed."""
        if self._row is None or self.tabs.currentIndex() != 1:
            return
        listed = words.details(self._row, self._chosen.result, time.monotonic())
        if listed == self._listed:
            return
        self._listed = listed
        rows = [
            f"<tr><td style='padding-right: 16px'><b>{html.escape(title)}</b></td>"
            f"<td><pre style='white-space: pre-wrap'>{html.escape(text)}</pre></td></tr>"
            for title, text in listed
        ]
        bar = self.facts.verticalScrollBar()
        at = bar.value()
        self.facts.setHtml(f"<table>{''.join(rows)}</table>")
        bar.setValue(at)


def _capital(text: str) -> str:
    """Begin a sentence with a capital, but leave names of errors and files as they are."""
    word = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if word.isalpha() and word.islower() else text
