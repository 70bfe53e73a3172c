"""Every method against the bare passes it needs, and against the libraries that also have it.

Times are the processor's, of one thread: what else runs on the machine changes them little. The works
that are compared run in turn, and the least time of each counts.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.case import SETTINGS, Bench, Peer, bench
from benchmarks.page import page
from benchmarks.peers import CAPTUM, PEERS
from esegeta import MethodError
from esegeta.engine import make_probe, run_method
from esegeta.plugin import Plugin
from esegeta.probe import Probe
from esegeta.registry import Registry, find

ROUNDS, ENOUGH = (1, 9), 1.0
"""Rounds of a comparison, at least and at most, and the seconds after which there are enough."""


@dataclass(frozen=True)
class Row:
    """What was measured of a method.

    Attributes
    ----------
    passes : int
        Forward and backward.
    least : float
        Time of the bare passes over the method's.
    others : dict
        Time of each library's own over the method's.
    """

    name: str
    passes: int
    least: float
    others: dict[str, float]


@cache
def _registry() -> Registry:
    return find()


def probe_of(case: Bench, plugin: Plugin) -> Probe:
    """A fresh probe: nothing is remembered of another method."""
    return make_probe(
        case.model,
        case.image,
        wrapper=_registry().get("classification", "wrapper"),
        target=case.target,
        layers=[case.layer] if plugin.takes_layer else [],
        image_gradient=not plugin.takes_layer,
    )


def explained(case: Bench, plugin: Plugin, probe: Probe) -> tuple[Tensor, dict[str, int]]:
    """A method's map and passes."""
    chosen = plugin.validate(SETTINGS.get(plugin.name, {}))
    layer = case.layer if plugin.takes_layer else None
    found = run_method(probe, plugin, layer=layer, parameters=chosen)
    return found.map, dict(found.passes)


def bare(case: Bench, passes: dict[str, int], batches: tuple[int, int]) -> None:
    """The passes alone: those back with their forward, the others without a graph."""
    forward, backward = passes["forward"], passes["backward"]
    alone, both = batches
    for start in range(0, backward, both):
        number = min(both, backward - start)
        x = case.image.expand(number, -1, -1, -1).clone().requires_grad_()
        torch.autograd.grad(case.model(x)[:, case.target].sum(), x)
    with torch.no_grad():
        for start in range(0, max(0, forward - backward), alone):
            number = min(alone, forward - backward - start)
            case.model(case.image.expand(number, -1, -1, -1).contiguous())


def timed(works: Sequence[Callable[[], object]]) -> list[float]:
    """The least time of each over some rounds, in turn, after one to warm up."""
    times: list[list[float]] = []
    least, most = ROUNDS
    while len(times) < 1 + least or (len(times) < 1 + most and np.sum(times) < ENOUGH):
        times.append([])
        for work in works:
            gc.collect()
            gc.disable()
            began = time.process_time()
            work()
            times[-1].append(time.process_time() - began)
            gc.enable()
    return [float(fewest) for fewest in np.min(times[1:], axis=0)]


def measure(case: Bench, plugin: Plugin, peers: dict[str, Peer]) -> Row:
    """Compare a method with its bare passes, and with what libraries do."""
    probe = probe_of(case, plugin)
    made, passes = explained(case, plugin, probe)
    sizes = probe._ask.batches
    batches = sizes.size(backward=False), sizes.size(backward=True)
    for peer in peers.values():
        theirs = peer(case)
        if theirs is not None:
            torch.testing.assert_close(
                made.expand_as(theirs), theirs.detach().float(), rtol=1e-3,
                atol=1e-3 * float(made.abs().max()),
            )  # fmt: skip
    own, least, *others = timed(
        [
            lambda: explained(case, plugin, probe_of(case, plugin)),
            lambda: bare(case, passes, batches),
            *(lambda peer=peer: peer(case) for peer in peers.values()),
        ]
    )
    compared = {name: other / own for name, other in zip(peers, others, strict=True)}
    return Row(plugin.name, passes["forward"] + passes["backward"], least / own, compared)


def suite(case: Bench) -> tuple[int, float]:
    """Everything Captum also has, asked of one probe, against its calls one after the other.

    Returns
    -------
    int, float
        How many methods, and the ratio of times.
    """
    plugins = [_registry().get(name) for name in CAPTUM]

    def ours() -> None:
        probe = make_probe(
            case.model,
            case.image,
            wrapper=_registry().get("classification", "wrapper"),
            target=case.target,
            layers=[case.layer],
        )
        for plugin in plugins:
            explained(case, plugin, probe)

    own, other = timed([ours, lambda: [peer(case) for peer in CAPTUM.values()]])
    return len(plugins), other / own


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """One thread, and no words of libraries."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def beside_torchray() -> Iterator[Callable[[], dict[str, dict[str, float]]]]:
    """Compare with TorchRay meanwhile, in a process of its own: it changes torch."""
    if find_spec("torchray") is None:
        yield dict
        return
    command = [sys.executable, "-m", "benchmarks.methods"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:

        def others() -> dict[str, dict[str, float]]:
            said, _ = process.communicate()
            return {row["name"]: row["others"] for row in json.loads(said.splitlines()[-1])}

        yield others


def main(write: Path | None = None) -> None:
    """Print a table, in Markdown; write it to a page if one is named."""
    rows = []
    with beside_torchray() as torchray, _quiet():
        case = bench()
        for plugin in _registry().methods():
            # What is trained has benchmarks of its own.
            if plugin.library is None and 2 in plugin.ndim and not plugin.takes_artifact:
                peers = {
                    library: found[plugin.name]
                    for library, found in PEERS.items()
                    if plugin.name in found
                }
                try:
                    rows.append(measure(case, plugin, peers))
                except MethodError as error:  # as of attention, which this network has none of
                    print(f"left out: {plugin.name}: {error}", flush=True)
                else:
                    print(rows[-1], flush=True)
        together = suite(case)
        for name, others in torchray().items():
            next(row for row in rows if row.name == name).others.update(others)
    text = page(rows, together)
    print(text)
    if write is not None:
        write.write_text(text, encoding="utf-8")


def _main_of_torchray() -> None:
    from benchmarks.peers_torchray import peers

    with _quiet(), contextlib.redirect_stdout(io.StringIO()):
        case = bench()
        rows = [
            asdict(measure(case, _registry().get(name), {"TorchRay": peer}))
            for name, peer in peers().items()
        ]
    print(json.dumps(rows))


if __name__ == "__main__":
    _main_of_torchray()
