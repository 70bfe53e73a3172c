"""One layer of the probed model, seen on its grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe.rules import Rule
from esegeta.probe.tokens import as_grid

if TYPE_CHECKING:
    from esegeta.probe.probe import Probe


class Layer:
    """A layer's activation and gradient; token layers are turned into grids.

    Attributes
    ----------
    name : str
        The module's name, with ``#2`` for the second of several calls.
    """

    def __init__(self, probe: Probe, name: str) -> None:
        self._probe = probe
        self.name = name

    @property
    def activation(self) -> Tensor:
        """(1, K, *grid) what the layer returns for the image."""
        return self._grid(self._probe.activation(self.name))

    def gradient(self, rule: Rule = "plain") -> Tensor:
        """(1, K, *grid) the gradient of the score at the layer's output."""
        return self._grid(self._probe.answer(self.name, rule).gradient(self.name))

    def _grid(self, output: Tensor) -> Tensor:
        grid = as_grid(output, self._probe.image.shape[2:])
        if grid is None:
            raise MethodError(
                f"The layer '{self.name}' returns shape {tuple(output.shape)}, which is no grid over "
                "the image; choose a layer before the spatial axes are lost ('esegeta layers CONFIG' "
                "lists them)."
            )
        return grid
