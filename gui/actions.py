"""The window's actions: menus, shortcuts, and the list of these."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QMainWindow,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from .language import tr


def keys() -> list[tuple[str, str]]:
    """List keys that are no actions."""
    return [
        (tr("Space"), tr("Tick or untick the selected method or layer")),
        (tr("Delete"), tr("Remove the selected entry of a list")),
        ("↑ ↓", tr("Change the number in a field; turn the slices of a preview")),
        (tr("Return"), tr("Monitor: show the map of the selected job, or why there is none")),
        (tr("Escape"), tr("Monitor: select no job, show the log of the run; empty the filter")),
        ("Ctrl+F", tr("Monitor: filter the jobs")),
        ("Ctrl+W", tr("Monitor: close the run, which goes on")),
        (tr("Tab, Shift+Tab"), tr("Go to the next or the previous field")),
    ]


class Actions:
    """Makes actions with their shortcuts, and remembers them for the list of shortcuts."""

    def __init__(self, window: QMainWindow) -> None:
        self.window = window
        self.made: dict[str, QAction] = {}
        self.keys: dict[str, QKeySequence] = {}

    def add(
        self,
        menu: QMenu,
        name: str,
        text: str,
        do: Callable[[], object],
        keys: str | QKeySequence.StandardKey | None = None,
    ) -> QAction:
        """Add an action to a menu."""
        action = QAction(text, self.window)
        self.keys[name] = QKeySequence() if keys is None else QKeySequence(keys)
        action.setShortcut(self.keys[name])
        action.triggered.connect(lambda _=False: do())
        menu.addAction(action)
        self.made[name] = action
        return action

    def leave(self, taken: Collection[QKeySequence]) -> None:
        """Leave keys to the place that is seen; a key that means two things would do neither."""
        for name, action in self.made.items():
            keys = self.keys[name]
            action.setShortcut(QKeySequence() if keys in taken else keys)

    def shortcuts(self) -> list[tuple[str, str]]:
        """List keys and what they do."""
        native = QKeySequence.SequenceFormat.NativeText
        listed = [
            (self.keys[name].toString(native), action.text().replace("&", "").rstrip("…"))
            for name, action in self.made.items()
            if not self.keys[name].isEmpty()
        ]
        return [*listed, *keys()]

    def show_shortcuts(self) -> QDialog:
        """Show the list; it leaves the window usable."""
        dialog = QDialog(self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Shortcuts"))
        rows = self.shortcuts()
        table = QTableWidget(len(rows), 2)
        table.setHorizontalHeaderLabels([tr("Keys"), tr("What they do")])
        table.verticalHeader().hide()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        for index, row in enumerate(rows):
            for place, text in enumerate(row):
                table.setItem(index, place, QTableWidgetItem(text))
        table.resizeColumnsToContents()
        table.horizontalHeader().setStretchLastSection(True)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(dialog.close)
        column = QVBoxLayout(dialog)
        column.addWidget(table)
        column.addWidget(close)
        dialog.resize(560, 520)
        dialog.show()
        return dialog
