"""What one pass of a model on an image takes; it is measured in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from esegeta import config
from esegeta.errors import ModelError
from esegeta.passes import Passes
from esegeta.runs.plan import Group
from esegeta.runs.worker import message

if TYPE_CHECKING:
    from torch import Tensor

    from esegeta.probe import Probe
    from esegeta.probe.patches import PatchedNetwork
    from esegeta.runs.bench import Bench


@dataclass(frozen=True)
class Pass:
    """What one forward and one backward pass of a model on an image take.

    Parameters
    ----------
    forward, backward : float
        Seconds.
    memory : int
        Bytes at most: of the process, or on a GPU of what torch allocated.
    spatial : tuple of int
        The prepared image's shape.
    patches : int, optional
        In how many the image passes, where it does not pass whole; the seconds are then those of all.
    """

    forward: float
    backward: float
    memory: int
    spatial: tuple[int, ...]
    patches: int | None = None

    def seconds(self, passes: Passes) -> float:
        """Say how long so many passes take, one image at a time."""
        return self.forward * passes.forward + self.backward * passes.backward


_given: tuple[config.Config, tuple[Path, ...]] | None = None
_bench: Bench | None = None
_times: dict[tuple[str, str], Pass] = {}
"""Of each model and image, which several groups may have in common."""


def key(group: Group) -> tuple[str, str]:
    """Name the model and the image of a group."""
    return group.model.name, str(group.image.name)


def start(settings: config.Config, plugins: tuple[Path, ...]) -> None:
    """Prepare the measuring process."""
    global _given
    _given = settings, plugins


def measure(group: Group) -> tuple[Pass | str, dict[str, str]]:
    """Time a group's probe in the measuring process; also say which of its jobs would fail."""
    global _bench
    try:
        from esegeta.probe.patches import PatchedNetwork

        if _bench is None:
            from esegeta.runs.bench import Bench

            assert _given is not None
            _bench = Bench(*_given)
        probe = _bench.probe(group)
        if isinstance(probe.network, PatchedNetwork):
            return _in_patches(probe, probe.network, group)
        probe.score(probe.image)  # the first pass is slower, and fixes the target
        if key(group) not in _times:
            _times[key(group)] = _timed(_bench, group)
        return _times[key(group)], _failing(probe, group)
    # Whatever a user's model raises, SystemExit too.
    except BaseException as error:
        return message(error), {}


def _failing(probe: Probe, group: Group) -> dict[str, str]:
    """Ask for each layer, as its job will."""
    reasons: dict[str, str] = {}
    for layer in group.layers:
        try:
            _ = probe.layer(layer).activation
        except Exception as error:
            reasons[layer] = message(error)
    return _jobs(group, reasons)


def _jobs(group: Group, reasons: dict[str, str]) -> dict[str, str]:
    """Give the reasons of layers to the jobs that ask for them."""
    return {job.id: reasons[job.layer] for job in group.jobs if job.layer in reasons}


def _timed(bench: Bench, group: Group) -> Pass:
    from esegeta.isolation import peak_memory

    probe = bench.probe(group)
    with peak_memory(bench.device) as peak:
        began = time.perf_counter()
        float(probe.score(probe.image))  # a number waits for the device
        middle = time.perf_counter()
        float(probe.gradient(probe.image).sum())
        both = time.perf_counter() - middle
        memory = peak()
    forward = middle - began
    return Pass(forward, max(0.0, both - forward), memory or 0, probe.spatial)


def _in_patches(probe: Probe, network: PatchedNetwork, group: Group) -> tuple[Pass, dict[str, str]]:
    """Time one patch each way, and ask it for each layer: the whole volume may take minutes."""
    import torch

    from esegeta.isolation import peak_memory
    from esegeta.probe.backward import gradients_of, require_gradient

    patch = network.example(probe.image)
    volumes, reasons = 0, {}
    backward = 0.0
    with network.borrowed(), torch.no_grad():
        network.values(patch, None)  # the first pass is slower
        with peak_memory(network.device) as peak:
            began = time.perf_counter()
            output = network.values(patch, None)
            float(output.sum())  # a number waits for the device
            forward = time.perf_counter() - began
            if group.passes.backward:
                began = time.perf_counter()
                with torch.enable_grad():
                    leaf = patch.clone().requires_grad_()
                    values = network.values(leaf, None)
                require_gradient(values)
                (gradient,) = gradients_of(values, [leaf])
                float(0 if gradient is None else gradient.sum())
                backward = max(0.0, time.perf_counter() - began - forward)
            memory = peak() or 0
        for layer in group.layers:
            try:
                # Its activation and its gradient, and a copy of both while they are kept on disk.
                volumes += 4 * _volume(network, network.values(patch, layer))
            except Exception as error:
                reasons[layer] = message(error)
    # The prediction, its copy and the score's gradient at it, and what is remembered of each patch;
    # a perturbed image, the gradient at it, its copy, and the map.
    volumes += 3 * _volume(network, output) + network.parts * output.nbytes
    volumes += 4 * probe.image.nbytes
    more = network.batches.size(backward=backward > 0) - 1
    memory += volumes + int(more * network.activation_bytes * (2 if backward else 1))
    one = (network.parts * forward, network.parts * backward)
    return Pass(*one, memory, probe.spatial, network.parts), _jobs(group, reasons)


def _volume(network: PatchedNetwork, values: Tensor) -> int:
    """Tell how many bytes the volume takes to which a patch's values (1, K, *cells) are blended."""
    cells = network.tiling.grid(values.shape[2:]).shape
    return values.shape[1] * prod(cells) * max(4, values.element_size())


def choose(model: config.Model, patterns: Sequence[str]) -> dict[str, list[str] | str]:
    """Find the layers that patterns stand for, or the reason why there are none.

    A model that cannot be run gives nothing: its jobs say what is wrong with it.
    """
    from esegeta import models
    from esegeta.runs.inputs import layers_in

    assert _given is not None
    try:
        listed = layers_in(_given[0], model)
    # Whatever a user's model raises, SystemExit too.
    except BaseException:
        return {}
    found: dict[str, list[str] | str] = {}
    for pattern in patterns:
        try:
            found[pattern] = models.choose(pattern, listed)
        except ModelError as error:
            found[pattern] = str(error)
    return found
