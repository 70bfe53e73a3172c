"""What a long method has been told so far, kept so that another attempt goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor


class Checkpoint(Protocol):
    """Keeps the answers that a method was given, in the order in which it asked.

    A method asks the same every time, as all its chance comes from its seed. So another attempt is
    given the answers that are there, and the model only passes for the others.

    Attributes
    ----------
    used : bool
        Whether an earlier attempt's answer was given.
    """

    used: bool

    def question(self) -> str:
        """Number the method's next question."""

    def scores(self, question: str) -> list[list[float]]:
        """The scores known of a question's first images."""

    def add_scores(self, question: str, scores: Tensor) -> None:
        """Keep the scores (n, K) of a question's next images."""

    def tensors(self, name: str) -> dict[str, Tensor] | None:
        """What was kept under a name; None where there is nothing whole."""

    def keep(self, name: str, tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Keep an answer that took so long to find, and forget the sums that led to it."""

    def keep_sums(self, name: str, tensors: Callable[[], Mapping[str, Tensor]]) -> None:
        """Keep what has been added up so far of an answer, from time to time."""


class Sums:
    """What has been added up so far of one answer of a checkpoint.

    Parameters
    ----------
    checkpoint : Checkpoint
    answer : str
        The answer's name.
    """

    def __init__(self, checkpoint: Checkpoint, answer: str) -> None:
        self._checkpoint = checkpoint
        self._name = sums_of(answer)

    def known(self) -> dict[str, Tensor] | None:
        """What an earlier attempt has added up."""
        return self._checkpoint.tensors(self._name)

    def keep(self, tensors: Callable[[], Mapping[str, Tensor]]) -> None:
        """Keep what has been added up, if it is time to; `tensors` is called only then."""
        self._checkpoint.keep_sums(self._name, tensors)


def sums_of(answer: str) -> str:
    """The name under which the sums that lead to an answer are kept."""
    return f"{answer} so far"
