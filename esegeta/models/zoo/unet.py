"""A plain U-Net in two or three dimensions."""

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn

Norm = Literal["instance", "batch"]

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORM = {
    ("instance", 2): nn.InstanceNorm2d,
    ("instance", 3): nn.InstanceNorm3d,
    ("batch", 2): nn.BatchNorm2d,
    ("batch", 3): nn.BatchNorm3d,
}


class UNet(nn.Module):
    """U-Net that halves the grid by strided and doubles it by transposed convolutions.

    Level ``i`` works on the grid divided by ``2**i`` with ``width * 2**i`` channels: ``enc.i`` on
    the way down, ``bottom`` at level ``depth``, ``up.i`` and ``dec.i`` on the way up, so that
    ``enc.i`` and ``dec.i`` share a grid. ``head`` gives the logits at full size.

    Parameters
    ----------
    ndim : 2 or 3
        Spatial dimensions.
    channels, classes : int
        Channels of the image and of the logits.
    width : int
        Channels at full resolution.
    depth : int
        How often the grid is halved.
    norm : "instance" or "batch"
        Normalisation after each convolution.
    """

    def __init__(
        self,
        ndim: int = 3,
        channels: int = 1,
        classes: int = 2,
        width: int = 8,
        depth: int = 3,
        norm: Norm = "instance",
    ) -> None:
        super().__init__()
        if ndim not in CONV:
            raise ValueError(f"ndim is 2 or 3, not {ndim}.")
        if depth < 1:
            raise ValueError(f"depth is at least 1, not {depth}.")
        if (norm, ndim) not in NORM:
            raise ValueError(f"norm is 'instance' or 'batch', not {norm!r}.")
        self.ndim, self.channels, self.depth = ndim, channels, depth
        widths = [width * 2**level for level in range(depth + 1)]
        first = _block(ndim, norm, channels, width)
        halving = (
            _block(ndim, norm, widths[level - 1], widths[level], stride=2)
            for level in range(1, depth)
        )
        self.enc = nn.ModuleList([first, *halving])
        self.bottom = _block(ndim, norm, widths[depth - 1], widths[depth], stride=2)
        self.up = nn.ModuleList(
            TRANSPOSED[ndim](widths[level + 1], widths[level], kernel_size=2, stride=2)
            for level in range(depth)
        )
        self.dec = nn.ModuleList(
            _block(ndim, norm, 2 * widths[level], widths[level]) for level in range(depth)
        )
        self.head = CONV[ndim](width, classes, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of every pixel or voxel.

        Shapes: (N, channels, *spatial) → (N, classes, *spatial).

        Raises
        ------
        ValueError
            When the image has another number of dimensions or channels, or a side that is not a
            multiple of ``2**depth``.
        """
        self._check(image)
        skips = []
        x = image
        for block in self.enc:
            x = block(x)
            skips.append(x)
        x = self.bottom(x)
        for level in reversed(range(self.depth)):
            x = self.dec[level](torch.cat([skips[level], self.up[level](x)], dim=1))
        logits: Tensor = self.head(x)
        return logits

    def _check(self, image: Tensor) -> None:
        if image.ndim != self.ndim + 2 or image.shape[1] != self.channels:
            raise ValueError(
                f"this {self.ndim}D U-Net takes images of shape (N, {self.channels}"
                f"{', size' * self.ndim}), not {tuple(image.shape)}."
            )
        sides, step = tuple(image.shape[2:]), 2**self.depth
        if any(side % step for side in sides):
            raise ValueError(
                f"this U-Net halves the image {self.depth} times, so each side must be a multiple "
                f"of {step}; the image is {' × '.join(map(str, sides))}."
            )


def _block(ndim: int, norm: Norm, inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Two convolutions of size 3, each with its normalisation and ReLU."""
    conv, normalise = CONV[ndim], NORM[norm, ndim]
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv0=conv(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            norm0=normalise(outputs, affine=True),
            relu0=nn.ReLU(),
            conv1=conv(outputs, outputs, 3, padding=1, bias=False),
            norm1=normalise(outputs, affine=True),
            relu1=nn.ReLU(),
        )
    )
