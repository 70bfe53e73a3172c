"""Opens the wizard."""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from . import theme
from .language import tr
from .places import warm
from .recent import Settings
from .translations import install
from .window import Window


def main(path: Path | None = None) -> int:
    """Open a window, with a config or a run in it; give the exit code."""
    # Here and not in a thread: it looks through every class of Qt, and the process dies where another
    # thread makes some meanwhile.
    import pyqtgraph  # type: ignore[import-untyped]  # noqa: F401

    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("esegeta")
    settings = Settings()
    install(app, settings.language)
    theme.apply(app, settings.theme)
    window = Window(settings)
    window.show()
    if path is not None:
        window.files.load(path)
    sys.excepthook = partial(_complain, window)
    # The plug-ins are read once the window is there to be seen, and so are the slow libraries.
    QTimer.singleShot(0, window.session.start)
    libraries = threading.Thread(target=warm, daemon=True)
    libraries.start()
    signal.signal(signal.SIGINT, lambda *_: window.close())
    awake = QTimer(interval=500)  # lets Python see Ctrl-C
    awake.timeout.connect(lambda: None)
    awake.start()
    code = int(app.exec())
    libraries.join()
    return code


def _complain(
    window: Window,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    """Tell of a fault of the wizard itself; it goes on, and the terminal has the details."""
    sys.__excepthook__(kind, error, trace)
    text = tr("The wizard has a fault: %s")
    window.banner.say(text % f"{kind.__name__}: {error}", "wrong")
