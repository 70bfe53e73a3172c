"""The probed model as a module, for libraries that want one."""

from __future__ import annotations

from torch import Tensor, nn

from esegeta.probe.network import Network
from esegeta.probe.normalise import normalised
from esegeta.probe.target import Target


class ScoreModule(nn.Module):
    """Images (N, C, *spatial) to class scores (N, classes), with the target's frozen mask.

    Attributes
    ----------
    normalised : bool
        Whether the model was rewritten for libraries that hook modules.
    """

    def __init__(self, network: Network, target: Target, image: Tensor, *, for_hooks: bool) -> None:
        super().__init__()
        rewritten = None
        if for_hooks:
            with network.borrowed():
                rewritten = normalised(network.module, image, network.select)
        self.normalised = rewritten is not None
        self.model = network.module if rewritten is None else rewritten
        # Not a submodule: only the model itself may be hooked.
        self._network = network
        self._target = target
        self._counted = Network(self.model, output=network.output)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        before = self._counted.forwards
        with self._counted.borrowed():
            output = self._counted(images)
        self._network.forwards += self._counted.forwards - before
        if output.requires_grad:
            output.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        return self._target.scores(output)

    def _count_backward(self, gradient: Tensor) -> None:
        self._network.backwards += len(gradient)
