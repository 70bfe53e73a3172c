"""What a method returned, checked and brought to the image's grid."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.plugin import Plugin
from esegeta.probe import Probe


def on_image_grid(returned: Any, probe: Probe, plugin: Plugin) -> Tensor:
    """The method's map (K, *spatial) on the image's grid, float32 on the CPU.

    Raises
    ------
    MethodError
        If the method returned what is no map.
    """
    if not isinstance(returned, Tensor):
        raise MethodError(f"'{plugin.name}' returned a {type(returned).__name__}, not a tensor.")
    values = returned.detach().float()
    if plugin.returns == "sheet":
        return _sheet(values, plugin)
    if values.dim() != probe.ndim + 1:
        raise MethodError(
            f"'{plugin.name}' returned shape {tuple(values.shape)}; a map of this image has shape "
            f"(channels, {', '.join(map(str, probe.spatial))})."
        )
    if plugin.takes_layer and plugin.returns == "map":
        if tuple(values.shape[1:]) != probe.spatial:
            mode = "bilinear" if probe.ndim == 2 else "trilinear"
            values = F.interpolate(values[None], probe.spatial, mode=mode, align_corners=False)[0]
    elif tuple(values.shape[1:]) != probe.spatial:
        raise MethodError(
            f"'{plugin.name}' returned a map of shape {tuple(values.shape[1:])} for an image of shape "
            f"{probe.spatial}."
        )
    return values.to("cpu", copy=True)


def _sheet(values: Tensor, plugin: Plugin) -> Tensor:
    """A picture (1 or 3, height, width) from 0 to 1.

    Raises
    ------
    MethodError
        If the method returned none.
    """
    low, high = map(float, values.nan_to_num().aminmax())
    if values.dim() != 3 or len(values) not in (1, 3) or low < 0 or high > 1:
        raise MethodError(
            f"'{plugin.name}' returned shape {tuple(values.shape)} with values from "
            f"{low:g} to {high:g}; a sheet has shape (1 or 3, height, "
            "width) and values from 0 to 1."
        )
    return values.to("cpu", copy=True)
