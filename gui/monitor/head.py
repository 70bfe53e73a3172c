"""The upper part of a run's view: its name and state, how far it is, and what can be asked of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..language import tr
from ..paths import short
from . import words
from .rows import Facts
from .table import Table

STEPS = 1000
"""Parts of the progress bar."""


class Head(QWidget):
    """Shows a run as a whole.

    Signals
    -------
    wanted : str
        A button: ``stop``, ``stop now``, ``retry``, ``resume``, ``view``, ``report``, ``folder``.
    """

    wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.name, self.state, self.folder, self.summary = QLabel(), QLabel(), QLabel(), QLabel()
        self.name.setProperty("role", "title")
        self.folder.setProperty("role", "quiet")
        self.folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.folder.setMinimumWidth(40)
        self.bar = QProgressBar(maximum=STEPS, textVisible=False)
        self.bar.setAccessibleName(tr("Progress of the run"))
        self.bar.setFixedHeight(12)
        self.buttons = self._make_buttons()
        first, second, third = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        first.setSpacing(12)
        first.addWidget(self.name)
        first.addWidget(self.state)
        first.addWidget(self.folder, 1)
        second.setSpacing(12)
        second.addWidget(self.bar, 1)
        second.addWidget(self.summary)
        third.setSpacing(6)
        for name, made in self.buttons.items():
            if name == "view":
                third.addStretch(1)
            third.addWidget(made)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for row in (first, second, third):
            column.addLayout(row)

    def _make_buttons(self) -> dict[str, QPushButton]:
        # No letter of the window's menus and of its Back and Next.
        labels = {
            "stop": (tr("&Stop"), tr("End after the jobs that run now")),
            "stop now": (
                tr("Stop no&w"),
                tr("End at once; running jobs are interrupted"),
            ),
            "retry": (tr("Retr&y failed"), tr("Make again what failed or timed out")),
            "resume": (tr("&Resume"), tr("Make whatever is not done")),
            "view": (tr("View &map"), tr("Look at the selected job's map (Return)")),
            "report": (tr("Open re&port"), tr("Show the report in the browser")),
            "folder": (tr("&Open folder"), tr("Show the run folder, or the job's")),
        }
        made = {}
        for name, (text, tip) in labels.items():
            made[name] = QPushButton(text, autoDefault=True)
            made[name].setToolTip(tip)
            made[name].clicked.connect(lambda _=False, name=name: self.wanted.emit(name))
        return made

    def show_run(self, facts: Facts, table: Table, *, starting: bool) -> None:
        """Show how far the run is."""
        self.name.setText(facts.name or facts.folder.name)
        headline = words.headline(facts, starting=starting)
        if self.state.text() != headline:
            self.state.setText(headline)
            wrong = facts.lost or facts.phase in ("killed", "damaged", "absent")
            self._role(self.state, "wrong" if wrong and not starting else "good")
        self.state.setToolTip(facts.driver or "")
        self.folder.setText(short(facts.folder))
        self.folder.setToolTip(str(facts.folder))
        self.bar.setValue(round(STEPS * table.part))
        self.summary.setText(words.summary(facts, table) if table.rows else "")

    def allow(self, fit: set[str]) -> None:
        """Enable the buttons that fit."""
        for name, made in self.buttons.items():
            made.setEnabled(name in fit)

    @staticmethod
    def _role(label: QLabel, role: str) -> None:
        label.setProperty("role", role)
        label.style().unpolish(label)
        label.style().polish(label)
