"""One layer of the probed model, seen on its grid."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe.rules import Rule
from esegeta.probe.tracing import Tracing


class Layer:
    """A layer's activation and gradient; token layers are turned into grids.

    Attributes
    ----------
    name : str
        The module's name, with ``#2`` for the second of several calls.
    """

    def __init__(self, ask: Tracing, name: str) -> None:
        self._ask = ask
        self.name = name

    @property
    def activation(self) -> Tensor:
        """(1, K, *grid) what the layer returns for the image."""
        return self.on_grid(self._ask.activation(self.name))

    def gradient(self, rule: Rule = "plain") -> Tensor:
        """(1, K, *grid) the gradient of the score at the layer's output."""
        return self.on_grid(self._ask.answer(self.name, rule).gradient(self.name))

    def at(self, images: Tensor, rule: Rule = "plain") -> tuple[Tensor, Tensor]:
        """(N, K, *grid) what it returns for images (N, C, *spatial), and each score's gradient there."""
        values, gradients = self._ask.at(images.to(self._ask.image), self.name, rule)
        return self.on_grid(values), self.on_grid(gradients)

    def along(self, start: Tensor, parts: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The score with the layer part of the way (N,) from its values for a start to those it has.

        All else of the model sees the image.

        Parameters
        ----------
        start : Tensor
            (1, C, *spatial), a baseline.

        Yields
        ------
        scores : Tensor
            (n,).
        flows : Tensor
            (n, K, *grid) the gradient there, times how far the values are from those for the start.
        """
        for scores, flows in self._ask.along(self.name, start.to(self._ask.image), parts):
            yield scores, self.on_grid(flows)

    def ablated(self, channels: Tensor) -> Tensor:
        """(N,) the score of the image where one channel (N,) each is set to zero."""
        return self._ask.ablated(self.name, channels)

    def on_grid(self, output: Tensor) -> Tensor:
        """(N, K, *grid) what the layer returned, or what is known of it, on its grid.

        Raises
        ------
        MethodError
            If it has none.
        """
        grid = self._ask.network.as_grid(output, self._ask.image.shape[2:])
        if grid is None:
            raise MethodError(
                f"The layer '{self.name}' returns shape {tuple(output.shape)}, which is no grid over "
                "the image; choose a layer before the spatial axes are lost ('esegeta layers CONFIG' "
                "lists them)."
            )
        return grid
