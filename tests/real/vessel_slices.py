"""Four slices of each volume of VesselMNIST3D, and how a network learns to tell vessels from aneurysms.

As in the paper on DiffExplainer, whose classifier takes four slices of a volume.

``python -m tests.real.vessel_slices OUT.npz`` writes the slices of every part.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.real.pneumonia_net import PneumoniaNet, fitted

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


def trained(data: Path, *, seed: int = 0, permuted: bool = False) -> PneumoniaNet:
    """Train the network of `pneumonia_net` on slices; aneurysms, a tenth, weigh as much as the rest."""
    torch.manual_seed(seed)
    network, (images, labels) = PneumoniaNet(len(CHOSEN)), slices(data, "train")
    return fitted(network, images, labels, EPOCHS, BATCH, settled=True, permuted=permuted)


def main() -> None:
    """Write the slices."""
    from tests.conftest import DATA

    write(DATA, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
