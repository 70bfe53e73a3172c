"""The keys of the viewer, and the page that lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QTextBrowser, QWidget


@dataclass(frozen=True)
class Key:
    """A key, and what it does; without `act` another widget heeds it."""

    keys: str
    says: str
    act: Callable[[], object] | None = None


def bind(widget: QWidget, keys: Sequence[Key]) -> list[QShortcut]:
    """Make the keys work wherever the keyboard is within a widget."""
    made = []
    for key in keys:
        if key.act is not None:
            shortcut = QShortcut(QKeySequence(key.keys), widget)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(key.act)
            made.append(shortcut)
    return made


def page(parts: Sequence[tuple[str, Sequence[Key]]]) -> str:
    """List keys under headings, as HTML."""
    text = []
    for heading, keys in parts:
        lines = "".join(
            f"<tr><td><b>{escape(key.keys)}</b>&nbsp;&nbsp;</td><td>{escape(key.says)}</td></tr>"
            for key in keys
        )
        text.append(f'<h3>{escape(heading)}</h3><table cellspacing="4">{lines}</table>')
    return "".join(text)


def shown(parts: Sequence[tuple[str, Sequence[Key]]], name: str) -> QTextBrowser:
    """Make the page."""
    browser = QTextBrowser()
    browser.setAccessibleName(name)
    browser.setHtml(page(parts))
    return browser
