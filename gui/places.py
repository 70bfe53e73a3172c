"""The monitor and the viewer, which the window shows beside the six steps."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from .theme import dress

PANELS = {"monitor": ".monitor.panel", "viewer": ".viewer.panel"}
"""The modules of the panels."""


def warm() -> None:
    """Import what the panels need, in a thread of its own, so that opening one takes no time."""
    for module in PANELS.values():
        import_module(module, __package__)


class Place(QWidget):
    """Holds a panel that is made when it is first seen: its libraries are slow to import.

    Signals
    -------
    made : QWidget
        The panel, once it is there.
    """

    made = Signal(QWidget)

    def __init__(self, module: str, name: str, *arguments: Any) -> None:
        super().__init__()
        self._module, self._name, self._arguments = module, name, arguments
        self._panel: Any = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)

    def make(self) -> Any:
        """Give the panel; it is made the first time."""
        if self._panel is None:
            self._panel = getattr(import_module(self._module, __package__), self._name)(
                *self._arguments
            )
            layout = self.layout()
            assert layout is not None
            layout.addWidget(self._panel)
            self.made.emit(self._panel)
        return self._panel

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Draw it by the theme of now."""
        dress(self)
        super().showEvent(event)

    def renew(self) -> None:
        """Draw it by another theme, where it is seen."""
        if self.isVisible():
            dress(self)
        if self._panel is not None:
            self._panel.renew()

    @property
    def keys(self) -> list[QKeySequence]:
        """The keys that the panel heeds itself."""
        shortcuts = self.findChildren(QShortcut)
        return [shortcut.key() for shortcut in shortcuts]

    def open_run(self, folder: Path, *job: str) -> None:
        """Show a run, or one of its jobs."""
        self.make().open_run(folder, *job)
