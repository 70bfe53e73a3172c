"""A message above the pages, in place of a dialog: what happened, and what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from .language import tr

LONGEST = 600
"""Characters of a message that are shown at once; the rest stands in its tooltip."""


class Banner(QFrame):
    """Shows one message until it is closed, or another takes its place."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.label = QLabel(wordWrap=True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QToolButton(autoRaise=True)
        close.setText("×")
        close.setAccessibleName(tr("Close the message"))
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 4, 4)
        row.addWidget(self.label, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def say(self, text: str, kind: str = "note") -> None:
        """Show a message: a ``note``, or what is ``wrong``."""
        cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        self.label.setText(cut)
        self.label.setToolTip(text if cut != text else "")
        self.setProperty("kind", kind)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()
