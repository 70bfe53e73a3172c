"""Takes relevance through the model: one pass forward under a rule, and back from the score.

The relevance of a place is its value times its gradient (`rules.relevance`). As contributions, the
relevance of patches is added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from esegeta.probe.backward import gradients_of, require_gradient, require_open
from esegeta.probe.capture import Capture
from esegeta.probe.network import Network
from esegeta.probe.objective import Objective
from esegeta.probe.patches import PatchedNetwork
from esegeta.probe.pull import Passed, Pull
from esegeta.probe.relevance import CONTRA, PRO, Found
from esegeta.probe.rules import Relevance, RelevanceRule

#: Units in the last place of all that is added up that rounding may make.
UNITS = 100


def relevance(
    network: Network,
    objective: Objective,
    image: Tensor,
    rule: Relevance,
    layer: str | None = None,
    contrast: str | None = None,
) -> Found:
    """The relevance of one image's places to its score.

    Parameters
    ----------
    image : Tensor
        (1, C, *spatial).
    layer : str, optional
        The layer that is asked about; without one, the image.
    contrast : str, optional
        The layer at which the unit is compared with its dual.

    Raises
    ------
    MethodError
        If the rule cannot reach into the model.
    """
    require_open(network, "relevance")
    with torch.inference_mode(False), network.borrowed():
        flow = _Flow(network, rule, layer, contrast)
        values = flow.forward(image, objective.layer)
        grid = values if objective.layer is None else network.as_grid(values, image.shape[2:])
        scores, seed, dual = _seed(values if grid is None else grid, objective, rule)
        flow.backward(seed if grid is None else _as(grid, values, seed), dual)
    return Found(scores, flow.values, flow.totals, flow.rule.unknown)


def _as(grid: Tensor, values: Tensor, seed: Tensor) -> Tensor:
    """A seed on a layer's grid as one of what the layer returned."""
    if grid is values:
        return seed
    (found,) = torch.autograd.grad(grid, values, seed, retain_graph=True)
    return found


def _seed(output: Tensor, objective: Objective, rule: Relevance) -> tuple[Tensor, Tensor, bool]:
    """The score that is read from an output, and the relevance there, divided by the value.

    Relevance is the value times the score's gradient. In excitation backprop it is a probability: the
    chance of a unit to be chosen by the score. It starts at the units' duals where the score is read
    from what speaks against them (the other class of a single logit), as the last says.
    """
    with torch.enable_grad():
        end = output.detach().clone().requires_grad_()
        # (In whatever the wrapper does in place, it does not do to a leaf of the graph.)
        scores = objective.read(end.clone())[:, objective.index]
    require_gradient(scores)
    (seed,) = gradients_of(scores, [end])
    if seed is None:
        return scores.detach(), torch.zeros_like(output), False
    dual = rule.kind == "excitation" and not bool((seed > 0).any())
    if rule.kind == "excitation":
        chance = (-seed if dual else seed).clamp(min=0)
        seed = chance / chance.sum().clamp(min=torch.finfo(chance.dtype).tiny)
        seed = torch.where(output != 0, seed / torch.where(output != 0, output, 1), 0)
    return scores.detach(), seed.detach(), dual


