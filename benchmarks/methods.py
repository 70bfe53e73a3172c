"""Every method against the bare passes it needs, and against the libraries that also have it.

The first ratio says how little is spent beside the passes: the bare ones go in batches of the same size,
with frozen parameters. The second compares with the library's own call at equal settings, whose map is
the same unless chance differs; its batches are as large as it can be told.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers import PEERS, Bench
from esegeta.engine import make_probe, run_method
from esegeta.plugin import Plugin
from esegeta.probe import Probe
from esegeta.registry import Registry, find

SIDE, TARGET, LAYER = 128, 0, "relu2"
GROUPS = {"groups": "grid", "count": 16}
SETTINGS: dict[str, dict[str, Any]] = {
    "integrated_gradients": {"steps": 48, "tolerance": 0},
    "smooth_grad": {"samples": 48, "noise": 0.1},
    "gradient_shap": {"samples": 48, "noise": 0.0, "baseline": "zero"},
    "layer_gradient_shap": {"samples": 48, "noise": 0.0, "baseline": "zero"},
    "deep_lift_shap": {"samples": 5, "noise": 0.0, "baseline": "zero"},
    "layer_deep_lift_shap": {"samples": 5, "noise": 0.0, "baseline": "zero"},
    "occlusion": {"window": 16, "stride": 8},
    "rise": {"masks": 200},
    "feature_ablation": GROUPS,
    "feature_permutation": GROUPS,
    "shapley_sampling": {**GROUPS, "permutations": 4},
    "kernel_shap": {**GROUPS, "samples": 64},
    "layer_conductance": {"steps": 48},
    "internal_influence": {"steps": 48},
    "layer_integrated_gradients": {"steps": 48},
    "extremal_perturbation": {"iterations": 20},
    "feature_visualisation": {"steps": 40},
    "layer_visualisation": {"steps": 40},
    "inverted_representation": {"steps": 40},
    "activation_grid": {"cells": 3, "steps": 10},
    "activation_atlas": {"cells": 3, "steps": 10, "samples": 32},
    "score_cam": {"channels": 64},
    "ablation_cam": {"channels": 64},
    "lime": {**GROUPS, "samples": 64},
    "shap": {**GROUPS, "samples": 64},
}
"""Where the defaults differ from what a library does, or take too long here."""

LONG = 20
"""Passes from which what is spent beside them is to be small."""
WANTED = 0.85
ROUNDS = 2


class Net(nn.Module):
    """A network of the kind every library knows: each module runs once, none in place."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1, self.relu1 = nn.Conv2d(3, 32, 3, padding=1), nn.ReLU()
        self.pool1 = nn.AvgPool2d(2)
        self.conv2, self.relu2 = nn.Conv2d(32, 64, 3, padding=1), nn.ReLU()
        self.pool2 = nn.AvgPool2d(2)
        self.conv3, self.relu3 = nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 3)."""
        x = self.pool2(self.relu2(self.conv2(self.pool1(self.relu1(self.conv1(x))))))
        logits: Tensor = self.head(self.pool(self.relu3(self.conv3(x))).flatten(1))
        return logits


@cache
def _registry() -> Registry:
    return find()


def bench() -> Bench:
    """The network, an image and its groups."""
    model = Net().eval()
    image = torch.rand((3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))
    cells = torch.arange(SIDE) * 4 // SIDE
    return Bench(model, image, LAYER, TARGET, 4 * cells[:, None] + cells)


def probe_of(bench: Bench, plugin: Plugin) -> Probe:
    """A fresh probe: nothing is remembered of another method."""
    return make_probe(
        bench.model,
        bench.image,
        wrapper=_registry().get("classification", "wrapper"),
        target=bench.target,
        layers=[bench.layer] if plugin.takes_layer else [],
        image_gradient=not plugin.takes_layer,
    )


def bare(bench: Bench, passes: dict[str, int], batches: tuple[int, int]) -> None:
    """The passes alone: those back with their forward, the others without a graph."""
    forward, backward = passes["forward"], passes["backward"]
    alone, both = batches
    for start in range(0, backward, both):
        number = min(both, backward - start)
        x = bench.image.expand(number, -1, -1, -1).clone().requires_grad_()
        torch.autograd.grad(bench.model(x)[:, bench.target].sum(), x)
    with torch.no_grad():
        for start in range(0, max(0, forward - backward), alone):
            number = min(alone, forward - backward - start)
            bench.model(bench.image.expand(number, -1, -1, -1).contiguous())


def timed(*works: Any) -> list[float]:
    """The least time of each over some rounds, in turn, after one to warm up."""
    times: list[list[float]] = []
    for _ in range(ROUNDS + 1):
        times.append([])
        for work in works:
            began = time.perf_counter()
            work()
            times[-1].append(time.perf_counter() - began)
    return [float(least) for least in np.min(times[1:], axis=0)]


def measure(case: Bench, plugin: Plugin) -> tuple[int, float, float, float | None]:
    """Give a method's passes, its time, that of the bare passes, and that of the library's own."""
    chosen = plugin.validate(SETTINGS.get(plugin.name, {}))
    layer = case.layer if plugin.takes_layer else None

    def ours() -> tuple[Tensor, dict[str, int], Probe]:
        probe = probe_of(case, plugin)
        found = run_method(probe, plugin, layer=layer, parameters=chosen)
        return found.map, dict(found.passes), probe

    made, passes, probe = ours()
    sizes = probe._ask.batches
    batches = sizes.size(backward=False), sizes.size(backward=True)
    works = [ours, lambda: bare(case, passes, batches)]
    peer = PEERS.get(plugin.name)
    if peer is not None:
        theirs = peer(case)
        if theirs is not None:
            scale = float(made.abs().max())
            torch.testing.assert_close(
                made.expand_as(theirs), theirs.detach().float(), rtol=1e-3, atol=1e-3 * scale
            )
        works.append(lambda: peer(case))
    own, least, *other = timed(*works)
    return passes["forward"] + passes["backward"], own, least, other[0] if other else None


def main() -> None:
    """Print a table, in Markdown."""
    case = bench()
    for parameter in case.model.parameters():
        parameter.requires_grad_(False)
    # A rollout is of transformers.
    plugins = [
        p
        for p in _registry().methods()
        if p.library is None and 2 in p.ndim and "rollout" not in p.name
    ]
    print("| method | passes | bare passes / method | library / method |")
    print("| --- | ---: | ---: | ---: |")
    ours = theirs = 0.0
    for plugin in plugins:
        passes, own, least, other = measure(case, plugin)
        mark = " **<**" if passes > LONG and least / own < WANTED else ""
        peer = f"{other / own:.2f}" if other is not None else ""
        print(f"| {plugin.name} | {passes} | {least / own:.2f}{mark} | {peer} |", flush=True)
        if other is not None:
            ours, theirs = ours + own, theirs + other
    print(f"| all that a library has too | | | {theirs / ours:.2f} |")
