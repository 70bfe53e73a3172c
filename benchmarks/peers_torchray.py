"""TorchRay at equal settings. It changes torch where it is imported: only in a process of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.case import BATCH, SETTINGS, Bench, Peer
from esegeta.libraries import import_library


def _at_layer(name: str, *, rectified: bool = False, normalised: bool = False) -> Peer:
    module = import_library(f"torchray.attribution.{name}")

    def call(bench: Bench) -> Tensor | None:
        values = getattr(module, name)(
            bench.model, bench.x, bench.target, saliency_layer=bench.layer
        )
        # (It gives no relevance but chances: another scale.)
        return None if normalised else bench.large(values.relu() if rectified else values).detach()

    return call


def _rise(bench: Bench) -> None:
    module = import_library("torchray.attribution.rise")
    with torch.no_grad():
        module.rise(
            bench.model, bench.image[None], num_masks=SETTINGS["rise"]["masks"], batch_size=BATCH
        )


def _extremal(bench: Bench) -> None:
    module = import_library("torchray.attribution.extremal_perturbation")
    settings = SETTINGS["extremal_perturbation"]
    module.extremal_perturbation(
        bench.model,
        bench.image[None],
        bench.target,
        areas=settings["areas"],
        max_iter=settings["iterations"],
        jitter=False,
    )


def peers() -> dict[str, Peer]:
    """By the method of ours that gives the same."""
    return {
        "grad_cam": _at_layer("grad_cam", rectified=True),
        "linear_approximation": _at_layer("linear_approx"),
        "excitation_backprop": _at_layer("excitation_backprop", normalised=True),
        "rise": _rise,
        "extremal_perturbation": _extremal,
    }
