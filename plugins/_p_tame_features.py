"""The auxiliary networks whose features P-TAME combines: a small ResNet of our own, or torchvision's."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from esegeta import MethodError, import_library

#: The most cells that a feature is halved to along an axis: below, it would tell no places apart.
COARSEST = 4
#: Residual blocks per stage, as in ResNet-18.
BLOCKS = 2

#: After which parts of torchvision's networks features are taken. Of the residual network after each
#: stage; of the others where the paper does (MobileNetV3), or after the last block of each grid.
TAPS: Mapping[str, tuple[str, ...]] = {
    "resnet18": ("layer1", "layer2", "layer3", "layer4"),
    "mobilenet_v2": ("3", "6", "13", "17"),
    "mobilenet_v3_small": ("9", "10", "11", "12"),
}


def convolution(inputs: int, outputs: int, ndim: int, **options: Any) -> nn.Module:
    """A convolution over images or volumes."""
    kind: Any = nn.Conv2d if ndim == 2 else nn.Conv3d
    made: nn.Module = kind(inputs, outputs, **options)
    return made


def norm(width: int, ndim: int) -> nn.Module:
    """A batch norm over images or volumes."""
    return nn.BatchNorm2d(width) if ndim == 2 else nn.BatchNorm3d(width)


class Block(nn.Module):
    """Two convolutions and what goes past them (He et al., CVPR 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, ...]) -> None:
        super().__init__()
        ndim = len(stride)
        self.first = convolution(
            inputs, outputs, ndim, kernel_size=3, stride=stride, padding=1, bias=False
        )
        self.first_norm = norm(outputs, ndim)
        self.second = convolution(outputs, outputs, ndim, kernel_size=3, padding=1, bias=False)
        self.second_norm = norm(outputs, ndim)
        self.past: nn.Module = nn.Identity()
        if inputs != outputs or max(stride) > 1:
            self.past = nn.Sequential(
                convolution(inputs, outputs, ndim, kernel_size=1, stride=stride, bias=False),
                norm(outputs, ndim),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, *grid) → (N, outputs, *grid)."""
        within = self.second_norm(self.second(self.first_norm(self.first(x)).relu()))
        rectified: Tensor = (within + self.past(x)).relu()
        return rectified


class ResNet(nn.Module):
    """A residual network of four stages, laid out as ResNet-18, for images of any size, 2D and 3D.

    The stem halves the axes that are longer than ``cells``, so that small images keep their grid; each
    later stage halves the axes that have more than four cells left.

    Parameters
    ----------
    channels : int
        Of the image.
    spatial : sequence of int
        The image's shape.
    width : int
        Channels of the first stage; each further stage doubles them.
    cells : int
        The most cells along an axis of the first stage.
    """

    def __init__(self, channels: int, spatial: Sequence[int], width: int, cells: int) -> None:
        super().__init__()
        ndim, sizes = len(spatial), list(spatial)
        self.widths = [width * 2**stage for stage in range(4)]
        stem: list[nn.Module] = []
        inputs = channels
        while not stem or max(sizes) > cells:
            stride = tuple(2 if size > cells else 1 for size in sizes)
            stem += [
                convolution(
                    inputs, width, ndim, kernel_size=3, stride=stride, padding=1, bias=False
                ),
                norm(width, ndim),
                nn.ReLU(),
            ]
            inputs, sizes = width, _after(sizes, stride)
        self.stem = nn.Sequential(*stem)
        stages = []
        for stage, (before, after) in enumerate(itertools.pairwise([width, *self.widths])):
            halve = stage > 0
            stride = tuple(2 if halve and size > COARSEST else 1 for size in sizes)
            rest = (Block(after, after, (1,) * ndim) for _ in range(BLOCKS - 1))
            stages.append(nn.Sequential(Block(before, after, stride), *rest))
            sizes = _after(sizes, stride)
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> list[Tensor]:
        """What each stage makes of images (N, C, *spatial), the finest grid first."""
        x, found = self.stem(images), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


def _after(sizes: Sequence[int], stride: Sequence[int]) -> list[int]:
    return [-(-size // step) for size, step in zip(sizes, stride, strict=True)]


class Torchvision(nn.Module):
    """A network of torchvision's, by name, without its head; its weights come from elsewhere.

    A grey image is shown to it in all three channels.
    """

    def __init__(self, name: str, channels: int, spatial: Sequence[int]) -> None:
        super().__init__()
        if len(spatial) != 2 or channels not in (1, 3):
            raise MethodError(
                f"torchvision's {name} serves 2D images of one or three channels; these have "
                f"{channels} and {len(spatial)} axes. The auxiliary network 'own' serves all."
            )
        whole = getattr(import_library("torchvision.models"), name)(weights=None)
        self.taps = TAPS[name]
        # Parts keep torchvision's names, so that its weights fit.
        if hasattr(whole, "features"):
            self.features: nn.Module = whole.features
        else:
            for part, module in whole.named_children():
                if part not in ("avgpool", "fc"):
                    self.add_module(part, module)
        with torch.no_grad():
            found = self.eval()(torch.zeros(1, channels, *spatial))
        self.widths = [feature.shape[1] for feature in found]

    def forward(self, images: Tensor) -> list[Tensor]:
        """What its tapped parts make of images (N, C, H, W)."""
        parts = self.features if "features" in self._modules else self
        x = images.expand(-1, 3, -1, -1)
        found = []
        for name, part in parts.named_children():
            x = part(x)
            if name in self.taps:
                found.append(x)
        return found


def auxiliary(
    name: str, channels: int, spatial: Sequence[int], *, width: int, cells: int
) -> ResNet | Torchvision:
    """Build an auxiliary network by name, with random weights."""
    if name == "own":
        return ResNet(channels, spatial, width, cells)
    return Torchvision(name, channels, spatial)


def load(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give an auxiliary network its weights: its own, those of a whole artifact, or torchvision's.

    Raises
    ------
    MethodError
        If some are missing or of another shape.
    """
    prefix = "auxiliary."
    own = {key[len(prefix) :]: w for key, w in weights.items() if key.startswith(prefix)}
    own = own or dict(weights)
    wanted = network.state_dict()
    wrong = [key for key, w in wanted.items() if key not in own or own[key].shape != w.shape]
    if wrong:
        raise MethodError(
            f"The weights to start with do not fit the auxiliary network: {len(wrong)} of "
            f"{len(wanted)} are missing or of another shape, {wrong[0]!r} first."
        )
    network.load_state_dict({key: own[key] for key in wanted})
