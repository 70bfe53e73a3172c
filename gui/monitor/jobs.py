"""The table of jobs: a model over `Table` that tells the view no more than has changed."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    Qt,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ..theme import colour
from . import words
from .rows import Row, Seen, State
from .table import COLUMNS, Column, Kind, Table

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
PART = Role.UserRole
"""How much of a running job is done."""

ROLES = (Role.DisplayRole, Role.ForegroundRole, Role.TextAlignmentRole, Role.ToolTipRole, PART)

COLOURS: dict[State, str] = {
    "running": "Link",
    "failed": "wrong",
    "timed out": "wrong",
    "interrupted": "wrong",
    "pending": "quiet",
    "done": "good",
}


class JobsModel(QAbstractTableModel):
    """Shows a `Table`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table = Table()
        self._now = time.monotonic()

    def take(self, seen: list[Seen]) -> None:
        """Take what was seen, all at once."""
        changed: set[str] = set()
        for one in seen:
            self.table.take(one)
            changed.update(row.id for row in one.rows)
        if changed or any(one.ids is not None for one in seen):
            self._show(changed)

    def filter(self, text: str, kind: Kind) -> None:
        """Show only some jobs."""
        self.table.filter(text, kind)
        self._show(set())

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 for the plan's order."""
        name = COLUMNS[column] if column >= 0 else None
        self.table.sort(name, descending=order == Qt.SortOrder.DescendingOrder)
        self._show(set())

    def tick(self) -> None:
        """Draw anew the time of the jobs that run."""
        self._now = time.monotonic()
        self._redraw({row.id for row in self.table.running()}, COLUMNS.index("progress"))

    def _show(self, changed: set[str]) -> None:
        self._now = time.monotonic()
        before = self.table.shown
        moved = self.table.arrange(self._now)
        if not moved:
            self._redraw(changed)
        elif set(before) == set(self.table.shown):
            self._move(before)
        else:
            after, self.table.shown = self.table.shown, before
            self.beginResetModel()
            self.table.shown = after
            self.endResetModel()

    def _move(self, before: list[str]) -> None:
        """Tell that rows have another order; what is selected goes with its row."""
        after, self.table.shown = self.table.shown, before
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        self.table.shown = after
        places = {job: row for row, job in enumerate(after)} if old else {}
        new = [self.index(places[before[index.row()]], index.column()) for index in old]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    def _redraw(self, changed: set[str], first: int = 0) -> None:
        if not changed:
            return
        rows = [row for row, job in enumerate(self.table.shown) if job in changed]
        if rows:  # one span: the view draws only what is seen of it
            last = len(COLUMNS) - 1
            self.dataChanged.emit(self.index(rows[0], first), self.index(rows[-1], last))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """Count the jobs that are shown."""
        return 0 if parent.isValid() else len(self.table.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def row_of(self, index: Index) -> Row:
        """Give the job in a row."""
        return self.table.rows[self.table.shown[index.row()]]

    def place(self, job: str | None) -> int:
        """Give the row of a job; -1 where it is not shown."""
        return self.table.shown.index(job) if job in self.table.shown else -1

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """Name a column."""
        if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return words.column(COLUMNS[section])
        return None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """Give what a cell shows."""
        if role not in ROLES or not index.isValid():  # most questions are of other roles
            return None
        row, column = self.row_of(index), COLUMNS[index.column()]
        if role == Role.DisplayRole:
            return self._text(row, column)
        if role == Role.ForegroundRole and column == "state":
            return colour(COLOURS[row.state])
        if role == Role.TextAlignmentRole and column in ("progress", "time"):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Role.ToolTipRole:
            return f"{row.id}\n{row.reason}" if row.reason else row.id
        if role == PART and column == "progress" and row.state == "running":
            return row.part
        return None

    def _text(self, row: Row, column: Column) -> str:
        if column == "state":
            return f"{words.MARKS[row.state]} {words.state(row.state)}"
        if column == "device":
            return row.device or ""
        if column == "progress":
            return words.progress(row)
        if column == "time":
            return words.took(row, self._now)
        return row.parts[("image", "model", "target", "method").index(column)]


class Bar(QStyledItemDelegate):
    """Draws how far a running job is, behind its count of passes."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a cell."""
        part = index.data(PART)
        if part is not None:
            whole: QRect = option.rect.adjusted(3, 3, -3, -3)
            filled = QRect(whole)
            filled.setWidth(round(whole.width() * part))
            strong = bool(option.state & QStyle.StateFlag.State_Selected)
            if strong:
                painter.fillRect(option.rect, option.palette.highlight())
            painter.setOpacity(0.35)
            painter.fillRect(whole, colour("Mid"))
            painter.fillRect(filled, colour("HighlightedText" if strong else "Highlight"))
            painter.setOpacity(1.0)
            painter.setPen(colour("HighlightedText" if strong else "Text"))
            words_at = whole.adjusted(4, 0, -4, 0)
            align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            text = index.data()
            if painter.fontMetrics().horizontalAdvance(text) > words_at.width():
                text = f"{part:.0%}"
            painter.drawText(words_at, align, text)
            return
        super().paint(painter, option, index)
