"""Handwritten digits of 8 × 8 pixels, and a network that tells an 8 from a 3."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn


def digits(part: str, only: tuple[int, ...] = tuple(range(10))) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 8, 8) from 0 to 1 and which of the digits each is; every fifth is for ``test``."""
    images, labels = load_digits(return_X_y=True)
    chosen = (np.arange(len(labels)) % 5 == 0) == (part == "test")
    chosen &= np.isin(labels, only)
    found = np.searchsorted(only, labels[chosen])
    return (images[chosen] / 16).reshape(-1, 8, 8).astype(np.float32), found


class ThreeOrEight(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(), nn.Flatten(), nn.Linear(512, 16), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def taught(seed: int, *, permuted: bool = False) -> ThreeOrEight:
    """Train it, on labels of chance where wanted."""
    torch.manual_seed(seed)
    network = ThreeOrEight()
    images, labels = map(torch.from_numpy, digits("train", (3, 8)))
    labels = labels[torch.randperm(len(labels))] if permuted else labels
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2, weight_decay=0.1)
    for _ in range(60):
        loss = nn.functional.cross_entropy(network(images[:, None]), labels, label_smoothing=0.1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()
