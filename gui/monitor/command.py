"""Short commands about a run, such as ``esegeta stop``, that answer in words."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, Signal

from ..helpers import COMMAND, reason
from ..language import tr


class Command(QObject):
    """One command at a time; another is not begun meanwhile.

    Signals
    -------
    succeeded, failed : str
        What it has said.
    """

    succeeded = Signal(str)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None

    @property
    def running(self) -> bool:
        """Whether a command is at work."""
        return self._process is not None

    def start(self, arguments: Sequence[str]) -> None:
        """Start ``esegeta …``."""
        if self._process is not None:
            return
        self._process = process = QProcess(self)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._error)
        process.start(COMMAND[0], [*COMMAND[1:], *arguments])
        process.closeWriteChannel()

    def stop(self) -> None:
        """End the command; nothing is told of it."""
        process, self._process = self._process, None
        if process is not None:
            process.finished.disconnect(self._ended)
            process.kill()
            process.waitForFinished(1000)

    def _ended(self, code: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        out, complaint = (
            bytes(stream.data()).decode(errors="replace").strip()
            for stream in (process.readAllStandardOutput(), process.readAllStandardError())
        )
        process.deleteLater()
        if process.exitStatus() == QProcess.ExitStatus.NormalExit and code == 0:
            self.succeeded.emit(out)
        else:
            self.failed.emit(reason(complaint) or tr("it ended with exit code %d") % code)

    def _error(self, error: QProcess.ProcessError) -> None:
        process = self._process
        if process is not None and error == QProcess.ProcessError.FailedToStart:
            self._process = None
            self.failed.emit(tr("%s cannot be started") % COMMAND[0] + f": {process.errorString()}")
