"""The widget that shows the table of jobs."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from ..language import tr
from .jobs import Bar, JobsModel
from .table import COLUMNS, Column

WIDTHS: dict[Column, int] = {
    "state": 120,
    "method": 240,
    "image": 130,
    "model": 120,
    "target": 120,
    "device": 80,
    "progress": 150,
    "time": 90,
}
"""Pixels where there is room; what is left over is the method's."""

LEAST, LEAST_STATE = 50, 105
"""Pixels of a column that must make room, and of the one that tells most."""


class JobsView(QTableView):
    """A table of jobs, one of which is selected.

    Signals
    -------
    opened : str
        A job that was double-clicked, or on which Return was pressed.
    """

    opened = Signal(str)

    def __init__(self, jobs: JobsModel) -> None:
        super().__init__()
        self._jobs = jobs
        self.setModel(jobs)
        self.setAccessibleName(tr("Jobs"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setItemDelegateForColumn(COLUMNS.index("progress"), Bar(self))
        rows, header = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        # All of one height: else ten thousand would be measured.
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 8)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(LEAST)
        self._fits = self._fitting = True
        header.sectionResized.connect(self._resized)
        # Until one clicks a column, jobs stand in the plan's order.
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        self.doubleClicked.connect(self._open)

    def _resized(self) -> None:
        """Leave the columns as they are once the user has chosen their widths."""
        self._fits = self._fits and self._fitting

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Share the width among the columns."""
        super().resizeEvent(event)
        if not self._fits:
            return
        self._fitting = True
        room = self.viewport().width()
        scale = min(1.0, room / sum(WIDTHS.values()))
        widths = {name: max(LEAST, int(width * scale)) for name, width in WIDTHS.items()}
        widths["state"] = max(LEAST_STATE, widths["state"])
        widths["method"] = max(LEAST, widths["method"] + room - sum(widths.values()))
        for name, width in widths.items():
            self.setColumnWidth(COLUMNS.index(name), width)
        self._fitting = False

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opened.emit(self._jobs.row_of(index).id)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Select a job where one comes by keyboard: else the first stroke would pass one over."""
        super().focusInEvent(event)
        index = self.currentIndex()
        mouse = event.reason() == Qt.FocusReason.MouseFocusReason
        if not mouse and index.isValid() and not self.selectionModel().hasSelection():
            self.selectRow(index.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Open the selected job with Return; select none with Escape."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        elif event.key() == Qt.Key.Key_Escape:
            self.selectionModel().clear()
        else:
            super().keyPressEvent(event)
