"""A small 3D network that tells vessels from aneurysms (VesselMNIST3D), and its training.

``python -m tests.real.vessel_net OUT.safetensors`` trains it and prints the AUC on the test volumes.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

EPOCHS, BATCH, WIDTH = 8, 32, 8


class VesselNet(nn.Module):
    """Three blocks of convolutions, then the mean over what is left."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (1, WIDTH, 2 * WIDTH, 4 * WIDTH)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv3d(a, b, 3, padding=1), nn.BatchNorm3d(b), nn.ReLU())
            for a, b in itertools.pairwise(sizes)
        )
        self.head = nn.Linear(sizes[-1], 2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 2) of volumes (N, 1, 28, 28, 28) from 0 to 1."""
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number < 2:
                x = F.max_pool3d(x, 2)
        return self.head(x.mean((2, 3, 4)))


def volumes(data: Path, part: str) -> tuple[Tensor, Tensor]:
    """Read the volumes of a part, and their labels (1 is an aneurysm)."""
    with np.load(data / "medmnist" / "vesselmnist3d.npz") as file:
        images, labels = file[f"{part}_images"], file[f"{part}_labels"]
    return torch.from_numpy(images).float()[:, None] / 255, torch.from_numpy(labels).long()[:, 0]


def trained(data: Path, epochs: int = EPOCHS) -> VesselNet:
    """Train on turned and mirrored volumes; aneurysms, a tenth of them, weigh as much as the rest."""
    torch.manual_seed(0)
    network, (images, labels) = VesselNet(), volumes(data, "train")
    weights = len(labels) / (2 * torch.bincount(labels, minlength=2).float())
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images))[: steps // epochs * BATCH].split(BATCH):
            axes = torch.randperm(3) + 2
            batch = images[chosen].permute(0, 1, *axes.tolist())
            batch = batch.flip([axis for axis in (2, 3, 4) if torch.rand(1) < 0.5])
            loss = F.cross_entropy(network(batch), labels[chosen], weights)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


def auc(network: nn.Module, data: Path) -> float:
    """The chance that an aneurysm of the test volumes scores higher than a vessel."""
    images, labels = volumes(data, "test")
    with torch.no_grad():
        logits = torch.cat([network(batch) for batch in images.split(64)])
    score = logits[:, 1] - logits[:, 0]
    above = score[labels == 1][:, None] > score[labels == 0][None]
    return float(above.float().mean())


def main() -> None:
    """Train, print the AUC and write the weights."""
    from tests.conftest import DATA

    network = trained(DATA)
    print(f"test AUC {auc(network, DATA):.3f}")
    save_file(network.state_dict(), sys.argv[1])


if __name__ == "__main__":
    main()
