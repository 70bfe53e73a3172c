"""The probed model as a module, for libraries that want one."""

from __future__ import annotations

from torch import Tensor, nn

from esegeta.probe.network import Network
from esegeta.probe.normalise import normalised
from esegeta.probe.objective import Objective


class ScoreModule(nn.Module):
    """Images (N, C, *spatial) to the scores (N, K) of a probe.

    Attributes
    ----------
    normalised : bool
        Whether the model was rewritten for libraries that hook modules.
    """

    def __init__(
        self, network: Network, objective: Objective, image: Tensor, *, for_hooks: bool
    ) -> None:
        super().__init__()
        rewritten = None
        if for_hooks:
            with network.borrowed():
                rewritten = normalised(network.module, image.to(network.dtype), network.select)
        self.normalised = rewritten is not None
        self.model = network.module if rewritten is None else rewritten
        self._network = network  # no modules, so that only the model itself is hooked
        self._objective = objective
        self._own = Network(self.model, output=network.output, amp=network.amp)

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, K)."""
        self._network.forwards += len(images)
        with self._own.borrowed():
            scores = self._objective.scores(self._own, images)
        if scores.requires_grad:
            scores.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        return scores

    def _count_backward(self, gradient: Tensor) -> None:
        self._network.backwards += len(gradient)
