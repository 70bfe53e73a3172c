"""Handwritten digits, enlarged so that a map has room to differ from place to place.

The pictures are those of scikit-learn: 8 × 8 counts from 0 to 16, from the test part of
"Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, UCI, 1998, CC BY 4.0).
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

SIDE = 32
MEAN, STD = 0.2, 0.32  # of all pixels of the training pictures, rounded
HELD_OUT = 360  # the last pictures; neighbours share writers, so the split is not by chance
SHOWN = (1438, 1444, 1453)  # held-out pictures the demonstration shows


@dataclass(frozen=True)
class Digits:
    """Pictures (N, 1, 32, 32) in [0, 1] and the digits (N,) they show."""

    pictures: Tensor
    labels: Tensor


def load_digits() -> tuple[Digits, Digits]:
    """The training and the held-out digits (needs scikit-learn)."""
    from sklearn import datasets

    data = datasets.load_digits()
    pictures = enlarge(torch.from_numpy(data.images).float()[:, None] / 16)
    labels = torch.from_numpy(data.target).long()
    return (
        Digits(pictures[:-HELD_OUT], labels[:-HELD_OUT]),
        Digits(pictures[-HELD_OUT:], labels[-HELD_OUT:]),
    )


def enlarge(pictures: Tensor) -> Tensor:
    """Cubic enlargement in [0, 1] with a dark rim: (N, 1, 8, 8) → (N, 1, 32, 32)."""
    rimmed = functional.pad(pictures, (1, 1, 1, 1))  # the strokes end at the picture's edge
    enlarged = functional.interpolate(rimmed, size=SIDE, mode="bicubic", align_corners=False)
    return enlarged.clamp(0, 1)


def normalise(pictures: Tensor) -> Tensor:
    """What the network is given: the pictures minus their mean over their deviation."""
    return (pictures - MEAN) / STD


def write_shown(folder: Path) -> list[Path]:
    """Write the demonstration's digits as 8-bit PNG files named by digit and place in the set."""
    from PIL import Image

    training, held_out = load_digits()
    paths = []
    for index in SHOWN:
        place = index - len(training.labels)
        picture = (255 * held_out.pictures[place, 0]).round().to(torch.uint8).numpy()
        paths.append(folder / f"digit_{held_out.labels[place]}_{index}.png")
        Image.fromarray(picture).save(paths[-1])
    return paths
