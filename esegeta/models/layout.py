"""How weights lie in memory."""

import torch
from torch import nn


def channels_last(module: nn.Module) -> None:
    """Lay the weights of convolutions out channels last, which runs faster on a CPU.

    The values stay; a result changes by rounding. Measured on two cores: a 3D U-Net at 64³ runs
    1.3–1.9 times as fast forward and 1.2–1.5 times forward and backward, MobileNetV2 1.3 times both;
    very small networks lose a few per cent.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last)
        elif isinstance(part, nn.Conv3d | nn.ConvTranspose3d):
            part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last_3d)
