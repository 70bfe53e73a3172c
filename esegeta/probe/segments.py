"""Superpixels and supervoxels: the image cut into pieces of like intensity."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def segments(image: Tensor, count: int) -> Tensor:
    """Cut an image into about ``count`` compact pieces of like intensity (SLIC).

    Parameters
    ----------
    image : Tensor
        (1, C, *spatial), 2D or 3D.

    Returns
    -------
    Tensor
        (*spatial) long, numbered from 0 without gaps.
    """
    from skimage.segmentation import relabel_sequential, slic

    values = image[0].detach().cpu().double()
    low = values.amin(tuple(range(1, values.dim())), keepdim=True)
    high = values.amax(tuple(range(1, values.dim())), keepdim=True)
    scaled = (values - low) / (high - low).clamp(min=1e-12)  # SLIC weighs distance against [0, 1]
    pieces = slic(
        scaled.numpy(), count, compactness=0.1, channel_axis=0, start_label=1, convert2lab=False
    )
    pieces, _, _ = relabel_sequential(pieces)
    return torch.from_numpy(pieces.astype("int64") - 1).to(image.device)


def grid_cells(spatial: Sequence[int], count: int) -> Tensor:
    """(*spatial) cells of a regular grid of about ``count`` nearly cubic cells, numbered from 0."""
    side = (math.prod(spatial) / count) ** (1 / len(spatial))
    cells = torch.zeros(tuple(spatial), dtype=torch.long)
    for axis, size in enumerate(spatial):
        number = max(1, min(size, round(size / side)))
        along = torch.arange(size) * number // size
        cells = cells * number + along.view(-1, *[1] * (len(spatial) - axis - 1))
    return cells
