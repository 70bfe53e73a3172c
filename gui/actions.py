"""The window's actions: menus, shortcuts, and the list of these."""

from __future__ import annotations

from collections.abc import Callable

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

KEYS = [
    ("Space", "Tick or untick the selected method or layer"),
    ("Delete", "Remove the selected entry of a list"),
    ("↑ ↓", "Change the number in a field; turn the slices of a preview"),
    ("Return", "Monitor: show the map of the selected job, or why there is none"),
    ("Escape", "Monitor: select no job, and show the log of the run; empty the filter"),
    ("Ctrl+F", "Monitor: filter the jobs"),
    ("Ctrl+W", "Monitor: close the run, which goes on"),
    ("Tab, Shift+Tab", "Go to the next or the previous field"),
]
"""Keys that are no actions, for the list."""


class Actions:
    """Makes actions with their shortcuts, and remembers them for the list of shortcuts."""

    def __init__(self, window: QMainWindow) -> None:
        self.window = window
        self.made: dict[str, QAction] = {}

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
        if keys is not None:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: do())
        menu.addAction(action)
        self.made[name] = action
        return action

    def shortcuts(self) -> list[tuple[str, str]]:
        """List keys and what they do."""
        native = QKeySequence.SequenceFormat.NativeText
        listed = [
            (action.shortcut().toString(native), action.text().replace("&", "").rstrip("…"))
            for action in self.made.values()
            if not action.shortcut().isEmpty()
        ]
        return [*listed, *KEYS]

    def show_shortcuts(self) -> QDialog:
        """Show the list; it leaves the window usable."""
        dialog = QDialog(self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(dialog.tr("Shortcuts"))
        rows = self.shortcuts()
        table = QTableWidget(len(rows), 2)
        table.setHorizontalHeaderLabels([dialog.tr("Keys"), dialog.tr("What they do")])
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
