"""The probed model as a module, for libraries that want one."""

from __future__ import annotations

from torch import Tensor, fx, nn

from esegeta.errors import MethodError, listed
from esegeta.probe.network import Network
from esegeta.probe.normalise import normalised
from esegeta.probe.patches import PatchedNetwork
from esegeta.probe.pull import Unfolded, WithGraph
from esegeta.probe.questions import Questions


class ScoreModule(nn.Module):
    """Images (N, C, *spatial) to the scores (N, K) of a probe.

    Attributes
    ----------
    normalised : bool
        Whether the model was rewritten for libraries that hook modules.
    """

    def __init__(self, ask: Questions, *, for_hooks: bool) -> None:
        super().__init__()
        network, rewritten = ask.network, None
        if for_hooks:
            example = network.example(ask.image).to(network.dtype)
            with network.borrowed():
                rewritten = normalised(network.module, example, network.select)
        self.normalised = rewritten is not None
        self.model = network.module if rewritten is None else rewritten
        self._ask = ask
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
            scores = self._ask.objective.scores(self._asked, images)
        if self._ask.progress is not None:
            self._ask.progress()
        if scores.requires_grad:
            scores.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        return scores

    def at_once(self, *, backward: bool = False) -> int:
        """How many images may pass at once: what fits, and one where they influence each other."""
        return self._ask.at_once(backward=backward)

    def layer(self, name: str) -> nn.Module:
        """The module of a layer by its address, for a library that hooks it.

        Raises
        ------
        MethodError
            If a library cannot be shown that layer.
        """
        if isinstance(self._own, PatchedNetwork):
            raise MethodError(
                "A library that hooks a layer would see it patch by patch, without the blending; give the "
                "image whole, or take the method of the same name without the library."
            )
        modules: dict[str, nn.Module] = dict(self.model.named_modules(remove_duplicate=False))
        if isinstance(self.model, fx.GraphModule):
            ran = {node.target for node in self.model.graph.nodes if node.op == "call_module"}
            modules = {name: part for name, part in modules.items() if name in ran}
        if name not in modules:
            raise MethodError(
                f"A library cannot hook '{name}': it needs a module that runs once, and where the model "
                f"is rewritten for hooks, one without parts. There are: {listed(filter(None, modules))}."
            )
        return modules[name]

    def _count_backward(self, gradient: Tensor) -> None:
        self._own.counts.backward += len(gradient) * self._asked.passes_back
