"""Trains the demonstration's networks: ``python -m esegeta.demo.train [vessels|digits|all]``."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from esegeta.demo.digits import MEAN, STD, Digits, load_digits, normalise, write_shown
from esegeta.demo.networks import WEIGHTS
from esegeta.demo.vessels import grow
from esegeta.models.zoo import DigitNet, UNet

SEED = 0
VESSEL_ARGUMENTS: dict[str, Any] = {
    "ndim": 3,
    "channels": 1,
    "classes": 2,
    "width": 6,
    "depth": 3,
    "norm": "batch",
}
DIGIT_ARGUMENTS: dict[str, Any] = {"channels": 1, "classes": 10, "width": 16}
PICTURES = Path(__file__).parents[2] / "configs" / "data"
UNSEEN = range(100, 120)  # trees that measure the vessel network; training starts far above
TRAINED = 10_000
STEPS, BATCH = 300, 2
DIGITS_SOURCE = (
    "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning "
    "Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0; the 1797 pictures that "
    "scikit-learn ships, enlarged from 8 × 8 to 32 × 32"
)

Schedule = torch.optim.lr_scheduler.OneCycleLR


def train_vessels(steps: int = STEPS, batch: int = BATCH) -> UNet:
    """Train the U-Net on trees that are grown as it goes, each seen once."""
    network = UNet(**VESSEL_ARGUMENTS)
    optimiser, schedule = _optimiser(network, rate=1e-2, steps=steps)
    for step in range(steps):
        first = TRAINED + step * batch
        volumes, labels = _trees(range(first, first + batch))
        loss = _segmentation_loss(network(volumes), labels)
        _descend(loss, optimiser, schedule)
        if step % 20 == 19:
            print(f"vessels: step {step + 1} of {steps}, loss {loss.item():.3f}", flush=True)  # noqa: T201
    return network.eval()


def train_digits(epochs: int = 24, batch: int = 64) -> DigitNet:
    """Train the digit network on shifted, turned, scaled and noisy copies."""
    network = DigitNet(**DIGIT_ARGUMENTS)
    training, _ = load_digits()
    steps = len(training.labels) // batch
    optimiser, schedule = _optimiser(network, rate=5e-3, steps=epochs * steps)
    for epoch in range(epochs):
        order = torch.randperm(len(training.labels))[: steps * batch]
        for chosen in order.view(steps, batch):
            pictures = normalise(_distort(training.pictures[chosen]))
            loss = functional.cross_entropy(network(pictures), training.labels[chosen])
            _descend(loss, optimiser, schedule)
        print(f"digits: epoch {epoch + 1} of {epochs}, loss {loss.item():.3f}", flush=True)  # noqa: T201
    return network.eval()


@torch.inference_mode()
def dice(network: nn.Module, seed: int) -> float:
    """Dice overlap of predicted and true vessels of one tree."""
    volumes, labels = _trees([seed])
    predicted = network(volumes).argmax(dim=1) == 1
    overlap = (predicted & (labels == 1)).sum()
    return float(2 * overlap / (predicted.sum() + labels.sum()))


@torch.inference_mode()
def accuracy(network: nn.Module, digits: Digits) -> float:
    """Share of the digits that the network reads rightly."""
    predicted = network(normalise(digits.pictures)).argmax(dim=1)
    return float((predicted == digits.labels).float().mean())


def standardise(volume: Tensor) -> Tensor:
    """A volume with mean 0 and standard deviation 1, as by TorchIO's ``ZNormalization``."""
    return (volume - volume.mean()) / volume.std()


def _trees(seeds: range | list[int]) -> tuple[Tensor, Tensor]:
    """Volumes (N, 1, 64, 64, 64) as the network is given them, and labels (N, 64, 64, 64)."""
    volumes, labels, _ = zip(*[grow(seed) for seed in seeds], strict=True)
    images = torch.stack([standardise(torch.from_numpy(volume))[None] for volume in volumes])
    return images, torch.stack([torch.from_numpy(label) for label in labels])


