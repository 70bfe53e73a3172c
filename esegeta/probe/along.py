"""A model whose layer holds values between those for a baseline and those for the image."""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor, nn

from esegeta.probe.capture import Capture, Edit, Reached

#: Where the values' flow is seen.
FLOW = "flow"


class Along(nn.Module):
    """The model of an image, with a layer part of the way from its values for a baseline.

    It takes (N, 2·C + 1, *spatial): the image, the baseline, and which part of the way, the same at
    every voxel. So it passes in patches as the model itself does. The layer holds b + α (a − b), with
    its values a for the image and b for the baseline; all else of the model sees the image.

    The gradient at the layer ``flow`` is (a − b) times the gradient at the layer.

    Parameters
    ----------
    module : nn.Module
    layer : str
        The layer's address.
    """

    def __init__(self, module: nn.Module, layer: str) -> None:
        super().__init__()
        self.module = module
        self.layer = layer
        self.flow = nn.Identity()
        self._known: tuple[Tensor, Tensor] | None = None

    def forward(self, images: Tensor) -> object:
        """What the model returns."""
        channels = images.shape[1] // 2
        image, start, way = images[:, :channels], images[:, channels:-1], images[:, -1]
        part, before = way.flatten(1).amax(1), self._before(start)

        def change(values: Tensor) -> Tensor:
            step = (values - before).detach()
            share = part.reshape(-1, *[1] * (values.dim() - 1)).detach()
            further: Tensor = self.flow(torch.zeros_like(step))
            return before + step * (share + further)

        with Edit(self.module, self.layer, change):
            return self.module(image.clone())

    def _before(self, starts: Tensor) -> Tensor:
        """The layer's values for baselines; of equal ones only once."""
        if all(torch.equal(start, starts[0]) for start in starts[1:]):
            starts = starts[:1]
        if self._known is None or not torch.equal(self._known[0], starts):
            capture = Capture(self.module, [self.layer], stop=True)
            with torch.no_grad(), capture, suppress(Reached):
                self.module(starts.clone())
            self._known = starts.clone(), capture.output(self.layer).detach()
        return self._known[1]
