"""Trains what a method explains with, for the networks that plug-ins are tried on."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from esegeta.learning import Artifact
from esegeta.learning.api import train
from esegeta.registry import find
from esegeta.testing.cases import Case

IMAGES, EPOCHS, BATCH = 24, 3, 8
BASE_EPOCHS = 25
"""Of what a training builds on, which has to be good for something."""

_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Artifacts are read while tests run; their folders go when the process ends."""


def trained(
    name: str,
    case: Case,
    folders: Sequence[Path | str],
    parameters: Mapping[str, Any],
    base_parameters: Mapping[str, Any],
) -> Artifact:
    """Train the training of this name on random images, for a case's network, and what it builds on."""
    temporary = tempfile.TemporaryDirectory(prefix="esegeta-trained-")
    _KEPT.append(temporary)
    folder = Path(temporary.name)
    model = case.model()
    save_file(model.state_dict(), folder / "net.safetensors")
    draw = torch.Generator().manual_seed(5)
    images = torch.rand(IMAGES, *case.image().shape, generator=draw)
    np.savez(folder / "images.npz", images=images.numpy(), labels=np.arange(IMAGES) % 3)
    axes = "CHW" if case.ndim == 2 else "CDHW"
    kind = type(model)
    data = {"path": str(folder / "images.npz"), "key": "images", "axes": axes}
    schedule = {"data": {**data, "labels": "labels"}, "epochs": EPOCHS, "batch": BATCH}
    base = find([Path(one) for one in folders]).training(name).base
    below = []
    if base is not None:
        longer = {**schedule, "epochs": BASE_EPOCHS, "output": str(folder / "base")}
        below = [{"use": base, "with": dict(base_parameters), **longer}]
    config: dict[str, Any] = {
        "version": 1,
        "name": "contract",
        "models": [
            {
                "factory": f"{kind.__module__}:{kind.__qualname__}",
                "arguments": {"ndim": case.ndim, "task": case.task},
                "weights": str(folder / "net.safetensors"),
                "task": case.task,
            }
        ],
        "images": [{**data, "index": 0}],
        "train": [
            *below,
            {"use": name, "with": dict(parameters), "output": str(folder / "made"), **schedule},
        ],
        "methods": ["saliency"],
        "execution": {"devices": ["cpu"]},
    }
    *_, done = train(config, plugins=folders)
    return Artifact.open(done.folder)
