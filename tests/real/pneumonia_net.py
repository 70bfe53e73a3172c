"""A small network that tells a child's pneumonia from a normal chest (PneumoniaMNIST), and its training.

``python -m tests.real.pneumonia_net OUT.safetensors [SEED]`` trains it, to the end where a seed is given, and
prints its accuracy on the test pictures.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

EPOCHS, BATCH = 5, 64


class PneumoniaNet(nn.Module):
    """Three blocks of convolutions, then the mean over what is left."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in itertools.pairwise((channels, 16, 32, 64))
        )
        self.head = nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 2) of pictures (N, C, 28, 28) from 0 to 1."""
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number < 2:
                x = F.max_pool2d(x, 2)
        return self.head(x.mean((2, 3)))


def pictures(data: Path, part: str) -> tuple[Tensor, Tensor]:
    """Read the pictures of a part, and their labels (1 is pneumonia)."""
    with np.load(data / "medmnist" / "pneumoniamnist.npz") as file:
        images, labels = file[f"{part}_images"], file[f"{part}_labels"]
    return torch.from_numpy(images).float()[:, None] / 255, torch.from_numpy(labels).long()[:, 0]


def trained(
    data: Path, *, settled: bool = False, seed: int = 0, permuted: bool = False
) -> PneumoniaNet:
    """Train.

    Without a rate that falls it is right in .70 of the test pictures only; `settled`, in .88. With
    `permuted` labels there is nothing to learn about the lungs.
    """
    torch.manual_seed(seed)
    return fitted(PneumoniaNet(), *pictures(data, "train"), EPOCHS, BATCH, settled, permuted)


def fitted(
    network: PneumoniaNet,
    images: Tensor,
    labels: Tensor,
    epochs: int,
    batch: int,
    settled: bool,
    permuted: bool,
) -> PneumoniaNet:
    """Fit a network to images, whose two classes weigh alike."""
    labels = labels[torch.randperm(len(labels))] if permuted else labels
    weights = len(labels) / (2 * torch.bincount(labels, minlength=2).float())
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = epochs * -(-len(images) // batch)
    cycle = torch.optim.lr_scheduler.OneCycleLR
    schedule = cycle(optimiser, 3e-3, total_steps=steps) if settled else None
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(batch):
            loss = F.cross_entropy(network(images[chosen]), labels[chosen], weights)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule is not None:
                schedule.step()
    return network.eval()


def accuracy(network: nn.Module, data: Path) -> float:
    """Which part of the test pictures it gets right."""
    images, labels = pictures(data, "test")
    with torch.no_grad():
        return float((network(images).argmax(1) == labels).float().mean())


def main() -> None:
    """Train, print the accuracy and write the weights."""
    from tests.conftest import DATA

    seeds = [int(seed) for seed in sys.argv[2:]]
    network = trained(DATA, settled=bool(seeds), seed=seeds[0] if seeds else 0)
    print(f"test accuracy {accuracy(network, DATA):.3f}")
    save_file(network.state_dict(), sys.argv[1])


if __name__ == "__main__":
    main()
