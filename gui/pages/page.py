"""What all pages are made of: a title, a refresh, and lists of entries with buttons."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..language import tr
from ..session import Session
from ..theme import colour, dress


class Page(QWidget):
    """One step of the wizard; it is drawn anew while it is seen, or when it is seen next.

    Parameters
    ----------
    session : Session
    title, subtitle : str
        What stands above.
    """

    def __init__(self, session: Session, title: str, subtitle: str) -> None:
        super().__init__()
        self.session = session
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 10, 14, 6)
        self.body.setSpacing(8)
        head = labelled(title, "title")
        quiet = labelled(subtitle, "quiet")
        self.body.addWidget(head)
        self.body.addWidget(quiet)
        self._stale = True
        session.changed.connect(self.renew)
        session.replaced.connect(self.replaced)
        session.checked.connect(self.renew)
        session.learnt.connect(self.renew)

    def refresh(self) -> None:
        """Show the config as it is now."""
        raise NotImplementedError

    def renew(self) -> None:
        """Refresh now, where it is seen."""
        self._stale = True
        if self.isVisible():
            self._refresh()

    def _refresh(self) -> None:
        self._stale = False
        dress(self)
        self.refresh()

    def replaced(self) -> None:
        """Another document was opened."""
        self.renew()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Refresh what changed while it was not seen."""
        super().showEvent(event)
        if self._stale:
            self._refresh()


class Entries(QWidget):
    """A list of entries with buttons below; it tells what is asked, and changes nothing itself.

    Signals
    -------
    selected : int
    wanted : str, int
        A button: ``add``, ``remove``, ``up``, ``down``, ``duplicate``; and the selected entry.
    """

    selected = Signal(int)
    wanted = Signal(str, int)

    def __init__(self, name: str, buttons: Sequence[str] = ("add", "remove")) -> None:
        super().__init__()
        self.list = QListWidget()
        self.list.setAccessibleName(name)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.currentRowChanged.connect(self._row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.list)
        self.row = QHBoxLayout()
        self.row.setSpacing(2)
        self.buttons: dict[str, QToolButton] = {}
        for button in buttons:
            text, tip = self._face(button)
            made = QToolButton()
            made.setText(text)
            made.setToolTip(tip)
            made.setAccessibleName(f"{tip}: {name}")
            made.clicked.connect(lambda _=False, b=button: self.wanted.emit(b, self.current))
            self.row.addWidget(made)
            self.buttons[button] = made
        self.row.addStretch(1)
        column.addLayout(self.row)

    def _face(self, button: str) -> tuple[str, str]:
        """Give the text of a button, and what it does."""
        faces = {
            "add": ("+", tr("Add")),
            "remove": ("−", tr("Remove (Delete)")),
            "duplicate": (tr("Copy"), tr("Use it once more, under another name")),
            "up": ("↑", tr("Up")),
            "down": ("↓", tr("Down")),
        }
        return faces[button]

    @property
    def current(self) -> int:
        """The index of the selected entry; -1 where there is none."""
        return self.list.currentRow()

    def _row(self, row: int) -> None:
        self._enable()
        self.selected.emit(row)

    def _enable(self) -> None:
        row, count = self.current, self.list.count()
        fit = {
            "remove": row >= 0,
            "duplicate": row >= 0,
            "up": row > 0,
            "down": 0 <= row < count - 1,
        }
        for name, button in self.buttons.items():
            button.setEnabled(fit.get(name, True))

    def show_entries(self, titles: Sequence[str], wrong: Sequence[int] = ()) -> None:
        """Show the entries; those that are `wrong` are coloured. The selection stays."""
        row = min(max(self.current, 0), len(titles) - 1)
        with QSignalBlocker(self.list):
            while self.list.count() > len(titles):
                self.list.takeItem(self.list.count() - 1)
            while self.list.count() < len(titles):
                self.list.addItem("")
            for index, title in enumerate(titles):
                item = self.list.item(index)
                item.setText(f"⚠ {title}" if index in wrong else title)
                item.setForeground(colour("wrong" if index in wrong else "Text"))
                item.setToolTip(title)
            self.list.setCurrentRow(row)
        self._enable()

    def select(self, index: int) -> None:
        """Select an entry."""
        self.list.setCurrentRow(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Remove with the delete key."""
        if event.key() == Qt.Key.Key_Delete and "remove" in self.buttons and self.current >= 0:
            self.wanted.emit("remove", self.current)
        else:
            super().keyPressEvent(event)


class Combo(QComboBox):
    """Choices, or anything typed; the wheel scrolls the page, not the choice."""

    def __init__(self) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.setEditable(True)
        self.setLineEdit(self.line)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def offer(self, texts: Sequence[str], text: str, tips: Sequence[str] = ()) -> None:
        """Offer these texts, and show one; what is being typed stays."""
        with QSignalBlocker(self):
            if [self.itemText(i) for i in range(self.count())] != list(texts):
                typed = self.currentText()
                self.clear()
                self.addItems(texts)
                for index, tip in enumerate(tips):
                    self.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
                self.setEditText(typed)  # else the first of them is taken
            if self.currentText() != text and not self.line.hasFocus():
                self.setEditText(text)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Leave it to the page."""
        event.ignore()


def labelled(text: str, role: str = "") -> QLabel:
    """Make a label that wraps, in a role that the style sheet knows."""
    label = QLabel(text)
    label.setWordWrap(True)
    if role:
        label.setProperty("role", role)
    return label


def button(text: str, tip: str = "") -> QPushButton:
    """Make a button that Enter presses."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setAutoDefault(True)
    return made


def scrolled(widget: QWidget) -> QScrollArea:
    """Put a widget where it scrolls up and down, and never sideways."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    return area


def side_by_side(*widgets: QWidget) -> QWidget:
    """Put widgets beside each other, from the left."""
    whole = QWidget()
    layout = QHBoxLayout(whole)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return whole


def column(*widgets: QWidget, stretch: bool = False, head: QLayout | None = None) -> QWidget:
    """Put widgets below each other; `head` is a row above them."""
    whole = QWidget()
    layout = QVBoxLayout(whole)
    layout.setContentsMargins(8, 0, 6, 0)
    layout.setSpacing(8)
    if head is not None:
        layout.addLayout(head)
    for widget in widgets:
        layout.addWidget(widget)
    if stretch:
        layout.addStretch(1)
    return whole