class _Flow:
    """Takes relevance through the model, once forward, and back from a seed.

    Attributes
    ----------
    values, totals : dict
        As of `Found`.
    """

    def __init__(
        self,
        network: Network | PatchedNetwork,
        rule: Relevance,
        layer: str | None,
        contrast: str | None,
    ) -> None:
        self.network, self.layer, self.contrast = network, layer, contrast
        self.rule = RelevanceRule(rule)
        wanted = dict.fromkeys(name for name in (layer, contrast) if name is not None)
        self.capture = Capture(network.module, wanted, differentiable=True)
        self.values: dict[str | None, Tensor | None] = {}
        self.totals: dict[str, Tensor] = {}

    def forward(self, images: Tensor, end: str | None) -> Tensor:
        """What the model, or its layer ``end``, returns for images."""
        self.leaf = images.detach().clone().requires_grad_()
        with torch.enable_grad(), self.network.under(self.rule), self.capture:
            if isinstance(self.network, PatchedNetwork):
                self.end = self.network.values(self.leaf, end)
            else:
                self.end = self.network.reach(self.leaf, end)
        require_gradient(self.end)
        return self.end

    def backward(self, seed: Tensor, dual: bool) -> None:
        """Take a seed at the output back, or at the duals of its units."""
        self.rule.forget()
        self.rule.turn(self.end, dual)
        place = self.leaf if self.layer is None else self.capture.output(self.layer)
        if self.contrast is None:
            at_image, own = self._pull(self.end, seed, [self.leaf, place], last=True)
            self.values = {self.layer: own}
        else:
            middle = self.capture.output(self.contrast)
            at_image, pro = self._pull(self.end, seed, [self.leaf, middle])
        self._sum_up(seed, at_image)
        if self.contrast is not None:
            assert self.layer is not None, "a contrast is asked at a layer"
            self.rule.turn(self.end, not dual)
            (contra,) = self._pull(self.end, seed, [middle])
            for name, flow in ((PRO, pro), (CONTRA, contra)):
                reached = torch.zeros_like(middle) if flow is None else flow
                self.totals[name] = reached.detach().double().sum()
                (self.values[name],) = self._pull(middle, _divided(reached, middle), [place])

    def _pull(
        self, values: Tensor, seed: Tensor, places: Sequence[Tensor], *, last: bool = False
    ) -> list[Tensor | None]:
        """The relevance at places."""
        if values is places[-1]:
            return [values.detach() * seed]
        found = gradients_of(values, places, seed, keep=not last)
        self.network.counts.backward += len(self.leaf)
        return [
            None if gradient is None else place.detach() * gradient
            for place, gradient in zip(places, found, strict=True)
        ]

    def _sum_up(self, seed: Tensor, at_image: Tensor | None) -> None:
        output = self.end.detach() * seed
        reached = torch.zeros(()) if at_image is None else at_image.double()
        absorbed = self.rule.absorbed
        noise = UNITS * torch.finfo(self.end.dtype).eps
        self.totals = {
            "output": output.double().sum().cpu(),
            "image": reached.sum().cpu(),
            "absorbed": torch.tensor(absorbed, dtype=torch.float64),
            "rounding": (noise * (output.abs().double().sum() + reached.abs().sum())).cpu(),
        }


def _divided(relevance: Tensor, values: Tensor) -> Tensor:
    known = values != 0
    return torch.where(known, relevance / torch.where(known, values, 1), 0).detach()


def patched_relevance(
    network: PatchedNetwork,
    objective: Objective,
    image: Tensor,
    rule: Relevance,
    layer: str | None = None,
    contrast: str | None = None,
) -> Found:
    """The same of a volume (1, C, *spatial) that passes in patches.

    The relevance of the blended output is taken first, as the score is read from it. Each patch takes
    its part of that on, and what its places get is added up: blending is linear.
    """
    require_open(network, "relevance")
    with torch.inference_mode(False), network.borrowed():
        with torch.no_grad(), network.looking_at(objective.mask):
            whole = network.reach(image, objective.layer)
        scores, seed, dual = _seed(whole, objective, rule)
        pull = _PullRelevance(network, image, objective.layer, rule, layer, contrast, dual)
        pull.run(seed)
    return Found(scores, pull.found, pull.totals, pull.unknown)


class _PullRelevance(Pull):
    """Takes relevance at a blended output back, and adds up what each patch gets."""

    def __init__(
        self,
        network: PatchedNetwork,
        volume: Tensor,
        end: str | None,
        rule: Relevance,
        layer: str | None,
        contrast: str | None,
        dual: bool,
    ) -> None:
        super().__init__(network, volume, end, (), image=True, rule="plain")
        self.relevance, self.layer, self.contrast, self.dual = rule, layer, contrast, dual
        self.unknown: Counter[str] = Counter()
        self.totals: dict[str, Tensor] = {
            name: torch.zeros((), dtype=torch.float64)
            for name in ("output", "image", "absorbed", "rounding", PRO, CONTRA)
        }

    def _back(self, numbers: Sequence[int], seeds: Tensor) -> Passed:
        flow = _Flow(self.network, self.relevance, self.layer, self.contrast)
        batch = self._cut(numbers)
        values = flow.forward(batch, self.end)
        self.network.require_independent(batch, values.detach(), self.end)
        flow.backward(seeds.to(values), self.dual)
        self.unknown |= flow.rule.unknown
        for name, total in flow.totals.items():
            self.totals[name] = self.totals[name] + total.cpu()
        return Passed(numbers, flow.values, {})

    @property
    def found(self) -> dict[str | None, Tensor | None]:
        """Relevance by place, or for either side of a contrast."""
        places: list[str | None] = [self.layer] if self.contrast is None else [PRO, CONTRA]
        return {place: self._result(self._pulled, place) for place in places}
