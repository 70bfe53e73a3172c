"""One forward and one backward pass that answer every wanted layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe import rules
from esegeta.probe.capture import Capture
from esegeta.probe.network import Network, is_out_of_memory
from esegeta.probe.objective import Objective


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
    NotDifferentiable
        If the score has no gradient at all.
    MethodError
        If the rule does not reach into the model, or the backward pass fails.
    """
    if rule != "plain" and network.opaque:
        raise MethodError(
            f"The {rule} rule changes functions while they run, and cannot reach into a scripted or "
            "compiled model; give the model as a plain nn.Module."
        )
    mode = rules.mode(rule)
    capture = Capture(network.module, layers, differentiable=True)
    # The caller may be in inference mode, in which no graph can be built.
    with torch.inference_mode(False), torch.enable_grad(), network.borrowed():
        leaf = images.detach().clone().requires_grad_(image)
        with network.under(mode), capture:
            scores = objective.scores(network, leaf)[:, objective.index]
        if not scores.requires_grad:
            raise NotDifferentiable(
                "The score does not depend on what is asked in a way that can be differentiated: the "
                "model works under no_grad, converts to numpy, takes an argmax, or is exported without "
                "gradients. Methods that only run the model forward (occlusion, rise) still work."
            )
        rules.require_met(mode)
        wanted = {name: capture.output(name) for name in capture.wanted}
        places: list[str | None] = [*([None] if image else []), *wanted]
        tensors = [*([leaf] if image else []), *wanted.values()]
        gradients = dict(zip(places, _gradients(scores, tensors), strict=True))
    network.backwards += len(images)
    activations = {name: tensor.detach() for name, tensor in wanted.items()}
    return Answer(scores.detach(), gradients, activations)


def _gradients(scores: Tensor, tensors: Sequence[Tensor]) -> Sequence[Tensor | None]:
    try:
        return torch.autograd.grad(scores.sum(), tensors, allow_unused=True)
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
