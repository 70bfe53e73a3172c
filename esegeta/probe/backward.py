"""One forward and one backward pass that answer every wanted layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe import rules
from esegeta.probe.batches import Dependent
from esegeta.probe.capture import Capture
from esegeta.probe.network import Network, is_out_of_memory
from esegeta.probe.objective import Objective
from esegeta.probe.patches import PatchedNetwork


class NotDifferentiable(MethodError):  # noqa: N818 - says what the score is
    """The score has no gradient."""


@dataclass
class Answer:
    """What one pass told of N images.

    Attributes
    ----------
    scores : Tensor
        (N,) the number explained.
    gradients : dict
        Gradient of the score per place: a layer's address, or None for the images themselves; None
        where the score does not depend on the place.
    activations : dict
        Per layer, as the layer returned it (N, …).
    """

    scores: Tensor
    gradients: dict[str | None, Tensor | None] = field(default_factory=dict)
    activations: dict[str, Tensor] = field(default_factory=dict)

    def merge(self, other: Answer) -> None:
        """Take over what another pass on the same images told."""
        self.activations |= other.activations
        self.gradients |= other.gradients

    def each(self) -> list[Answer]:
        """What it told of each image, where every layer returns a value per image.

        Raises
        ------
        Dependent
            If one does not: images have to be asked about alone.
        """
        count = len(self.scores)
        if count == 1:
            return [self]
        if any(len(values) != count for values in self.activations.values()):
            raise Dependent
        found = []
        for number in range(count):
            one = slice(number, number + 1)
            gradients = {
                place: None if value is None else value[one]
                for place, value in self.gradients.items()
            }
            values = {name: value[one] for name, value in self.activations.items()}
            found.append(Answer(self.scores[one], gradients, values))
        return found

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, to be written to a file."""
        found = {f"activation {name}": value for name, value in self.activations.items()}
        for place, gradient in self.gradients.items():
            if gradient is not None:
                found["gradient" if place is None else f"gradient {place}"] = gradient
        return {"scores": self.scores, **found}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], places: Iterable[str | None]) -> Answer:
        """What `tensors` wrote of an answer about these places."""
        gradients: dict[str | None, Tensor | None] = {
            place: tensors.get("gradient" if place is None else f"gradient {place}")
            for place in places
        }
        activations = {
            name: tensors[f"activation {name}"]
            for name in gradients
            if name is not None and f"activation {name}" in tensors
        }
        return cls(tensors["scores"], gradients, activations)

    def gradient(self, place: str | None) -> Tensor:
        """The gradient at a layer, or at the images (None).

        Raises
        ------
        MethodError
            If the score does not depend on it.
        """
        gradient = self.gradients[place]
        if gradient is None:
            name = "the image" if place is None else f"the layer '{place}'"
            raise MethodError(f"The score does not depend on {name}.")
        return gradient


@dataclass
class Begun:
    """A forward pass on N images that has not gone back yet.

    Attributes
    ----------
    scores : Tensor
        (N,) the number explained, with its graph.
    places : dict
        Where gradients are wanted: what a layer returned (N, …), and for None the images.
    rule : context manager
        The rule that was in force.
    """

    scores: Tensor
    places: dict[str | None, Tensor]
    rule: AbstractContextManager[Any]

    def finish(self, network: Network) -> Answer:
        """Go back, once.

        Raises
        ------
        NotDifferentiable
            If the score has no gradient at all.
        MethodError
            If the rule does not reach into the model, or the backward pass fails.
        """
        with torch.inference_mode(False), network.borrowed():
            require_gradient(self.scores)
            rules.require_met(self.rule)
            found = gradients_of(self.scores, list(self.places.values()))
        network.counts.backward += len(self.scores)
        gradients = dict(zip(self.places, found, strict=True))
        activations = {
            name: values.detach() for name, values in self.places.items() if name is not None
        }
        return Answer(self.scores.detach(), gradients, activations)


def begin(
    network: Network,
    objective: Objective,
    images: Tensor,
    *,
    layers: Iterable[str] = (),
    image: bool = True,
    rule: rules.Rule = "plain",
) -> Begun:
    """Pass images forward so that gradients at them and at layers can be asked.

    Parameters
    ----------
    images : Tensor
        (N, C, *spatial).
    layers : iterable of str
        Layers whose activation and gradient are wanted.
    image : bool
        Whether the gradient at the image is wanted; without it the graph starts at the first layer.
    rule : {"plain", "guided", "deconvnet"}
        How gradients pass rectifiers.

    Raises
    ------
    MethodError
        If the rule does not reach into the model.
    """
    require_open(network, rule)
    mode = rules.mode(rule)
    capture = Capture(network.module, layers, differentiable=True)
    # The caller may be in inference mode, in which no graph can be built.
    with torch.inference_mode(False), torch.enable_grad(), network.borrowed():
        leaf = images.detach().clone().requires_grad_(image)
        with network.under(mode), capture:
            scores = objective.scores(network, leaf)[:, objective.index]
        places: dict[str | None, Tensor] = {None: leaf} if image else {}
        places |= {name: capture.output(name) for name in capture.wanted}
    return Begun(scores, places, mode)


def differentiate(
    network: Network,
    objective: Objective,
    images: Tensor,
    *,
    layers: Iterable[str] = (),
    image: bool = True,
    rule: rules.Rule = "plain",
) -> Answer:
    """Gradients of each image's score at the image and at layers, in one pass each way.

    See `begin` for the parameters, and `Begun.finish` for what may be refused.
    """
    begun = begin(network, objective, images, layers=layers, image=image, rule=rule)
    return begun.finish(network)


def require_open(network: Network | PatchedNetwork, rule: str) -> None:
    """Refuse a rule that cannot reach into the model.

    Raises
    ------
    MethodError
        If a part of the model hides its functions from Python.
    """
    if rule != "plain" and network.opaque:
        raise MethodError(
            f"The {rule} rule changes functions while they run, and cannot reach into a scripted or "
            "compiled model; give the model as a plain nn.Module."
        )


def require_gradient(scores: Tensor) -> None:
    """Refuse scores without a graph.

    Raises
    ------
    NotDifferentiable
        If they have none.
    """
    if not scores.requires_grad:
        raise NotDifferentiable(
            "The score does not depend on what is asked in a way that can be differentiated: the "
            "model works under no_grad, converts to numpy, takes an argmax, or is exported without "
            "gradients. Methods that only run the model forward (occlusion, rise) still work."
        )


def gradients_of(
    values: Tensor, places: Sequence[Tensor], seeds: Tensor | None = None, *, keep: bool = False
) -> Sequence[Tensor | None]:
    """Gradients of values at places: of their sum, or of their sum weighted by seeds.

    Parameters
    ----------
    keep : bool
        Whether the graph is asked again.
    """
    weights = torch.ones_like(values) if seeds is None else seeds.to(values)
    try:
        return torch.autograd.grad(values, places, weights, keep, allow_unused=True)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        hint = (
            " The model recomputes activations (torch.utils.checkpoint), which does not go together "
            "with this; turn that off in the model."
            if "checkpoint" in str(error).lower()
            else ""
        )
        raise MethodError(f"The backward pass through the model failed: {error}{hint}") from error
