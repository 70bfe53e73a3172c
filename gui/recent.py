"""Settings that outlive a session: recent files, the theme, the window's size."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from .theme import THEMES, Theme

KEPT = 8
"""How many recent files are kept."""


class Settings:
    """What the wizard remembers."""

    def __init__(self, store: QSettings | None = None) -> None:
        self.store = store or QSettings("esegeta", "wizard")

    @property
    def recent(self) -> list[Path]:
        """Configs and runs that were opened last and are still there."""
        stored = self.store.value("recent", [])
        paths = [stored] if isinstance(stored, str) else stored
        paths = paths if isinstance(paths, list) else []
        return [Path(path) for path in paths if Path(path).exists()][:KEPT]

    def opened(self, path: Path) -> None:
        """Remember a config or run."""
        path = path.absolute()
        rest = [other for other in self.recent if other != path]
        self.store.setValue("recent", [str(one) for one in [path, *rest][:KEPT]])

    @property
    def theme(self) -> Theme:
        """Light, dark, or as the system is."""
        stored = self.store.value("theme", "system")
        return next((theme for theme in THEMES if theme == stored), "system")

    @theme.setter
    def theme(self, theme: Theme) -> None:
        self.store.setValue("theme", theme)

    @property
    def language(self) -> str:
        """The code of a language, or the ``system``'s."""
        return str(self.store.value("language", "system"))

    @language.setter
    def language(self, language: str) -> None:
        self.store.setValue("language", language)

    @property
    def geometry(self) -> QByteArray | None:
        """Where the window was."""
        stored = self.store.value("geometry")
        return stored if isinstance(stored, QByteArray) else None

    @geometry.setter
    def geometry(self, geometry: QByteArray | None) -> None:
        self.store.setValue("geometry", geometry)
