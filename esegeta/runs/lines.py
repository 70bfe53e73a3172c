"""JSON files that are whole or absent, and files that grow by whole lines."""

import contextlib
import errno
import fcntl
import json
import math
import os
from pathlib import Path
from typing import Any

from esegeta.files import replacing

BLOCK = 1 << 16
"""Bytes read at a time, from the end."""


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None where there is no such file or it is no JSON object."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write JSON that is either wholly there or not at all, also when the power fails."""
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        file.write(encoded(dumps(data, indent=1) + "\n"))
        file.flush()
        os.fsync(file.fileno())


def encoded(text: str) -> bytes:
    r"""Encode text; half of a surrogate pair, which is no character, as JSON does: ``\ud800``."""
    return text.encode("utf-8", "backslashreplace")


def dumps(data: object, indent: int | None) -> str:
    """Write JSON text; numbers JSON does not have (NaN, infinity) become null."""
    return json.dumps(_finite(data), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(data: object) -> object:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return data


def append(path: Path, text: str) -> None:
    """Append to a file: all of the text, or none of it.

    Raises
    ------
    OSError
        Where the disk is full.
    """
    # One write on a file opened for appending is not interleaved with those of other processes.
    content = encoded(text)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        # Between machines that share a disk only a lock does that; not every disk has locks.
        with contextlib.suppress(OSError):
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
        written = os.write(descriptor, content)
        if written < len(content):  # the disk is full
            end = os.lseek(descriptor, 0, os.SEEK_CUR)
            if end == os.fstat(descriptor).st_size:
                os.ftruncate(descriptor, end - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)


def end_with_a_line(path: Path) -> None:
    """Cut off what stands behind a file's last whole line."""
    if not path.is_file():
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        kept = size
        while kept > 0:
            start = max(0, kept - BLOCK)
            file.seek(start)
            found = file.read(kept - start).rfind(b"\n")
            if found >= 0:
                kept = start + found + 1
                break
            kept = start
        if kept < size:
            file.truncate(kept)
