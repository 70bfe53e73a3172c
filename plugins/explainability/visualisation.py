"""Images, made from noise, that show what a part of a model looks for."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import Layer, MethodError, Param, Passes, Probe, explainability

from ._ascent import Adam, ascend, risen, shaken
from ._canvas import Canvas
from ._units import at, average, most_telling, toward

Channel = Annotated[
    int | None,
    Param(ge=0, help="Of the layer; not given: the one that varies most over this image"),
]
Position = Annotated[
    list[int] | None, Param(ge=0, help="A place on the layer's grid; not given: all of it")
]


#: Noises among which an ascent begins with the one that is answered to most: most may wake no unit.
STARTS = 8


@explainability(
    paper="Erhan, Bengio, Courville & Vincent, 2009",
    passes=lambda p: Passes(STARTS + 3 + p.steps + (p.channel is None), p.steps),
)
def layer_visualisation(
    probe: Probe,
    layer: Layer,
    *,
    channel: Channel = None,
    position: Position = None,
    steps: Annotated[int, Param(ge=1, help="Steps of gradient ascent")] = 128,
    rate: Annotated[
        float, Param(gt=0, help="Length of a step, as a part of the image's length")
    ] = 0.1,
) -> Tensor:
    """The image that a channel of a layer, or one unit of it, answers to most: activation maximisation.

    Plain gradient ascent on pixels, from noise, among all images that are as long (as vectors) as the
    given one. Nothing keeps it natural: it shows what the unit computes, mostly in fine and regular
    patterns. `feature_visualisation` gives more legible pictures of the same.
    """
    channel = most_telling(probe, layer) if channel is None else channel
    unit = probe.unit(layer.name, channel, position)
    length = probe.image.norm()

    def as_long(image: Tensor) -> Tensor:
        return image * (length / image.norm())

    def step(image: Tensor, gradient: Tensor) -> Tensor:
        pull = gradient.norm()
        return as_long(image + rate * length / pull * gradient) if pull > 0 else image

    noises = [torch.randn(probe.image.shape, generator=probe.rng) for _ in range(STARTS)]
    starts = torch.cat([as_long(noise.to(probe.image)) for noise in noises])
    start = starts[unit.score(starts).argmax()][None]
    image = ascend(unit, start, step, steps=steps)
    probe.notes |= {"channel": channel, "activation": float(risen(unit, start, image)[0])}
    return image[0]


@explainability(
    paper="Olah, Mordvintsev & Schubert, Distill 2017",
    passes=lambda p: Passes(
        2 + p.steps + (p.objective != "layer" and p.channel is None),
        p.steps,
    ),
)
def feature_visualisation(
    probe: Probe,
    layer: Layer,
    *,
    objective: Annotated[
        Literal["channel", "neuron", "layer", "direction"],
        Param(help="What to look for: see below"),
    ] = "channel",
    channel: Channel = None,
    position: Position = None,
    parameterisation: Annotated[
        Literal["fourier", "pixel"], Param(help="What the steps change: frequencies, or pixels")
    ] = "fourier",
    steps: Annotated[int, Param(ge=1, help="Steps of gradient ascent")] = 256,
    rate: Annotated[float, Param(gt=0, help="Length of a step (of Adam)")] = 0.05,
    robustness: Annotated[
        float, Param(ge=0, le=3, help="Strength of the random shifts, turns and zooms; 0: none")
    ] = 1.0,
) -> Tensor:
    """An image that shows what a part of a layer looks for, made legible.

    `objective` says of what: a `channel` everywhere; a `neuron`, which is a channel at one position
    (the middle of the grid where none is given); the whole `layer`, by its mean squared activation;
    or the `direction` in which the layer's activation of the given image points, on average or at
    the position.

    Steps change the image's frequencies, which all weigh as they do in natural images, in colours (or
    other channels) that do not covary in the given image and the references. Random shifts, turns
    and zooms at each step leave only what the unit finds despite them. In 3D turns are about every axis.
    """
    if position is not None and objective in ("channel", "layer"):
        raise MethodError(f"A {objective} has no position; leave it out, or ask for a neuron.")
    if channel is not None and objective in ("layer", "direction"):
        raise MethodError(f"A {objective} has no channel; leave it out, or ask for a channel.")
    if objective in ("channel", "neuron") and channel is None:
        channel = most_telling(probe, layer)
    unit = _unit(probe, layer, objective, channel, position)
    canvas = Canvas(probe, probe.spatial, parameterisation)
    start = canvas.start(1, probe.rng)
    end = ascend(
        unit, start, Adam(rate), steps=steps, make=canvas.images, move=shaken(probe.rng, robustness)
    )
    image = canvas.images(end)
    probe.notes |= {"channel": channel} if channel is not None else {}
    probe.notes["activation"] = float(risen(unit, canvas.images(start), image)[0])
    return image[0]


def _unit(
    probe: Probe, layer: Layer, objective: str, channel: int | None, position: list[int] | None
) -> Probe:
    """The probe whose score is to rise."""
    if objective == "direction":
        where = at(position) if position is not None else None
        own = probe.reading(layer.name, where or average).scores(probe.image)
        if not own.any():
            raise MethodError("The layer's activation of this image is zero, and points nowhere.")
        return probe.reading(layer.name, toward(own, where))
    if objective == "neuron" and position is None:
        middle, index = at(None), channel or 0
        return probe.reading(layer.name, lambda values, images: middle(values, images)[:, [index]])
    return probe.unit(layer.name, None if objective == "layer" else channel, position)
