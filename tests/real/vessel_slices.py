"""Four slices of each volume of VesselMNIST3D, and a network that tells vessels from aneurysms by them.

As in the paper on DiffExplainer, whose classifier takes four slices of a volume.

``python -m tests.real.vessel_slices OUT.npz`` writes the slices of every part.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHOSEN = (8, 12, 16, 20)
EPOCHS, BATCH = 8, 32


def write(data: Path, out: Path) -> None:
    """Write the slices (N, 4, 28, 28) of each part's volumes, and their labels, into an npz file."""
    with np.load(data / "medmnist" / "vesselmnist3d.npz") as file:
        found = {
            key: file[key][:, list(CHOSEN)] if key.endswith("images") else file[key]
            for key in file.files
        }
    np.savez(out, **found)


def slices(data: Path, part: str) -> tuple[Tensor, Tensor]:
    """Read the slices of a part, from 0 to 1, and their labels (1 is an aneurysm)."""
    with np.load(data / "medmnist" / "vesselmnist3d.npz") as file:
        images, labels = file[f"{part}_images"], file[f"{part}_labels"]
    chosen = torch.from_numpy(images[:, list(CHOSEN)]).float() / 255
    return chosen, torch.from_numpy(labels[:, 0]).long()


class SliceNet(nn.Module):
    """Three blocks of convolutions, then the mean over what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in ((len(CHOSEN), 16), (16, 32), (32, 64))
        )
        self.head = nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 2) of slices (N, 4, 28, 28) from 0 to 1."""
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number < 2:
                x = F.max_pool2d(x, 2)
        return self.head(x.mean((2, 3)))


def trained(data: Path, *, seed: int = 0, permuted: bool = False) -> SliceNet:
    """Train; aneurysms, a tenth of the volumes, weigh as much as the rest."""
    torch.manual_seed(seed)
    network = SliceNet()
    images, labels = slices(data, "train")
    labels = labels[torch.randperm(len(labels))] if permuted else labels
    weights = len(labels) / (2 * torch.bincount(labels, minlength=2).float())
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(images)).split(BATCH):
            loss = F.cross_entropy(network(images[chosen]), labels[chosen], weights)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


def main() -> None:
    """Write the slices."""
    from tests.conftest import DATA

    write(DATA, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
