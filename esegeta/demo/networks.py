"""The demonstration's networks, with the weights that ship with esegeta."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from esegeta.models.zoo import DigitNet, UNet

WEIGHTS = Path(__file__).parent / "weights"


def vessel_network() -> UNet:
    """The 3D U-Net that segments vessel trees: (N, 1, D, H, W) → logits (N, 2, D, H, W)."""
    from esegeta.models.zoo import UNet

    network = UNet(**card("vessels")["arguments"])
    _load(network, "vessels")
    return network


def digit_network() -> DigitNet:
    """The network that reads handwritten digits: (N, 1, 32, 32) → logits (N, 10)."""
    from esegeta.models.zoo import DigitNet

    network = DigitNet(**card("digits")["arguments"])
    _load(network, "digits")
    return network


def card(name: str) -> dict[str, Any]:
    """How the weights ``name`` were made and what they reach."""
    content: dict[str, Any] = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def _load(network: nn.Module, name: str) -> None:
    from safetensors.torch import load_file

    network.load_state_dict(load_file(WEIGHTS / f"{name}.safetensors"))
    network.eval()
