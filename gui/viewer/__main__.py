"""``python -m esegeta.gui.viewer RUN [JOB]``: the viewer in a window of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication

from .. import theme
from ..recent import Settings
from ..translations import install
from .panel import ViewerPanel


def main(arguments: list[str]) -> int:
    """Show a run; give the exit code."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("esegeta")
    settings = Settings()
    install(app, settings.language)
    theme.apply(app, settings.theme)
    panel = ViewerPanel()
    panel.setWindowTitle("esegeta")
    panel.resize(1180, 720)
    theme.dress(panel)
    panel.show()
    if arguments:
        panel.open_run(Path(arguments[0]), *arguments[1:2])
    return int(app.exec())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
