"""Files that others append to, read piece by piece: whole lines of events, and the end of a log."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

BLOCK = 1 << 20
"""Bytes of events read at a time."""

HEAD = 64
"""Bytes by which a file is known again; the first line of events begins with a time."""

SHOWN = 1 << 16
"""Bytes of a log's end that are shown, and read at a time."""

WIDE = 2000
"""Characters after which a line of a log is broken: views are slow on longer ones."""

_CSI, _OSC = r"\[[0-?]{0,16}[ -/]{0,4}", r"\][^\x07\x1b\n]{0,64}"
_ESCAPES = re.compile(rf"\x1b(?:{_CSI}[@-~]|{_OSC}(?:\x07|\x1b\\)|[ -Z\\^-~])")
_OPEN = re.compile(rf"\x1b(?:{_CSI}|{_OSC}\x1b?)?\Z")
"""Colours, titles and the like, whole, and of which the rest is still to come."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Lines(NamedTuple):
    """Lines that were added; all of them from the start where the file is another now."""

    lines: list[bytes]
    anew: bool
    more: bool


def _looks(file: BinaryIO) -> tuple[int, int, bytes]:
    """Give a file's size, its inode and how it begins."""
    facts = os.fstat(file.fileno())
    return facts.st_size, facts.st_ino, file.read(HEAD)


class Grown:
    """The whole lines that were added to a file since last asked.

    Knows a file that was taken away and written anew, also under the same inode.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._head, self._inode = b"", 0

    def read(self, limit: int = BLOCK) -> Lines:
        """Read at most about `limit` bytes; a line still being written is left for the next time."""
        try:
            with self._path.open("rb") as file:
                size, inode, head = _looks(file)
                other = inode != self._inode or not head.startswith(self._head)
                anew = self._at > 0 and (other or size < self._at)
                if anew:
                    self._at = 0
                file.seek(self._at)
                block = file.read(limit)
                if len(block) == limit and b"\n" not in block:
                    block += file.readline()
        except OSError:  # it is not there, or not now
            anew, self._at, self._head = self._at > 0, 0, b""
            return Lines([], anew, more=False)
        block = block[: block.rfind(b"\n") + 1]
        self._at += len(block)
        self._head, self._inode = head[: self._at], inode
        return Lines(block.split(b"\n")[:-1], anew, more=bool(block) and self._at < size)


class Piece(NamedTuple):
    """Text that was added to a log; it takes the place of all before where it is read anew."""

    text: str
    anew: bool


class LogEnd:
    """The end of a log, and what is added to it; what comes too fast to be read is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._head, self._inode = b"", 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._column = 0
        self._held = ""

    def read(self) -> Piece:
        """Read what was added, at most `SHOWN` bytes of it."""
        try:
            with self._path.open("rb") as file:
                size, inode, head = _looks(file)
                other = inode != self._inode or not head.startswith(self._head)
                anew = self._at > 0 and (other or size < self._at)
                start = 0 if anew else self._at
                cut = size - start > SHOWN
                start = size - SHOWN if cut else start
                file.seek(start)
                block = file.read(SHOWN)
        except OSError:
            anew = self._at > 0
            self._forget()
            return Piece("", anew)
        if anew or cut:
            self._forget()
        if cut:  # begin with a whole line
            block = block[block.find(b"\n") + 1 :] if b"\n" in block else block
        self._at = size if cut else start + len(block)
        self._head, self._inode = head[: self._at], inode
        text = self._clean(self._decoder.decode(block))
        return Piece("…\n" + text if cut else text, anew or cut)

    def _forget(self) -> None:
        self._at, self._head, self._column, self._held = 0, b"", 0, ""
        self._decoder.reset()

    def _clean(self, text: str) -> str:
        """Take away what only a terminal understands, and break lines that are too long."""
        text = self._held + text
        self._held = ""
        escape = _OPEN.search(text)
        if escape:
            text, self._held = text[: escape.start()], escape.group()
        text = _ESCAPES.sub("", text)
        if text.endswith("\r"):  # whether a line ends here is still to come
            text, self._held = text[:-1], "\r" + self._held
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return self._broken(_CONTROLS.sub("", text))

    def _broken(self, text: str) -> str:
        lines = []
        for index, line in enumerate(text.split("\n")):
            before = self._column if index == 0 else 0
            room = WIDE - before
            pieces = [line[:room]] if line else [""]
            rest = line[room:]
            pieces += [rest[at : at + WIDE] for at in range(0, len(rest), WIDE)]
            lines.append("\n".join(pieces))
            self._column = len(pieces[-1]) + (before if len(pieces) == 1 else 0)
        return "\n".join(lines)
