"""Mixed precision: where it is refused, and how far its results can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from esegeta.checks import Check
from esegeta.errors import MethodError
from esegeta.plugin import Plugin
from esegeta.probe import Probe

#: A relative error above this is flagged.
LIMIT = 0.1


def require_amp(plugin: Plugin, probe: Probe) -> None:
    """Refuse mixed precision where it gives wrong maps, or none in a lifetime.

    Raises
    ------
    MethodError
        If the method needs float32, or the precision is fp16 on a CPU.
    """
    amp = probe.network.amp
    if amp is not None and plugin.precision == "full":
        raise MethodError(
            f"'{plugin.name}' divides by small differences and needs full precision; "
            'give it "amp": "off".'
        )
    if amp == torch.float16 and probe.network.device.type == "cpu":
        raise MethodError(
            "fp16 on a CPU is hundreds of times slower than float32; use bf16, or a GPU."
        )


def spot_check(probe: Probe, plugin: Plugin, layer: str | None) -> Check:
    """The relative error of one spot of the result, recomputed in float32.

    For a method of gradients the spot is the score's gradient at the image, or at the method's layer:
    |g − g₃₂| / |g₃₂|, which the methods of a group share. For a method that runs forward only it is
    what the score loses, four times, when an eighth of the image's side is taken away.
    """
    full = probe.in_full_precision()
    if plugin.gradients:
        found, exact = (_gradient(p, layer) for p in (probe, full))
    else:
        boxes = [_box(probe.spatial, part) for part in (0.2, 0.4, 0.6, 0.8)]
        found, exact = (p.value - p.boxed_scores(boxes) for p in (probe, full))
    error = float((found - exact).norm() / exact.norm().clamp(min=1e-30))
    return Check("amp error", error, error <= LIMIT, LIMIT)


def _box(spatial: Sequence[int], part: float) -> tuple[slice, ...]:
    """A box of an eighth of the side, at this part of the image's diagonal."""
    sides = [max(1, size // 8) for size in spatial]
    starts = [int(part * (size - side)) for size, side in zip(spatial, sides, strict=True)]
    return tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True))


def _gradient(probe: Probe, layer: str | None) -> torch.Tensor:
    return probe.gradient() if layer is None else probe.layer(layer).gradient().float()
