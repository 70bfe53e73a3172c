"""What modules and libraries tell by `logging` in a worker, kept at the level that the run asks for."""

import contextlib
import logging

from esegeta.runs.folder import Level, RunFolder, Unwritable


class _ToRunLog(logging.Handler):
    """Writes records to ``run.log``."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "debug"
        if record.levelno >= logging.INFO:
            level = "warning" if record.levelno >= logging.WARNING else "info"
        with contextlib.suppress(Unwritable):  # the job's own files will meet it
            self._folder.log(record.getMessage(), level)


def keep(folder: RunFolder, level: Level) -> None:
    """Send all records to standard error, which a job's log takes, and esegeta's to ``run.log`` too.

    Parameters
    ----------
    folder : RunFolder
    level : str
        The least that is kept.
    """
    form = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=level.upper(), format=form, force=True)
    own = logging.getLogger("esegeta")
    own.handlers = [_ToRunLog(folder)]
