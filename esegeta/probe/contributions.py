"""What each voxel, or each unit of a layer, contributes to the score against a baseline.

By the rescale rule (`rules.rescale`): the multiplier at a place times how much the place differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from esegeta.checks import COMPLETENESS_LIMIT, Check
from esegeta.errors import MethodError, ModelError, counted
from esegeta.probe.backward import Answer, gradients_of, require_gradient, require_open
from esegeta.probe.capture import Capture
from esegeta.probe.checkpoint import Sums
from esegeta.probe.network import Network
from esegeta.probe.objective import Objective
from esegeta.probe.patches import PatchedNetwork
from esegeta.probe.pull import Passed, Pull
from esegeta.probe.rules import RescaleRule

#: The rescale rule is exact: a larger relative error than rounding makes says that a rule is missing.
EXACT = 0.01
ROUNDING = 1e-3

#: What is compared at a place: the image's values with their graph, and the baseline's.
_Ends = dict["str | None", tuple[Tensor, Tensor]]

#: Units in the last place of the scores that rounding may make of a sum over all voxels.
UNITS = 100


@dataclass
class Contributions:
    """What an image's places contribute to its score, against N baselines.

    Attributes
    ----------
    scores, before : Tensor
        (N,) of the image, and of the baselines.
    values : dict
        Per place, a layer's address or None for the image, as the place returns it (N, …); None where
        the score does not depend on it.
    unknown : Counter
        Calls of functions that the rule does not know, by name.
    beside : bool
        Whether the score also depends on the image beside the layers, where these alone were asked.
    """

    scores: Tensor
    before: Tensor
    values: dict[str | None, Tensor | None]
    unknown: Counter[str] = field(default_factory=Counter)
    beside: bool = False

    def at(self, place: str | None) -> Tensor:
        """The contributions of a layer, or of the image (None).

        Raises
        ------
        MethodError
            If the score does not depend on it.
        """
        return Answer(self.scores, self.values).gradient(place)

    @property
    def error(self) -> float:
        """How far those of the first place are from adding up to the difference of scores, relatively.

        That is the image, where it was asked.
        """
        totals = self.at(next(iter(self.values))).double().flatten(1).sum(1)
        differences = self.scores.double() - self.before.double()
        return float((totals - differences).abs().sum() / differences.abs().sum().clamp(min=1e-12))

    def check(self) -> Check:
        """How nearly they add up."""
        return Check(
            "completeness", self.error, self.error <= COMPLETENESS_LIMIT, COMPLETENESS_LIMIT
        )

    def require_exact(self) -> None:
        """Refuse contributions that miss the difference of scores by more than rounding.

        Raises
        ------
        MethodError
            With the functions of the model that the rule does not know.
        """
        scores, before = self.scores.double(), self.before.double()
        rounding = (
            UNITS * torch.finfo(self.scores.dtype).eps * float((scores.abs() + before.abs()).sum())
        )
        difference = float((scores - before).abs().sum())
        if self.error * max(difference, 1e-12) <= EXACT * difference + rounding:
            return
        reason = (
            f"It does not know these functions of the model: {self.strangers}."
            if self.unknown
            else "A part of the model depends on the image in a way that is hidden from it (a stored "
            "value, a conversion to numpy)."
        )
        raise MethodError(
            f"The contributions miss score(image) − score(baseline) by {self.error:.1%}, where the rescale "
            f"rule promises that they add up. {reason} Another method ('integrated_gradients') serves "
            "this model."
        )

    @property
    def strangers(self) -> str:
        """The functions that the rule does not know, in words; empty where there are none."""
        return ", ".join(f"{name} ({counted(n, 'call')})" for name, n in self.unknown.items())

    @classmethod
    def together(cls, batches: Iterable[Contributions]) -> Contributions:
        """Those of several batches of baselines as one."""
        found = list(batches)
        if len(found) == 1:
            return found[0]
        places = found[0].values
        values: dict[str | None, Tensor | None] = {}
        for place in places:
            parts = [one.values[place] for one in found]
            known = [part for part in parts if part is not None]
            values[place] = torch.cat(known) if len(known) == len(parts) else None
        scores, before = (
            torch.cat(parts) for parts in zip(*((f.scores, f.before) for f in found), strict=True)
        )
        unknown = sum((one.unknown for one in found), Counter[str]())
        return cls(scores, before, values, unknown, any(one.beside for one in found))

    def tensors(self) -> dict[str, Tensor]:
        """All but the unknown functions by name, to be written to a file."""
        return {"before": self.before, **Answer(self.scores, self.values).tensors()}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], places: Iterable[str | None]) -> Contributions:
        """What `tensors` wrote about these places."""
        answer = Answer.of(tensors, places)
        return cls(answer.scores, tensors["before"], answer.gradients)


def contributions(
    network: Network,
    objective: Objective,
    images: Tensor,
    starts: Tensor,
    layers: Iterable[str] = (),
    *,
    image: bool = True,
) -> Contributions:
    """What the places of each image contribute against its own baseline.

    Parameters
    ----------
    images, starts : Tensor
        (N, C, *spatial) each.
    layers : iterable of str
        Layers that are asked about beside the image.
    image : bool
        Whether the image is asked; without it the rule starts at the layers, and takes what comes from the
        image beside them for constant.

    Raises
    ------
    MethodError
        If the rule cannot reach into the model, or the model goes another way for the baseline.
    """
    require_open(network, "rescale")
    with torch.inference_mode(False), network.borrowed():
        rule, index = RescaleRule(), objective.index
        reference = Capture(network.module, layers, differentiable=True)
        capture = Capture(network.module, layers, differentiable=True)
        leaf = images.detach().clone().requires_grad_(image)
        with _told(rule):
            with rule.of_baseline(), reference:
                start = starts.detach().clone().requires_grad_(image)
                before = objective.scores(network, start)[:, index].detach()
            with rule.of_image(), capture, _noted(network, rule, alone=not image):
                scores = objective.scores(network, leaf)[:, index]
        if rule.beside or not (image or scores.requires_grad):
            return Contributions(scores, before, {}, beside=True)
        require_gradient(scores)
        rule.look_for_escaped(scores)
        ends: _Ends = {None: (leaf, starts)} if image else {}
        values = _products(scores, None, ends, capture, reference)
    network.counts.backward += len(images)
    return Contributions(scores.detach(), before, values, rule.unknown)


@contextmanager
def _noted(network: Network, rule: RescaleRule, *, alone: bool) -> Iterator[None]:
    """Let the rule know what the model starts from, where layers alone are asked."""

    def note(module: nn.Module, inputs: Any) -> None:
        rule.comes_before(inputs)

    hook = network.module.register_forward_pre_hook(note) if alone else None
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()


@contextmanager
def _told(rule: RescaleRule) -> Iterator[None]:
    """Say of a model that was stopped by the rule what the rule said."""
    try:
        yield
    except ModelError:
        if rule.failed is not None:
            raise rule.failed from None
        raise


def _products(
    values: Tensor,
    seeds: Tensor | None,
    ends: _Ends,
    capture: Capture,
    reference: Capture,
) -> dict[str | None, Tensor | None]:
    """Per place the multiplier times the difference."""
    places = dict(ends)
    for name in capture.wanted:
        places[name] = capture.output(name), reference.output(name)
    multipliers = gradients_of(values, [x for x, _ in places.values()], seeds)
    return {
        place: None if multiplier is None else multiplier * (x.detach() - b.detach())
        for (place, (x, b)), multiplier in zip(places.items(), multipliers, strict=True)
    }


def patched_contributions(
    network: PatchedNetwork,
    objective: Objective,
    images: Tensor,
    starts: Tensor,
    layers: Iterable[str] = (),
    sums: Sums | None = None,
) -> Contributions:
    """The same of one volume (1, C, *spatial) that passes in patches.

    The multipliers of the blended output are taken first, as the score is read from it. Each patch
    passes its part of them on, and what its places contribute is added up: blending is linear.

    Parameters
    ----------
    sums : Sums, optional
        Where what is added up is kept, and found from an earlier attempt.
    """
    require_open(network, "rescale")
    rule, index = RescaleRule(), objective.index
    with torch.inference_mode(False), network.borrowed():
        with torch.no_grad(), network.looking_at(objective.mask):
            outputs = [network.reach(volume, objective.layer) for volume in (starts, images)]
        # (In whatever the wrapper does in place, it does not do to a leaf of the graph.)
        start, end = (output.requires_grad_() for output in outputs)
        with rule.of_baseline():
            before = objective.read(start.clone())[:, index].detach()
        with rule.of_image():
            scores = objective.read(end.clone())[:, index]
        require_gradient(scores)
        (seed,) = gradients_of(scores, [end])
        pull = _PullContributions(network, images, starts, objective.layer, layers, sums)
        pull.run(torch.zeros_like(end) if seed is None else seed)
    values = pull.gradients
    return Contributions(scores.detach(), before, values, rule.unknown + pull.unknown)


class _PullContributions(Pull):
    """Takes multipliers at a blended output back, and adds up what each patch contributes."""

    def __init__(
        self,
        network: PatchedNetwork,
        volume: Tensor,
        start: Tensor,
        end: str | None,
        layers: Iterable[str],
        sums: Sums | None,
    ) -> None:
        super().__init__(network, volume, end, layers, image=True, rule="plain", sums=sums)
        self.start = start.detach()
        self.unknown: Counter[str] = Counter()

    def _back(self, numbers: Sequence[int], seeds: Tensor) -> Passed:
        rule, module = RescaleRule(), self.network.module
        reference = Capture(module, self.layers)
        capture = Capture(module, self.layers, differentiable=True)
        cut = [self.tiling.cut(self.start, number) for number in numbers]
        before, batch = torch.cat(cut).clone().requires_grad_(), self._cut(numbers).requires_grad_()
        with _told(rule):
            with rule.of_baseline(), reference:
                self.network.values(before, self.end)
            with rule.of_image(), capture:
                values = self.network.values(batch, self.end)
        require_gradient(values)
        rule.look_for_escaped(values)
        self.unknown |= rule.unknown
        found = _products(values, seeds, {None: (batch, before)}, capture, reference)
        self.network.counts.backward += len(numbers)
        return Passed(numbers, found, {})

    def _forth(self, numbers: Sequence[int]) -> Passed:
        """A patch that the score does not depend on contributes nothing."""
        return Passed(numbers, {}, {})
