"""Values of one grid on another that covers the same field."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def resample(values: Tensor, spatial: Sequence[int]) -> Tensor:
    """Bring values to another grid over the same field, by bi- or trilinear interpolation.

    Parameters
    ----------
    values : Tensor
        (N, K, *grid), in two or three dimensions.
    spatial : sequence of int
        Voxels of the new grid.

    Returns
    -------
    Tensor
        (N, K, *spatial); `values` themselves where that is their grid.
    """
    if tuple(values.shape[2:]) == tuple(spatial):
        return values
    mode = "bilinear" if len(spatial) == 2 else "trilinear"
    return F.interpolate(values, tuple(spatial), mode=mode, align_corners=False)