def _segmentation_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice, since vessels fill under one voxel in a hundred."""
    vessel, probability = (labels == 1).float(), logits.softmax(dim=1)[:, 1]
    soft_dice = 2 * (vessel * probability).sum() / (vessel.sum() + probability.sum())
    return functional.cross_entropy(logits, labels) + 1 - soft_dice


def _distort(pictures: Tensor) -> Tensor:
    """Random small shifts, turns and scales, and noise, one for each picture."""
    n = len(pictures)
    turn, scale = 0.17 * (2 * torch.rand(n) - 1), 1 + 0.12 * (2 * torch.rand(n) - 1)
    shift = 0.12 * (2 * torch.rand(n, 2) - 1)
    cos, sin = scale * turn.cos(), scale * turn.sin()
    matrices = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).view(n, 2, 3)
    grid = functional.affine_grid(matrices, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, align_corners=False)
    return moved + 0.05 * torch.randn_like(moved)


def _optimiser(network: nn.Module, rate: float, steps: int) -> tuple[torch.optim.Adam, Schedule]:
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    return optimiser, Schedule(optimiser, max_lr=rate, total_steps=steps)


def _descend(loss: Tensor, optimiser: torch.optim.Adam, schedule: Schedule) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    schedule.step()


def _save(network: nn.Module, name: str, card: dict[str, Any], started: float) -> None:
    """Write weights and card, and say what was reached."""
    WEIGHTS.mkdir(exist_ok=True)
    (WEIGHTS / f"{name}.safetensors").write_bytes(save(network.state_dict()))
    made = {
        "seed": SEED,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "training_seconds": round(time.perf_counter() - started),
        "command": f"python -m esegeta.demo.train {name}",
    }
    text = json.dumps({"name": name, **card, **made}, indent=2, ensure_ascii=False)
    (WEIGHTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)  # noqa: T201


def make_vessels() -> None:
    """Train, measure and save the vessel network."""
    started = time.perf_counter()
    torch.manual_seed(SEED)
    network = train_vessels()
    reached = [dice(network, seed) for seed in UNSEEN]
    _save(
        network,
        "vessels",
        {
            "network": "esegeta.models.zoo:UNet",
            "arguments": VESSEL_ARGUMENTS,
            "classes": ["background", "vessel"],
            "input": "1 × 64 × 64 × 64, mean 0 and standard deviation 1",
            "data": f"{STEPS * BATCH} trees of esegeta.demo:vessel_tree, seeds from {TRAINED} on",
            "metric": "Dice, mean over unseen trees",
            "value": round(sum(reached) / len(reached), 4),
            "worst": round(min(reached), 4),
            "cases": len(reached),
            "held_out": f"seeds {UNSEEN[0]} to {UNSEEN[-1]}",
            "licence": "Apache-2.0",
        },
        started,
    )


def make_digits() -> None:
    """Train, measure and save the digit network, and write the pictures of the demonstration."""
    started = time.perf_counter()
    torch.manual_seed(SEED)
    network = train_digits()
    training, held_out = load_digits()
    _save(
        network,
        "digits",
        {
            "network": "esegeta.models.zoo:DigitNet",
            "arguments": DIGIT_ARGUMENTS,
            "classes": [str(digit) for digit in range(10)],
            "input": f"1 × 32 × 32 in [0, 1], minus {MEAN}, over {STD}",
            "data": f"the first {len(training.labels)} pictures of the source",
            "source": DIGITS_SOURCE,
            "metric": "accuracy on held-out pictures",
            "value": round(accuracy(network, held_out), 4),
            "cases": len(held_out.labels),
            "held_out": f"the last {len(held_out.labels)} pictures of the source",
            "licence": "Apache-2.0; pictures CC BY 4.0",
        },
        started,
    )
    write_shown(PICTURES)


def main() -> None:
    """Train what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m esegeta.demo.train", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["vessels", "digits", "all"], default="all")
    what = parser.parse_args().what
    torch.use_deterministic_algorithms(True)
    if what in ("digits", "all"):
        make_digits()
    if what in ("vessels", "all"):
        make_vessels()


if __name__ == "__main__":
    main()
