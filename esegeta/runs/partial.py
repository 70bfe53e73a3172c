"""What a long job has found so far, in files, so that another attempt goes on from there."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from esegeta.files import replacing
from esegeta.probe.checkpoint import Checkpoint, sums_of

#: Seconds of work from which an answer as large as the image is worth its place on the disk.
WORTH = 2.0

#: Seconds between two writings of sums that are still growing.
EVERY = 30.0

IDENTITY, SCORES = "identity", "scores.jsonl"


class Partial(Checkpoint):
    """A folder of a job's answers.

    Parameters
    ----------
    folder : Path
        Made when there is something to keep; emptied where it is of something else.
    identity : str
        What the answers depend on: the job's fingerprint.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder
        self._identity = identity
        self._asked = 0
        self._written = time.monotonic()
        self.used = False
        if _read(folder / IDENTITY) != identity:
            self.clear()
        self._scores = self._known_scores()

    def clear(self) -> None:
        """Take it all away: the job is done."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def question(self) -> str:
        """Number the method's next question."""
        self._asked += 1
        return str(self._asked)

    def scores(self, question: str) -> list[list[float]]:
        """The scores known of a question's first images."""
        known = self._scores.get(question, [])
        self.used |= bool(known)
        return known

    def add_scores(self, question: str, scores: Tensor) -> None:
        """Keep the scores (n, K) of a question's next images."""
        rows = scores.double().tolist()
        self._scores.setdefault(question, []).extend(rows)
        self._make()
        with (self._folder / SCORES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"question": question, "scores": rows}) + "\n")

    def tensors(self, name: str) -> dict[str, Tensor] | None:
        """What was kept under a name; None where there is nothing whole."""
        try:
            found: dict[str, Tensor] = load_file(self._folder / f"{name}.safetensors")
        except (OSError, SafetensorError):
            return None
        self.used = True
        return found

    def keep(self, name: str, tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Keep an answer that took so long to find, and forget the sums that led to it."""
        if seconds >= WORTH:
            self._write(name, tensors)
        (self._folder / f"{sums_of(name)}.safetensors").unlink(missing_ok=True)

    def keep_sums(self, name: str, tensors: Callable[[], Mapping[str, Tensor]]) -> None:
        """Keep what has been added up so far of an answer, from time to time."""
        if time.monotonic() - self._written >= EVERY:
            self._write(name, tensors())

    def _write(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        self._make()
        with replacing(self._folder / f"{name}.safetensors") as path:
            save_file({key: value.contiguous().cpu() for key, value in tensors.items()}, path)
        self._written = time.monotonic()

    def _make(self) -> None:
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True)
            (self._folder / IDENTITY).write_text(self._identity, encoding="utf-8")

    def _known_scores(self) -> dict[str, list[list[float]]]:
        known: dict[str, list[list[float]]] = {}
        text = _read(self._folder / SCORES)
        if text and not text.endswith("\n"):
            with (self._folder / SCORES).open("a", encoding="utf-8") as file:
                file.write("\n")
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:  # half of one, from an attempt that was killed
                continue
            known.setdefault(entry["question"], []).extend(entry["scores"])
        return known


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
