"""The probed model as a module, for libraries that want one."""

from __future__ import annotations

from torch import Tensor, nn

from esegeta.probe.network import Network
from esegeta.probe.normalise import normalised
from esegeta.probe.objective import Objective
from esegeta.probe.patches import PatchedNetwork
from esegeta.probe.pull import Unfolded, WithGraph


class ScoreModule(nn.Module):
    """Images (N, C, *spatial) to the scores (N, K) of a probe.

    Attributes
    ----------
    normalised : bool
        Whether the model was rewritten for libraries that hook modules.
    """

    def __init__(
        self,
        network: Network | PatchedNetwork,
        objective: Objective,
        image: Tensor,
        *,
        for_hooks: bool,
    ) -> None:
        super().__init__()
        rewritten = None
        if for_hooks:
            example = network.example(image).to(network.dtype)
            with network.borrowed():
                rewritten = normalised(network.module, example, network.select)
        self.normalised = rewritten is not None
        self.model = network.module if rewritten is None else rewritten
        self._objective = objective
        # (No module, so that only the model itself is hooked.) What it remembers of patches serves here.
        self._own = network if rewritten is None else network.around(rewritten)
        self._asked: Network | Unfolded | WithGraph
        if isinstance(network, PatchedNetwork) and for_hooks:
            network.require_together()
        if isinstance(self._own, PatchedNetwork):
            self._asked = Unfolded(self._own) if for_hooks else WithGraph(self._own)
        else:
            self._asked = self._own

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, K)."""
        with self._own.borrowed():
            scores = self._objective.scores(self._asked, images)
        if scores.requires_grad:
            scores.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        return scores

    def _count_backward(self, gradient: Tensor) -> None:
        self._own.counts.backward += len(gradient) * self._asked.passes_back
