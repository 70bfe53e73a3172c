"""One run: what it is at, its jobs, the selected job, and what can be asked of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import (
    QItemSelectionModel,
    Qt,
    QTimer,
    QUrl,
    Signal,
)
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSplitter, QVBoxLayout, QWidget

from esegeta.errors import RunError
from esegeta.runs.folder import REPORT

from ..banner import Banner
from ..language import tr
from . import words
from .command import Command
from .details import Details
from .head import Head
from .jobs import JobsModel
from .launch import Launch, resuming, start
from .rows import Facts, Row, Seen
from .table import KINDS
from .view import JobsView
from .watch import Watch

DRAIN = 100
"""Milliseconds between two looks at what was seen of the folder."""


class RunView(QWidget):
    """Shows a run, and lets it be stopped, resumed and looked at.

    Signals
    -------
    view_requested : Path, str
        The run folder and a job that is done, to be viewed.
    changed :
        Its name or state, for the title of its tab.
    """

    view_requested = Signal(Path, str)
    changed = Signal()

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.facts = Facts(folder)
        self.selected: str | None = None
        self._starting = self._settling = False
        self._launch: Launch | None = None
        self._trouble: tuple[str, str] | None = None
        self._ticked = 0.0
        self.watch = Watch(folder)
        # Ends the thread also where nobody has said `stop`; nothing here is kept by it.
        self.destroyed.connect(self.watch.stop)
        self.command = Command(self)
        self.command.succeeded.connect(self._answered)
        self.command.failed.connect(lambda text: self.say(text, "wrong"))
        self._opens = False
        self._build()
        self._timer = QTimer(self, interval=DRAIN)
        self._timer.timeout.connect(self._drain)
        self._timer.start()
        self._renew()

    def _build(self) -> None:
        self.head, self.banner, self.details = Head(), Banner(), Details()
        self.head.wanted.connect(self._wanted)
        self.jobs = JobsModel(self)
        self.table = JobsView(self.jobs)
        self.jobs.modelReset.connect(self._reselect)  # after the view, which selects none then
        self.table.opened.connect(self._open)
        self.table.selectionModel().selectionChanged.connect(self._chosen)
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText(tr("Filter: method, image, reason… (Ctrl+F)"))
        self.search.setAccessibleName(tr("Filter the jobs by text"))
        self.kinds = QComboBox()
        self.kinds.setAccessibleName(tr("Filter the jobs by state"))
        for kind in KINDS:
            self.kinds.addItem(words.kind(kind), kind)
        self.kinds.setMinimumWidth(170)
        self.search.textChanged.connect(self._filter)
        self.kinds.currentIndexChanged.connect(self._filter)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.setFocus)
        clear = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.search)
        clear.setContext(Qt.ShortcutContext.WidgetShortcut)
        clear.activated.connect(self.search.clear)
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        row.addWidget(self.kinds)
        upper = QWidget()
        above = QVBoxLayout(upper)
        above.setContentsMargins(0, 0, 0, 0)
        above.setSpacing(6)
        above.addLayout(row)
        above.addWidget(self.table, 1)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(upper)
        parts.addWidget(self.details)
        parts.setSizes([330, 220])
        parts.setStretchFactor(0, 3)
        parts.setStretchFactor(1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 6)
        column.setSpacing(8)
        column.addWidget(self.head)
        column.addWidget(self.banner)
        column.addWidget(parts, 1)

    def stop_watching(self) -> None:
        """Follow the run no more; the run itself goes on."""
        self._timer.stop()
        self.watch.stop()
        self.command.stop()

    def say(self, text: str, kind: str = "note") -> None:
        """Show a message above the jobs."""
        self.banner.say(text, kind)

    def _drain(self) -> None:
        seen = self.watch.drain()
        if seen:
            self.jobs.take(seen)
            for one in seen:
                self._take(one)
            self._renew()
        now = time.monotonic()
        if now >= self._ticked + 1:
            self._ticked = now
            self.jobs.tick()

    def _take(self, seen: Seen) -> None:
        self.facts = seen.facts
        if seen.chosen is not None:
            self.details.take(seen.chosen)
        if self.selected is not None and any(row.id == self.selected for row in seen.rows):
            self.details.update_row(self.row)
        if seen.launch in ("begun", "failed"):
            self._starting, self._launch = False, None
        if seen.launch == "failed":
            self._trouble = words.trouble(self.facts)  # it is known, and this tells more
            said = seen.said or tr("it said nothing")
            self.say(tr("The run did not begin: %s") % said, "wrong")
        elif seen.launch == "begun":
            self.banner.hide()

    @property
    def title(self) -> str:
        """Its name and what it is at, for a tab."""
        name = self.facts.name or self.folder.name
        if self.facts.phase == "at work" and not self.facts.lost:
            return f"▶ {name} {self.jobs.table.part:.0%}"
        failed = self.facts.phase == "killed" or self.jobs.table.counts["failed"]
        return f"✗ {name}" if failed or self.facts.lost else name

    @property
    def row(self) -> Row | None:
        """The selected job."""
        return self.jobs.table.rows.get(self.selected or "")

    def _renew(self) -> None:
        """Show the run as a whole."""
        table = self.jobs.table
        self.head.show_run(self.facts, table, starting=self._starting)
        fit = table.can(self.facts, starting=self._starting)
        if self.command.running:
            fit -= {"stop", "stop now", "report"}
        row = self.row
        fit |= {"view"} if row is not None and row.state == "done" else set()
        fit |= {"folder"} if self.facts.phase != "absent" else set()
        self.head.allow(fit)
        for index, (kind, number) in enumerate(table.counts.items()):
            text = f"{words.kind(kind)} ({number:,})"
            if self.kinds.itemText(index) != text:
                self.kinds.setItemText(index, text)
        trouble = None if self._starting else words.trouble(self.facts)
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble is None:
                self.banner.hide()
            else:
                self.say(*trouble)
        self.changed.emit()

    def _filter(self) -> None:
        self.jobs.filter(self.search.text(), self.kinds.currentData())

    def _chosen(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if not self._settling:
            self.choose(self.jobs.row_of(rows[0]).id if rows else None)

    def choose(self, job: str | None) -> None:
        """Show a job below; None for the run."""
        if job == self.selected:
            return
        self.selected = job
        self.details.choose(self.row)
        self.watch.choose(job)
        self._reselect()
        self._renew()

    def _reselect(self) -> None:
        """Select the job that is shown below, where it is in the table."""
        place = self.jobs.place(self.selected)
        selection = self.table.selectionModel()
        if [index.row() for index in selection.selectedRows()] == [place]:
            return
        self._settling = True  # what is shown below stays, also where it is not in the table
        flags = QItemSelectionModel.SelectionFlag
        index = self.jobs.index(place, 0)  # no index where it is -1
        selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self._settling = False

    def _open(self, job: str) -> None:
        """Show the map of a job that is done; why there is none of others."""
        self.choose(job)
        row = self.row
        if row is not None and row.state == "done":
            self.view_requested.emit(self.folder, job)
        else:
            self.details.tabs.currentWidget().setFocus()

    def _wanted(self, what: str) -> None:
        row = self.row
        if what == "stop now" and self._launch is not None:
            self._launch.stop()
        elif what in ("stop", "stop now"):
            self.command.start(["stop", str(self.folder), *(["--now"] * (what == "stop now"))])
        elif what in ("retry", "resume"):
            self.start(resuming(self.folder, only_failed=what == "retry"))
        elif what == "view" and row is not None:
            self._open(row.id)
        elif what == "report":
            self._open_report()
        elif what == "folder":
            own = self.folder / (self.selected or "")
            self._show(own if own.is_dir() else self.folder)
        self._renew()

    def start(self, arguments: Sequence[str], base: Path | None = None) -> None:
        """Start ``esegeta run …`` into this folder; it survives this window."""
        try:
            self._launch = start(arguments, self.facts, base)
        except RunError as error:
            self.say(str(error), "wrong")
            return
        self._starting = True
        self.banner.hide()
        self.watch.launched(self._launch)
        self._renew()

    def _open_report(self) -> None:
        """Show the report; it is written anew where it may miss something."""
        if self.facts.phase == "ended" and self.facts.report:
            self._show(self.folder / REPORT)
            return
        self._opens = True
        self.say(tr("Writing the report…"))
        self.command.start(["report", str(self.folder)])

    def _answered(self, text: str) -> None:
        self.watch.wake()
        if self._opens:
            self._opens = False
            self.banner.hide()
            self._show(self.folder / REPORT)
        elif self._trouble is None:
            self.say(_sentence(text))

    def _show(self, path: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self.say(tr("No program opens %s; open it by hand.") % path, "wrong")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
