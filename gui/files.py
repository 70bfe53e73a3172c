"""New, open, save; and the question what becomes of unsaved changes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from esegeta.errors import ConfigError

from .document import Document
from .language import tr
from .recent import Settings
from .session import Session


class Files(QObject):
    """Opens and saves configs for a window.

    Signals
    -------
    opened : Path or None
        Another document is shown; of a run, its folder.
    """

    opened = Signal(object)

    def __init__(self, window: QWidget, session: Session, settings: Settings) -> None:
        super().__init__(window)
        self.window, self.session, self.settings = window, session, settings

    def ask(self) -> bool:
        """Ask what is to become of unsaved changes; give whether to go on."""
        if not self.session.document.dirty:
            return True
        buttons = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self.window,
            tr("Unsaved changes"),
            tr("%s has unsaved changes.") % self.session.document.name,
            buttons.Save | buttons.Discard | buttons.Cancel,
            buttons.Save,
        )
        if answer == buttons.Save:
            return self.save()
        return answer == buttons.Discard

    def new(self) -> None:
        """Begin an empty config."""
        if self.ask():
            self.session.replace(Document())
            self.opened.emit(None)

    def open(self, path: Path | None = None) -> None:
        """Open a config, or the folder of a run."""
        if not self.ask():
            return
        if path is None:
            start = str(self.session.document.base)
            picked, _ = QFileDialog.getOpenFileName(
                self.window, tr("Open a config"), start, tr("Configs (*.json);;All (*)")
            )
            if not picked:
                return
            path = Path(picked)
        self.load(path)

    def open_run(self) -> None:
        """Open the folder of a run."""
        picked = QFileDialog.getExistingDirectory(self.window, tr("Open a run"))
        if picked and self.ask():
            self.load(Path(picked))

    def load(self, path: Path) -> None:
        """Show a config, or a run with the config it was made of; unsaved changes are not asked for."""
        run = path.is_dir()
        try:
            document = Document.open(path / "config.json" if run else path, as_copy=run)
        except ConfigError as error:
            text = tr("%s holds no run") % path if run else str(error)
            self.session.said.emit(text, "wrong")
            return
        self.session.replace(document)
        if path.exists():
            self.settings.opened(path)
        self.opened.emit(path if run else None)

    def save(self, *, elsewhere: bool = False) -> bool:
        """Save the config; give whether it is saved."""
        document = self.session.document
        file = document.file
        if file is None or elsewhere:
            start = str(document.file or document.home / f"{document.name}.json")
            picked, _ = QFileDialog.getSaveFileName(
                self.window, tr("Save the config"), start, tr("Configs (*.json)")
            )
            if not picked:
                return False
            file = Path(picked)
            file = file if file.suffix else file.with_suffix(".json")
        try:
            document.save(file)
        except OSError as error:
            why = error.strerror or str(error)
            self.session.said.emit(tr("%s cannot be written") % file + f": {why}", "wrong")
            return False
        self.settings.opened(file)
        return True
