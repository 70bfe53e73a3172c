"""The network and the image that methods are timed on, and what each of them is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

BATCH = 16
"""Images that a library is given at a time, where it can be told."""

SIDE, TARGET, LAYER = 128, 0, "relu2"
GROUPS = {"groups": "grid", "count": 16}
SETTINGS: dict[str, dict[str, Any]] = {
    "integrated_gradients": {"steps": 48, "tolerance": 0},
    "smooth_grad": {"samples": 48, "noise": 0.1},
    "gradient_shap": {"samples": 48, "noise": 0.0, "baseline": "zero"},
    "layer_gradient_shap": {"samples": 48, "noise": 0.0, "baseline": "zero"},
    "deep_lift_shap": {"samples": 5, "noise": 0.0, "baseline": "zero"},
    "layer_deep_lift_shap": {"samples": 5, "noise": 0.0, "baseline": "zero"},
    "occlusion": {"window": 16, "stride": 8},
    "rise": {"masks": 200},
    "feature_ablation": GROUPS,
    "feature_permutation": GROUPS,
    "shapley_sampling": {**GROUPS, "permutations": 4},
    "kernel_shap": {**GROUPS, "samples": 64},
    "layer_conductance": {"steps": 48},
    "internal_influence": {"steps": 48},
    "layer_integrated_gradients": {"steps": 48},
    "extremal_perturbation": {"iterations": 20, "areas": [0.1]},
    "feature_visualisation": {"steps": 20},
    "layer_visualisation": {"steps": 20},
    "inverted_representation": {"steps": 20},
    "activation_grid": {"cells": 2, "steps": 8},
    "activation_atlas": {"cells": 2, "steps": 8, "samples": 16},
    "score_cam": {"channels": 64},
    "ablation_cam": {"channels": 64},
    "lime": {**GROUPS, "samples": 64},
    "shap": GROUPS,
}
"""Where the defaults differ from what a library does, or take too long here."""


class Net(nn.Module):
    """A network of the kind every library knows: each module runs once, none in place."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1, self.relu1 = nn.Conv2d(3, 32, 3, padding=1), nn.ReLU()
        self.pool1 = nn.AvgPool2d(2)
        self.conv2, self.relu2 = nn.Conv2d(32, 64, 3, padding=1), nn.ReLU()
        self.pool2 = nn.AvgPool2d(2)
        self.conv3, self.relu3 = nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 3)."""
        x = self.pool2(self.relu2(self.conv2(self.pool1(self.relu1(self.conv1(x))))))
        logits: Tensor = self.head(self.pool(self.relu3(self.conv3(x))).flatten(1))
        return logits


@dataclass(frozen=True)
class Bench:
    """A network and an image; libraries want modules that run once and do not work in place."""

    model: nn.Module
    image: Tensor
    layer: str
    target: int
    labels: Tensor

    @property
    def x(self) -> Tensor:
        """A fresh batch of the image."""
        return self.image[None].clone().requires_grad_()

    @property
    def module(self) -> nn.Module:
        """The layer itself."""
        return self.model.get_submodule(self.layer)

    def large(self, values: Tensor) -> Tensor:
        """A layer's map on the image's grid."""
        size = self.image.shape[1:]
        return nn.functional.interpolate(values, size, mode="bilinear")[0]


Peer = Callable[[Bench], Tensor | None]
"""Makes the map (K, H, W) of a method, or None where chance differs and only the time compares."""


def bench() -> Bench:
    """The network, an image and its groups."""
    model = Net().eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    image = torch.rand((3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))
    cells = torch.arange(SIDE) * 4 // SIDE
    return Bench(model, image, LAYER, TARGET, 4 * cells[:, None] + cells)
