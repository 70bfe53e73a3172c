"""What of an image is left in a layer: an image made to give the same representation."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Layer, MethodError, Param, Passes, Probe, explainability

from ._ascent import Adam, ascend

#: The paper's power of the bound on values, and by how much less than the bound neighbours may differ.
POWER, SMOOTH = 6, 6.5


@explainability(
    paper="Mahendran & Vedaldi, CVPR 2015",
    passes=lambda p: Passes(2 + p.steps, p.steps),
)
def inverted_representation(
    probe: Probe,
    layer: Layer,
    *,
    steps: Annotated[int, Param(ge=1, help="Steps of gradient descent")] = 400,
    rate: Annotated[
        float, Param(gt=0, help="Length of the first step (of Adam), in deviations of the image")
    ] = 1.0,
    total_variation: Annotated[
        float, Param(ge=0, help="Weight of smoothness; more for deeper layers")
    ] = 0.01,
    bound: Annotated[float, Param(ge=0, help="Weight of staying within the image's range")] = 0.01,
) -> Tensor:
    """An image that the layer cannot tell from the given one: what the layer keeps of it.

    Gradient descent, from noise, on the squared distance of the two representations (as a part of the
    given one's square), the total variation and the sixth power of the values. What the image lacks,
    or shows wrongly, the layer has forgotten. The distance that was reached is in the notes.
    """
    own = probe.reading(layer.name, lambda values, images: values.flatten(1)).scores(probe.image)
    square = own.square().sum()
    if not square > 0:
        raise MethodError("The layer's representation of this image is zero: it keeps nothing.")

    def nearness(values: Tensor, images: slice) -> Tensor:
        return -(values.flatten(1) - own).square().sum(1, keepdim=True) / square

    unit = probe.reading(layer.name, nearness)
    middle = (probe.image.max() + probe.image.min()) / 2
    reach = (probe.image.max() - probe.image.min()) / 2
    adam = Adam(rate * float(probe.image.std()), steps)

    def step(image: Tensor, gradient: Tensor) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            leaf = image.clone().requires_grad_()
            prior = bound * ((leaf - middle) / reach).pow(POWER).mean()
            prior = prior + total_variation * _variation(leaf) * (SMOOTH / reach) ** 2
            (slope,) = torch.autograd.grad(prior, leaf)
        return adam(image, gradient - slope)

    start = probe.image.mean() + 0.1 * probe.image.std() * torch.randn(
        probe.image.shape, generator=probe.rng
    ).to(probe.image)
    image = ascend(unit, start, step, steps=steps)
    probe.notes["distance"] = -float(unit.score(image)[0])
    return image[0]


def _variation(image: Tensor) -> Tensor:
    """The mean squared difference of neighbours, summed over axes: total variation of power 2."""
    axes = range(2, image.dim())
    return torch.stack([image.diff(dim=axis).square().sum() for axis in axes]).sum() / image.numel()
