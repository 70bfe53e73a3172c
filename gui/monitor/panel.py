"""The monitor: runs as tabs, each followed through its folder whoever has started it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from esegeta.errors import RunError
from esegeta.runs.lock import holder

from ..language import tr
from .run import RunView

OPEN = "monitor/runs"
"""Under which the runs that are followed are remembered."""


class MonitorPanel(QWidget):
    """Follows runs.

    Closing it ends no run. Those that are still at work when it is opened again are there again.

    Parameters
    ----------
    store : QSettings, optional
        Where it remembers the runs that it follows.

    Signals
    -------
    view_requested : Path, str
        A run folder and a job that is done, to be viewed.
    """

    view_requested = Signal(Path, str)

    def __init__(self, store: QSettings | None = None) -> None:
        super().__init__()
        self._store = store or QSettings("esegeta", "wizard")
        self.tabs = QTabWidget(tabsClosable=True, movable=True, documentMode=True)
        self.tabs.setAccessibleName(tr("Runs"))
        self.tabs.tabBar().setElideMode(Qt.TextElideMode.ElideMiddle)
        self.tabs.tabCloseRequested.connect(self.close_run)
        more = QPushButton(tr("Open a run…"), flat=True)
        more.clicked.connect(self._pick)
        self.tabs.setCornerWidget(more)
        self.stack = QStackedWidget()
        self.stack.addWidget(self._empty())
        self.stack.addWidget(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)
        close = QShortcut(QKeySequence.StandardKey.Close, self)
        close.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        close.activated.connect(lambda: self.close_run(self.tabs.currentIndex()))
        for folder in self._remembered():
            self.open_run(folder)

    def _empty(self) -> QWidget:
        whole = QWidget()
        text = QLabel(tr("No run is open. Start one on the Run page, or open its folder."))
        text.setObjectName("empty")
        text.setProperty("role", "quiet")
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        pick = QPushButton(tr("&Open a run…"), autoDefault=True)
        pick.clicked.connect(self._pick)
        column = QVBoxLayout(whole)
        column.addStretch(1)
        column.addWidget(text)
        column.addWidget(pick, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(2)
        return whole

    def runs(self) -> list[RunView]:
        """Give the runs that are open, in the order of their tabs."""
        found = (self.tabs.widget(index) for index in range(self.tabs.count()))
        return [view for view in found if isinstance(view, RunView)]

    def open_run(self, folder: Path, job: str = "") -> RunView:
        """Follow a run, and show one of its jobs; its tab comes to the front if it is open already."""
        folder = Path(folder).absolute()
        view = next((view for view in self.runs() if view.folder == folder), None)
        if view is None:
            view = RunView(folder)
            view.view_requested.connect(self.view_requested)
            view.changed.connect(lambda view=view: self._entitle(view))
            self.tabs.addTab(view, folder.name)
            self._entitle(view)
            self._remember()
        self.tabs.setCurrentWidget(view)
        self.stack.setCurrentWidget(self.tabs)
        if job:
            view.choose(job)
        return view

    def start_run(
        self, folder: Path, arguments: Sequence[str], base: Path | None = None
    ) -> RunView:
        """Start ``esegeta run …`` into a folder, in a process that survives the window; follow it."""
        view = self.open_run(folder)
        view.start(arguments, base)
        return view

    def renew(self) -> None:
        """Draw what is coloured by hand by the theme of now."""
        for view in self.runs():
            view.table.viewport().update()

    def close_run(self, index: int) -> None:
        """Follow a run no more; it goes on."""
        view = self.tabs.widget(index)
        if isinstance(view, RunView):
            view.stop_watching()
            self.tabs.removeTab(index)
            view.deleteLater()
            self._remember()
        if self.tabs.count() == 0:
            self.stack.setCurrentIndex(0)

    def _entitle(self, view: RunView) -> None:
        index = self.tabs.indexOf(view)
        if index >= 0 and self.tabs.tabText(index) != view.title:
            self.tabs.setTabText(index, view.title)
            self.tabs.setTabToolTip(index, str(view.folder))

    def _pick(self) -> None:
        picked = QFileDialog.getExistingDirectory(self, tr("Open a run"))
        if picked:
            self.open_run(Path(picked))

    def _remember(self) -> None:
        self._store.setValue(OPEN, [str(view.folder) for view in self.runs()])

    def _remembered(self) -> list[Path]:
        """Give the runs that were followed last and are still at work."""
        stored = self._store.value(OPEN, [])
        paths = stored if isinstance(stored, list) else [stored] if stored else []
        folders = [Path(str(path)) for path in paths]
        return [folder for folder in folders if _at_work(folder)]


def _at_work(folder: Path) -> bool:
    try:
        return holder(folder) is not None
    except RunError:
        return False
