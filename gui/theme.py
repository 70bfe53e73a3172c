"""Light and dark: two palettes for Qt's Fusion style, and the few rules that palettes cannot say."""

from __future__ import annotations

from typing import Any, Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QProxyStyle,
    QStyle,
    QStyleOption,
    QStyleOptionComplex,
    QWidget,
)

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = ("system", "light", "dark")

COLOURS = {
    "light": {
        "Window": "#f4f5f7",
        "WindowText": "#1d2129",
        "Base": "#ffffff",
        "AlternateBase": "#f0f2f5",
        "Text": "#1d2129",
        "Button": "#e9ebef",
        "ButtonText": "#1d2129",
        "ToolTipBase": "#ffffff",
        "ToolTipText": "#1d2129",
        "PlaceholderText": "#616975",
        "Highlight": "#1f5fbf",
        "HighlightedText": "#ffffff",
        "Link": "#1f5fbf",
        "Mid": "#c3c8d0",
        "wrong": "#b3261e",
        "wrong_back": "#fdecea",
        "good": "#1b6e3c",
        "quiet": "#555e6c",
        "note_back": "#e6effb",
    },
    "dark": {
        "Window": "#1e2127",
        "WindowText": "#e6e8ec",
        "Base": "#15181d",
        "AlternateBase": "#20242b",
        "Text": "#e6e8ec",
        "Button": "#2c313a",
        "ButtonText": "#e6e8ec",
        "ToolTipBase": "#2c313a",
        "ToolTipText": "#e6e8ec",
        "PlaceholderText": "#8d96a5",
        "Highlight": "#3b7ddd",
        "HighlightedText": "#ffffff",
        "Link": "#7db1ff",
        "Mid": "#454c58",
        "wrong": "#ff8a80",
        "wrong_back": "#3b2222",
        "good": "#7bd49a",
        "quiet": "#a7afbc",
        "note_back": "#1f2c40",
    },
}
"""By the names of Qt's palette; the last ones are our own."""

RULES = """
QLabel[role="title"] {{ font-size: 15pt; font-weight: 600; }}
QLabel[role="heading"] {{ font-weight: 600; }}
QLabel[role="quiet"] {{ color: {quiet}; }}
QLabel[role="wrong"] {{ color: {wrong}; }}
QLabel[role="good"] {{ color: {good}; }}
QLabel[set="true"] {{ font-weight: 600; }}
*[wrong="true"] {{ border: 1px solid {wrong}; background: {wrong_back}; color: {WindowText}; }}
QFrame#banner {{ background: {note_back}; border: 1px solid {Mid}; border-radius: 4px; }}
QFrame#banner[kind="wrong"] {{ background: {wrong_back}; border-color: {wrong}; }}
QListWidget#steps {{ border: none; background: transparent; outline: none; }}
QListWidget::item, QTreeWidget::item {{ padding: 2px 0; }}
QListWidget#steps::item {{ padding: 7px 10px; border-radius: 4px; }}
QListWidget#steps::item:selected {{ background: {Highlight}; color: {HighlightedText}; }}
QSplitter::handle {{ background: {Window}; }}
QPlainTextEdit#json {{ font-family: monospace; }}
"""


class Outlined(QProxyStyle):
    """Fusion, whose frames are darker than the window and so cannot be seen on a dark one."""

    OUTLINED = (
        QStyle.PrimitiveElement.PE_IndicatorCheckBox,
        QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck,
        QStyle.PrimitiveElement.PE_FrameLineEdit,
        QStyle.PrimitiveElement.PE_Frame,
    )

    def drawPrimitive(  # noqa: N802
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        """Draw an outline that can be seen."""
        super().drawPrimitive(element, option, painter, widget)
        if element in self.OUTLINED:
            self._outline(option, painter)

    def drawComplexControl(  # noqa: N802
        self,
        control: QStyle.ComplexControl,
        option: QStyleOptionComplex,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        """Draw an outline that can be seen."""
        super().drawComplexControl(control, option, painter, widget)
        if control == QStyle.ComplexControl.CC_ComboBox:
            self._outline(option, painter)

    def _outline(self, option: Any, painter: QPainter) -> None:
        app = QApplication.instance()
        if app is None or not app.property("dark"):
            return
        focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setPen(colour("Highlight" if focus else "Mid"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(option.rect.adjusted(0, 0, -1, -1))
        painter.restore()


def is_dark(theme: Theme) -> bool:
    """Whether a theme is dark; the system's is as the desktop says."""
    if theme == "system":
        return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return theme == "dark"


def colour(name: str) -> QColor:
    """Give a colour of the theme in use."""
    app = QApplication.instance()
    dark = bool(app is not None and app.property("dark"))
    return QColor(COLOURS["dark" if dark else "light"][name])


def dress(widget: QWidget) -> None:
    """Draw a part of a window by the rules of the theme; where it is so already, nothing is done.

    Rules cost a millisecond for each widget below: each part is dressed when it is seen, not all at once.
    """
    app = QApplication.instance()
    rules = RULES.format(**COLOURS["dark" if app is not None and app.property("dark") else "light"])
    # The palette as well: widgets with rules do not hear of another one.
    state = f"{QApplication.palette().cacheKey()} {rules}"
    if widget.property("dressed") != state:
        widget.setProperty("dressed", state)
        widget.setStyleSheet(rules)


def apply(app: QApplication, theme: Theme) -> None:
    """Draw everything light or dark; parts of windows are then to be dressed."""
    dark = is_dark(theme)
    app.setProperty("dark", dark)
    colours = COLOURS["dark" if dark else "light"]
    palette = QPalette()
    for name, value in colours.items():
        role = getattr(QPalette.ColorRole, name, None)
        if role is not None:
            palette.setColor(role, QColor(value))
    pale = QColor(colours["PlaceholderText"])
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, pale)
    palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText, pale)
    if not app.property("outlined"):  # the style asks for the theme whenever it draws
        app.setStyle(Outlined("Fusion"))
        app.setProperty("outlined", True)
    app.setPalette(palette)
