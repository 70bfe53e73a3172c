"""What needs torch runs in helper processes: ``esegeta …`` by QProcess, so that nothing here waits."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from .language import tr

COMMAND = [sys.executable, "-m", "esegeta.cli"]
"""The command line of the same installation."""

PAUSE = 150
"""Milliseconds without an edit before a config is checked."""


class _Process(QObject):
    """Keeps one process of the command line; what is told of an earlier one is not heard."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None

    def _begin(self, arguments: Sequence[str], folder: Path | None) -> QProcess:
        process = QProcess(self)
        self._process = process
        if folder is not None:
            process.setWorkingDirectory(str(folder))
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._error)
        process.start(COMMAND[0], [*COMMAND[1:], *arguments])
        return process

    def _kill(self) -> bool:
        """End the process, if there is one; it goes away by itself."""
        process, self._process = self._process, None
        if process is None:
            return False
        process.readyReadStandardOutput.disconnect(self._read)
        process.finished.disconnect(self._ended)
        process.errorOccurred.disconnect(self._error)
        process.finished.connect(process.deleteLater)
        process.kill()
        return True

    def _read(self) -> None:
        """Take what it has printed so far."""

    def _ended(self, code: int, status: QProcess.ExitStatus) -> None:
        """It has ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        said = bytes(process.readAllStandardOutput().data())
        complaint = bytes(process.readAllStandardError().data()).decode(errors="replace")
        process.deleteLater()
        if status == QProcess.ExitStatus.CrashExit:
            crashed = tr("the helper process crashed")
            complaint = f"{crashed}\n{complaint.strip()}".strip()
        self._over(code, said, complaint)

    def _error(self, error: QProcess.ProcessError) -> None:
        process = self._process
        if process is not None and error == QProcess.ProcessError.FailedToStart:
            self._process = None
            process.deleteLater()
            self._over(
                -1, b"", tr("%s cannot be started") % COMMAND[0] + f": {process.errorString()}"
            )

    def _over(self, code: int, said: bytes, complaint: str) -> None:
        raise NotImplementedError


class Helper(_Process):
    """One command at a time that answers with JSON; a new one takes the place of the last.

    Signals
    -------
    answered : object
        The JSON data it printed.
    failed : str
        Why there is none, in words.
    busy : bool
        Whether it is at work.
    """

    answered = Signal(object)
    failed = Signal(str)
    busy = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._codes: tuple[int, ...] = (0,)

    @property
    def running(self) -> bool:
        """Whether a command is at work."""
        return self._process is not None

    def start(
        self,
        arguments: Sequence[str],
        request: Any = None,
        folder: Path | None = None,
        codes: Sequence[int] = (0,),
    ) -> None:
        """Start a command; `request` is sent to it as JSON, `codes` are exit codes of answers."""
        self._kill()
        self._codes = tuple(codes)
        process = self._begin(arguments, folder)
        if request is not None:
            process.write(json.dumps(request).encode())
        process.closeWriteChannel()
        # A program that is not there has told so already.
        self.busy.emit(self.running)

    def stop(self) -> None:
        """End the command, if one is at work; nothing is told of it."""
        if self._kill():
            self.busy.emit(False)

    def _over(self, code: int, said: bytes, complaint: str) -> None:
        self.busy.emit(False)
        try:
            answer = json.loads(said) if code in self._codes else None
        except ValueError:
            answer = None
        if answer is None:
            self.failed.emit(reason(complaint) or tr("it ended with exit code %d") % code)
        else:
            self.answered.emit(answer)


class Server(_Process):
    """``esegeta inspect serve``: knows the plug-ins, and checks the config as it is edited.

    Signals
    -------
    ready : object
        The catalogue of plug-ins and the schema.
    checked : object
        What is wrong with the config, and what its run would do.
    failed : str
        Why there is neither.
    """

    ready = Signal(object)
    checked = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rest = b""
        self._told = self._waits = False
        self._next: dict[str, Any] | None = None
        self._timer = QTimer(self, singleShot=True, interval=PAUSE)
        self._timer.timeout.connect(self._send)

    @property
    def serves(self) -> bool:
        """Whether it has told what there is, and answers."""
        return self._told

    def start(self, plugins: Sequence[Path], folder: Path) -> None:
        """Start it anew, with these folders of plug-ins."""
        self.stop()
        arguments = ["inspect", "serve"]
        for path in plugins:
            arguments += ["--plugins", str(path)]
        self._begin(arguments, folder)

    def stop(self) -> None:
        """End it."""
        self._rest, self._told, self._waits = b"", False, False
        self._kill()

    def check(self, data: Any, base: Path) -> None:
        """Check a config soon; of several in a row only the last."""
        self._next = {"config": data, "base": str(base)}
        self._timer.start()

    def _send(self) -> None:
        if self._process is None or not self._told or self._waits or self._next is None:
            return
        request, self._next = self._next, None
        self._waits = True
        self._process.write(json.dumps(request).encode() + b"\n")

    def _read(self) -> None:
        if self._process is None:
            return
        lines = (self._rest + bytes(self._process.readAllStandardOutput().data())).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            answer = json.loads(line)
            if self._told:
                self._waits = False
                if self._next is None:  # else it is of an older state
                    self.checked.emit(answer)
            else:
                self._told = True
                self.ready.emit(answer)
        self._send()

    def _over(self, code: int, said: bytes, complaint: str) -> None:
        self._rest, self._told, self._waits = b"", False, False
        self.failed.emit(reason(complaint) or tr("the helper process ended (exit code %d)") % code)


def detached(arguments: Sequence[str], folder: Path, log: Path) -> int | None:
    """Start a command that survives this program; what it says goes to `log`. Gives its pid."""
    # Only the static function gives the pid, and only the shell then takes the output to a file.
    script = 'exec "$@" >> "$0" 2>&1 < /dev/null'
    command = ["-c", script, str(log), *COMMAND, *arguments]
    started, pid = QProcess.startDetached("/bin/sh", command, str(folder))
    return int(pid) if started else None


def reason(complaint: str) -> str:
    """Take from what a command printed on standard error what it says to people."""
    _, found, last = complaint.rpartition("\nesegeta: ")
    if not found:
        found, last = "x" * complaint.startswith("esegeta: "), complaint.removeprefix("esegeta: ")
    return last.strip() if found else complaint.strip()[-2000:]
