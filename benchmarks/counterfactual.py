"""Counterfactual images against the bare passes of the U-Net that they take."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from esegeta.engine import make_probe, run_method
from esegeta.learning.artifact import BASE, VERSION, Artifact, model_hash
from esegeta.registry import find
from esegeta.runs.hashes import sha256
from plugins._diff_explainer import Agent
from plugins._diffusion_net import DiffusionAutoencoder

SIDE, CLASSES, LATENT, STEPS, ROUNDS = 28, 4, 64, 20, 3
AIMS, POSITIONS = 3, [-4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0]
WANTED = 0.85


def main() -> None:
    """Print the ratios, of one way and of several that are decoded together."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, CLASSES),
    ).eval()
    network = DiffusionAutoencoder(1, (SIDE, SIDE), [24, 48, 48], LATENT, [0.0], [1.0]).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.05)
    plugin, image = find().method("diff_explainer"), torch.rand(1, SIDE, SIDE)
    print(f"Counterfactuals, {SIDE}², {STEPS} steps: bare passes / method (≥ {WANTED} wanted)")
    with tempfile.TemporaryDirectory() as folder:
        artifact = _artifact(Path(folder), model, network)
        for aims in (1, AIMS):
            values = plugin.validate({"classes": aims, "steps": STEPS})
            count, ratios = 1 + aims * len(POSITIONS), []
            for _ in range(ROUNDS):
                probe = make_probe(model, image, wrapper=find().get("classification", "wrapper"))
                began = time.perf_counter()
                _bare(network, count)
                middle = time.perf_counter()
                run_method(probe, plugin, artifact=artifact, parameters=values)
                ratios.append((middle - began) / (time.perf_counter() - middle))
            print(f"  {count - 1:3d} images {sorted(ratios)[ROUNDS // 2]:5.2f}")


@torch.no_grad()
def _bare(network: DiffusionAutoencoder, count: int) -> None:
    """Two passes per step to the noise, whose first guess is mended; one per step back."""
    for images, passes in ((1, 2 * STEPS), (count, STEPS)):
        x, latents = torch.randn(images, 1, SIDE, SIDE), torch.randn(images, LATENT)
        times = torch.zeros(images, dtype=torch.int64)
        for _ in range(passes):
            network.denoiser(x, times, latents)


def _artifact(folder: Path, model: nn.Module, network: DiffusionAutoencoder) -> Artifact:
    """Write what trainings would have left; nothing was learnt."""
    autoencoder = {
        "channels": 1, "spatial": [SIDE, SIDE], "widths": [24, 48, 48], "latent": LATENT,
        "low": [0.0], "high": [1.0],
    }  # fmt: skip
    agent: dict[str, Any] = {"latent": LATENT, "slices": 1, "features": [16], "head": "4"}
    base = _written(folder / BASE, network, "diffusion_autoencoder", autoencoder, None, None)
    _written(folder, Agent(**agent), "diff_explainer", agent, model_hash(model), base)
    return Artifact.open(folder)


def _written(
    folder: Path, network: nn.Module, training: str, settings: dict[str, Any], model: str | None,
    base: str | None,
) -> str:  # fmt: skip
    folder.mkdir(exist_ok=True)
    weights = folder / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, weights)
    card = {
        "version": VERSION, "training": training, "settings": settings, "sha256": sha256(weights),
        "model": {"name": "net", "hash": model}, "shape": [1, SIDE, SIDE], "classes": CLASSES,
        "base": {"hash": base},
    }  # fmt: skip
    (folder / "card.json").write_text(json.dumps(card))
    return sha256(weights)
