"""The monitor alone: ``python -m esegeta.gui.monitor RUN …``."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication

from .. import theme
from ..language import tr
from ..recent import Settings
from ..translations import install
from .panel import MonitorPanel


def main(folders: list[str]) -> int:
    """Follow runs in a window of their own; give the exit code."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("esegeta")
    settings = Settings()
    install(app, settings.language)
    theme.apply(app, settings.theme)
    panel = MonitorPanel()
    panel.setWindowTitle(tr("Monitor"))
    panel.resize(1100, 700)
    for folder in folders:
        panel.open_run(Path(folder))
    theme.dress(panel)
    panel.show()
    return int(app.exec())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
