"""What threads do for the stage: everything that takes longer than a moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from esegeta.report.orient import Affine
from esegeta.report.reading import Job
from esegeta.report.scale import Array

from .choice import title
from .colours import REPORT, Look, Sign, table
from .layers import Layer, oddities
from .loading import Loaded, Source, read_image, read_map, source_of
from .scene import window_of


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
    values = loaded.values if loaded.values.ndim == 4 else loaded.values[..., None]
    kind = str(job.result.get("returns") or "map")
    sign: Sign = "magnitude" if job.result.get("show") == "magnitude" else "signed"
    layer = Layer(job.id, title(job), values, Look(sign=sign), kind, oddities(values))
    if kind == "map":
        layer.measure()
    else:
        low, high = window_of(values)
        layer.look = replace(layer.look, low=low, high=high)
    return layer, loaded.affine, kind


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
