"""One forward and one backward pass that answer every wanted layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe import rules
from esegeta.probe.capture import Capture
from esegeta.probe.network import Network
from esegeta.probe.objective import Objective


@dataclass
class Answer:
    """What one pass told of N images.

    Attributes
    ----------
    scores : Tensor
        (N,) the number explained.
    gradient : Tensor or None
        (N, C, *spatial) its gradient at the images, where asked.
    activations, gradients : dict
        Per layer, as the layer returned it (N, …); a gradient is None where the score does not depend
        on the layer.
    """

    scores: Tensor
    gradient: Tensor | None = None
    activations: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor | None] = field(default_factory=dict)

    def has(self, layers: Iterable[str], *, image: bool) -> bool:
        """Whether the gradients at these layers, and at the image, are known."""
        return (self.gradient is not None or not image) and all(n in self.gradients for n in layers)

    def merge(self, other: Answer) -> None:
        """Take over what another pass on the same image told."""
        self.gradient = other.gradient if self.gradient is None else self.gradient
        self.activations |= other.activations
        self.gradients |= other.gradients


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
    MethodError
        If the score cannot be differentiated, does not depend on the image, or the rule does not reach
        into the model.
    """
    if rule != "plain" and network.opaque:
        raise MethodError(
            f"The {rule} rule changes functions while they run, and cannot reach into a scripted or "
            "compiled model; give the model as a plain nn.Module."
        )
    leaf = images.detach().clone().requires_grad_(image)
    capture = Capture(network.module, layers, differentiable=True)
    mode = rules.mode(rule)
    with network.borrowed(), torch.enable_grad():
        with network.under(mode), capture:
            # A model may work on its input in place, which autograd forbids for a leaf.
            scores = objective.scores(network, leaf.clone())[:, objective.index]
        rules.require_met(mode)
        if not scores.requires_grad:
            raise MethodError(
                "The score does not depend on the image in a way that can be differentiated: the model "
                "works under no_grad, converts to numpy, takes an argmax, or is exported without "
                "gradients. Methods that only run the model forward (occlusion, rise) still work."
            )
        wanted = {name: capture.output(name) for name in capture.wanted}
        inputs = [*([leaf] if image else []), *wanted.values()]
        gradients = torch.autograd.grad(scores.sum(), inputs, allow_unused=True)
    network.backwards += len(images)
    if image and gradients[0] is None:
        raise MethodError("The score does not depend on the image.")
    answer = Answer(scores.detach())
    if image:
        answer.gradient, gradients = gradients[0], gradients[1:]
    answer.activations = {name: tensor.detach() for name, tensor in wanted.items()}
    answer.gradients = dict(zip(wanted, gradients, strict=True))
    return answer
