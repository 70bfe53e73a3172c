"""What threads do for the stage: everything that takes longer than a moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from esegeta.errors import ImageError
from esegeta.report.orient import Affine
from esegeta.report.reading import Job
from esegeta.report.scale import Array

from ..language import tr
from .choice import title
from .colours import REPORT, Look, Sign, table
from .layers import Layer, oddities
from .loading import Loaded, Source, read_image, read_map, source_of
from .scene import window_of
from .strip import Strip, Way

NOTHING: Array = np.empty(0, np.float32)


def image_of(config: dict[str, Any], run: Path, name: str) -> tuple[Source, Loaded | None]:
    """Find the image of a name, and read it where it is a file."""
    source = source_of(config, run, name)
    return source, (read_image(source) if source.path is not None else None)


def warm() -> None:
    """Import what drawing needs, where nobody waits for it."""
    import matplotlib  # noqa: F401
    import nibabel.orientations  # noqa: F401
    from matplotlib import colors  # noqa: F401

    from . import columns  # noqa: F401

    for centred in (False, True):
        table(REPORT, centred)


def layer_of(run: Path, job: Job) -> tuple[Layer, Affine | None, str]:
    """Read a job's map, and find its ranges and its strongest voxel; also give what it returns."""
    loaded = read_map(run, job)
    values = solid(loaded.values)
    kind = str(job.result.get("returns") or "map")
    kind = "map" if kind == "strip" else kind  # its images come later
    sign: Sign = "magnitude" if job.result.get("show") == "magnitude" else "signed"
    layer = Layer(job.id, title(job), values, Look(sign=sign), kind, oddities(values))
    if kind == "map":
        layer.measure()
    else:
        low, high = window_of(values)
        layer.look = replace(layer.look, low=low, high=high)
    return layer, loaded.affine, kind


def strip_of(run: Path, job: Job) -> tuple[Strip, Affine | None, str]:
    """Read the images of a job that made a strip of them, and find their ranges.

    Raises
    ------
    ImageError
        Where one of their files is missing or damaged, or does not fit what the result says.
    """
    try:
        known = job.result["strip"]
        positions = [float(at) for at in known["positions"]]
        strip = Strip(job.id, title(job), NOTHING, along=str(known["along"]), positions=positions)
        strip.ways = [_way(positions, one) for one in known["ways"]]
        if 0 not in positions or not strip.ways:
            raise ValueError("there is no origin, or no way")
    except (KeyError, TypeError, ValueError) as error:
        raise ImageError(tr("what its result says of them cannot be read")) from error
    affine = None
    for at, way in enumerate(strip.ways):
        loaded = read_map(run, job, f"way-{at}")
        way.images, affine = solid(loaded.values), loaded.affine
        if way.images.shape != strip.ways[0].images.shape or len(way.images) % len(positions):
            raise ImageError(tr("way-%d does not hold an image for each position") % at)
    strip.trouble = next(filter(None, (oddities(way.images) for way in strip.ways)), "")
    strip.choose()
    strip.measure()
    return strip, affine, "map"


def _way(positions: list[float], known: dict[str, Any]) -> Way:
    """Read what is said of a way.

    One looks first at where the decision turns. Where it never does: at the end that is farthest from it,
    as the job's map does.

    Raises
    ------
    ValueError
        Where it does not fit the positions.
    """
    chances = [float(one) for one in known["probabilities"]]
    predicted = [str(one) for one in known["predicted"]]
    if not len(chances) == len(predicted) == len(positions):
        raise ValueError(f"{len(positions)} positions")
    turn = known["turn"]
    away = predicted[positions.index(0)] == str(known["class"])
    at = positions.index(turn) if turn is not None else 0 if away else len(positions) - 1
    return Way(str(known["class"]), NOTHING, chances, predicted, at)


def solid(values: Array) -> Array:
    """Give (K, x, y, z), also of a picture."""
    return values if values.ndim == 4 else values[..., None]


def sheet_of(values: Array) -> Array:
    """Give a sheet (1 or 3, H, W, 1) as (H, W, 3)."""
    flat: Array = values[..., 0]
    three: Array = flat if len(flat) == 3 else flat[:1].repeat(3, axis=0)
    sheet: Array = three.transpose(1, 2, 0)
    return sheet


def spatial_of(values: Array) -> tuple[int, ...]:
    """Give the grid of (K, x, y, z), of which a picture has one slice."""
    return values.shape[1:] if values.shape[3] > 1 else values.shape[1:3]


def times(spatial: tuple[int, ...]) -> str:
    """Write the size of a grid."""
    return " × ".join(map(str, spatial))
