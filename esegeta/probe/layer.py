"""One layer of the probed model, seen on its grid."""

from __future__ import annotations

from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe.questions import Questions
from esegeta.probe.rules import Rule
from esegeta.probe.tokens import as_grid


class Layer:
    """A layer's activation and gradient; token layers are turned into grids.

    Attributes
    ----------
    name : str
        The module's name, with ``#2`` for the second of several calls.
    """

    def __init__(self, ask: Questions, name: str) -> None:
        self._ask = ask
        self.name = name

    @property
    def activation(self) -> Tensor:
        """(1, K, *grid) what the layer returns for the image."""
        return self._grid(self._ask.activation(self.name))

    def gradient(self, rule: Rule = "plain") -> Tensor:
        """(1, K, *grid) the gradient of the score at the layer's output."""
        return self._grid(self._ask.answer(self.name, rule).gradient(self.name))

    def _grid(self, output: Tensor) -> Tensor:
        grid = as_grid(output, self._ask.image.shape[2:])
        if grid is None:
            raise MethodError(
                f"The layer '{self.name}' returns shape {tuple(output.shape)}, which is no grid over "
                "the image; choose a layer before the spatial axes are lost ('esegeta layers CONFIG' "
                "lists them)."
            )
        return grid
