"""Writes the view as a picture, and the map's file to another place."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QPoint, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from esegeta.errors import EsegetaError
from esegeta.files import replacing
from esegeta.report.reading import Job

from ..language import tr


class ExportError(EsegetaError):
    """A file cannot be written; the message says why."""


def view(widget: QWidget, path: Path) -> None:
    """Write what a widget shows: SVG by that ending, else PNG.

    Raises
    ------
    ExportError
    """
    try:
        with replacing(path) as temporary:
            if path.suffix.lower() == ".svg":
                _svg(widget, temporary)
            elif not widget.grab().save(str(temporary), "PNG"):
                raise OSError(tr("the picture cannot be written"))
    except OSError as error:
        raise ExportError(
            tr("%s cannot be written") % path + f": {error.strerror or error}"
        ) from error


def _svg(widget: QWidget, path: Path) -> None:
    """Write letters and lines as such, and each slice as the pixels it has on the screen."""
    from PySide6.QtSvg import QSvgGenerator

    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(QSize(widget.width(), widget.height()))
    generator.setViewBox(widget.rect())
    generator.setTitle("esegeta")
    painter = QPainter()
    if not painter.begin(generator):
        raise OSError(tr("the picture cannot be written"))
    widget.render(painter, QPoint())
    painter.end()


def map_file(run: Path, job: Job) -> Path:
    """Give the file of a job's map.

    Raises
    ------
    ExportError
        Where there is none.
    """
    name = (job.result.get("files") or {}).get("map")
    path = run / job.id / str(name)
    if not name or not path.is_file():
        raise ExportError(tr("%s has no map file") % job.id)
    return path


def copy_map(run: Path, job: Job, path: Path) -> None:
    """Copy a job's map as it is.

    Raises
    ------
    ExportError
    """
    source = map_file(run, job)
    try:
        with replacing(path) as temporary:
            shutil.copyfile(source, temporary)
    except OSError as error:
        raise ExportError(
            tr("%s cannot be written") % path + f": {error.strerror or error}"
        ) from error


def ending(path: Path) -> str:
    """Give the whole ending of a map's file."""
    return ".nii.gz" if path.name.endswith(".nii.gz") else path.suffix


def beside(path: Path, suffix: str) -> Path:
    """Give a path an ending, where it has another or none."""
    return path if path.name.lower().endswith(suffix) else path.with_name(path.name + suffix)
