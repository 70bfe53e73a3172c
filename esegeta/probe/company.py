"""Images that are asked the same, one after another, and so pass through the model together."""

from __future__ import annotations

from torch import Tensor

from esegeta.probe.backward import Answer
from esegeta.probe.questions import Questions
from esegeta.probe.rules import Rule


class Company:
    """Other images of a probe's question; the first that asks something asks it for all of them.

    Parameters
    ----------
    ask : Questions
        Of the probe; its target is frozen.
    images : Tensor
        (N, C, *spatial).
    """

    def __init__(self, ask: Questions, images: Tensor) -> None:
        self._ask = ask
        self._images = images
        self._answers: dict[tuple[tuple[str, ...], bool, Rule], list[Answer]] = {}

    def answer(self, number: int, layers: tuple[str, ...], image: bool, rule: Rule) -> Answer:
        """What one pass tells of an image, by its number, under a rule.

        Parameters
        ----------
        layers : tuple of str
            Which layers are asked about.
        image : bool
            Whether the image itself is.
        """
        asked = (layers, image, rule)
        if asked not in self._answers:
            self._answers[asked] = self._ask.each(self._images, layers, image, rule)
        return self._answers[asked][number]
