"""Programs in a process of their own that begin at once: forked from one that has imported esegeta.

It is the server that a run's workers are forked from. What is forked from it has descriptors, an
environment and a folder of its own, leads a session, can be interrupted and killed, and ends with an
exit code; its own workers come from the same server. Only where the server does not exist, or where
what is tested is the start itself, a test starts a new Python.
"""

import importlib
import os
import shutil
import signal
import sys
import tempfile
import weakref
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

from esegeta.runs.beginning import Context

PROGRAMS = {"esegeta": ("esegeta.cli", "main"), "pytest": ("pytest", "console_main")}


class Forked:
    """A program that runs; the part of `subprocess.Popen` that tests use.

    Parameters
    ----------
    program : str
        One of `PROGRAMS`.
    *arguments
        Its command line.
    cwd : path, optional
    env : dict, optional
        Its environment, instead of this process's.
    stdin : str
        What it reads.
    """

    def __init__(
        self,
        program: str,
        *arguments: object,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        stdin: str = "",
    ) -> None:
        self._scratch = Path(tempfile.mkdtemp())
        self._streams = [self._scratch / name for name in ("in", "out", "err")]
        for path in self._streams:
            path.write_text(stdin if path.name == "in" else "")
        environment = dict(os.environ if env is None else env)
        line = [program, *map(str, arguments)]
        where = str(cwd or Path.cwd())
        self._process = Context().Process(
            target=_begin, args=(line, self._streams, environment, where)
        )
        self._process.start()
        self.pid = self._process.pid
        # Also where a test fails: what still ran would be waited for at the very end.
        weakref.finalize(self, _end, self._process, self._scratch)

    def poll(self) -> int | None:
        return self._process.exitcode

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise TimeoutExpired("forked", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and give what it wrote on stdout and stderr."""
        self.wait(timeout)
        return self._streams[1].read_text(), self._streams[2].read_text()


def forked(
    program: str, *arguments: object, timeout: float = 250, **options: object
) -> CompletedProcess[str]:
    """Run a program to its end; `subprocess.run` for what is forked."""
    running = Forked(program, *arguments, **options)
    try:
        out, err = running.communicate(timeout)
    except TimeoutExpired:
        running.kill()
        raise
    return CompletedProcess([program, *map(str, arguments)], running.returncode, out, err)


def _end(process: BaseProcess, scratch: Path) -> None:
    if process.is_alive():
        process.kill()
    shutil.rmtree(scratch, ignore_errors=True)


def _begin(line: list[str], streams: list[Path], environment: dict[str, str], where: str) -> None:
    os.setsid()
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.chdir(where)
    os.environ.clear()
    os.environ.update(environment)
    # Its workers shall come from the server that it comes from.
    forkserver.ensure_running = forkserver._forkserver.ensure_running = lambda: None
    sys.argv = line
    module, function = PROGRAMS[line[0]]
    sys.exit(getattr(importlib.import_module(module), function)())
