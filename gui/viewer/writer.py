"""Asks where the view or a map is to be written, and writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from ..language import tr
from . import export

if TYPE_CHECKING:
    from .panel import ViewerPanel


class Writer(QObject):
    """Writes what the viewer shows."""

    def __init__(self, panel: ViewerPanel) -> None:
        super().__init__(panel)
        self.panel = panel

    def ask_view(self) -> None:
        """Ask where the view is to be written."""
        name = (self.panel.active or "view").replace("/", "-")
        kinds = tr("Picture (*.png);;Drawing (*.svg)")
        picked, kind = QFileDialog.getSaveFileName(
            self.panel, tr("Export the view"), f"{name}.png", kinds
        )
        if picked:
            path = Path(picked)
            known = path.suffix.lower() in (".png", ".svg")
            self.export_view(
                path if known else export.beside(path, ".svg" if "svg" in kind else ".png")
            )

    def export_view(self, path: Path) -> None:
        """Write what is seen of the maps."""
        columns = self.panel.columns
        if columns is not None:
            self._written(path, lambda: export.view(columns, path))

    def ask_map(self) -> None:
        """Ask where the map's file is to be copied."""
        job, folder = self.panel.job, self.panel.folder
        if job is None or folder is None or job.state != "done":
            return
        try:
            suffix = export.ending(export.map_file(folder, job))
        except export.ExportError as error:
            self.panel.say(str(error), "wrong")
            return
        name = job.id.replace("/", "-") + suffix
        picked, _ = QFileDialog.getSaveFileName(self.panel, tr("Save the map"), name, f"*{suffix}")
        if picked:
            self.export_map(export.beside(Path(picked), suffix))

    def export_map(self, path: Path) -> None:
        """Copy the map that is worked on."""
        job, folder = self.panel.job, self.panel.folder
        if job is not None and folder is not None:
            self._written(path, lambda: export.copy_map(folder, job, path))

    def _written(self, path: Path, write: Callable[[], None]) -> None:
        try:
            write()
        except export.ExportError as error:
            self.panel.say(str(error), "wrong")
        else:
            self.panel.say(tr("Written: %s") % path)
