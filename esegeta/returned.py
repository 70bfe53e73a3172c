"""What a method returned, checked and brought to the image's grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from esegeta.checks import CheckFailed
from esegeta.errors import MethodError, counted
from esegeta.plugin import Plugin
from esegeta.probe import Probe, resample
from esegeta.strip import Strip, Way


def on_image_grid(returned: Any, probe: Probe, plugin: Plugin) -> Tensor:
    """The method's map (K, *spatial) on the image's grid, float32 on the CPU.

    Raises
    ------
    MethodError
        If the method returned what is no map.
    """
    if not isinstance(returned, Tensor):
        raise MethodError(f"'{plugin.name}' returned a {type(returned).__name__}, not a tensor.")
    values = returned.detach().float()
    if plugin.returns == "sheet":
        return _sheet(values, plugin)
    if values.dim() != probe.ndim + 1:
        raise MethodError(
            f"'{plugin.name}' returned shape {tuple(values.shape)}; a map of this image has shape "
            f"(channels, {', '.join(map(str, probe.spatial))})."
        )
    if plugin.takes_layer and plugin.returns == "map":
        if tuple(values.shape[1:]) != probe.spatial:
            values = resample(values[None], probe.spatial)[0]
    elif tuple(values.shape[1:]) != probe.spatial:
        raise MethodError(
            f"'{plugin.name}' returned a map of shape {tuple(values.shape[1:])} for an image of shape "
            f"{probe.spatial}."
        )
    return values.to("cpu", copy=True)


def strip_of(returned: Any, probe: Probe, plugin: Plugin) -> Strip:
    """The strip of images that a method returned, float32 on the CPU.

    Raises
    ------
    MethodError
        If it returned none, or one whose images are not on the image's grid, or that lacks something.
    CheckFailed
        If its images or probabilities are not finite.
    """
    if not isinstance(returned, Strip):
        raise MethodError(f"'{plugin.name}' returned a {type(returned).__name__}, not a Strip.")
    places = [float(place) for place in returned.positions]
    rising = all(one < other for one, other in pairwise([-math.inf, *places, math.inf]))
    if not rising or 0 not in places or not returned.ways:
        raise MethodError(
            f"'{plugin.name}' returned a strip at the positions {places}; they have to rise, with 0 among "
            "them, along one way at least."
        )
    one = tuple(probe.image.shape[1:])
    ways = [_way(way, (len(places), *one), places, plugin) for way in returned.ways]
    floor = _kept(returned.floor)
    if tuple(floor.shape) != one:
        raise MethodError(
            f"'{plugin.name}' returned a strip whose floor has the shape {tuple(floor.shape)}; expected "
            f"{one}."
        )
    for values in (floor, *(way.images for way in ways), *(way.probabilities for way in ways)):
        if not bool(values.isfinite().all()):
            raise CheckFailed("Images of the strip, or probabilities, hold NaN or infinity.")
    return replace(returned, positions=places, ways=ways, floor=floor)


def _way(way: Way, shape: tuple[int, ...], places: Sequence[float], plugin: Plugin) -> Way:
    images, chances = _kept(way.images), _kept(torch.as_tensor(way.probabilities))
    if tuple(images.shape) != shape:
        raise MethodError(
            f"'{plugin.name}' returned a strip of images of shape {tuple(images.shape)}; expected {shape}."
        )
    if (tuple(chances.shape), len(way.predicted)) != ((shape[0],), shape[0]):
        raise MethodError(
            f"'{plugin.name}' returned a strip of {shape[0]} positions with probabilities of shape "
            f"{tuple(chances.shape)} and {counted(len(way.predicted), 'predicted class')}."
        )
    turn = None if way.turn is None else float(way.turn)
    if turn is not None and turn not in places:
        raise MethodError(
            f"'{plugin.name}' returned a strip that turns at {turn:g}, no position of it."
        )
    return Way(str(way.name), images, chances, [str(one) for one in way.predicted], turn)


def _kept(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float32, copy=True)


def _sheet(values: Tensor, plugin: Plugin) -> Tensor:
    """A picture (1 or 3, height, width) from 0 to 1.

    Raises
    ------
    MethodError
        If the method returned none.
    """
    low, high = map(float, values.nan_to_num().aminmax())
    if values.dim() != 3 or len(values) not in (1, 3) or low < 0 or high > 1:
        raise MethodError(
            f"'{plugin.name}' returned shape {tuple(values.shape)} with values from "
            f"{low:g} to {high:g}; a sheet has shape (1 or 3, height, "
            "width) and values from 0 to 1."
        )
    return values.to("cpu", copy=True)
