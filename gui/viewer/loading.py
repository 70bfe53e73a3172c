"""Reads images and maps of a run folder as arrays; without torch, and without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from esegeta.config import Config, parse
from esegeta.config.files import expanded
from esegeta.errors import ConfigError, EsegetaError, ImageError
from esegeta.images.nifti import read as read_nifti
from esegeta.images.reading import scaled
from esegeta.report.orient import Affine
from esegeta.report.reading import Job
from esegeta.report.scale import Array, single

from ..language import tr
from .scene import window_of


@dataclass(frozen=True)
class Loaded:
    """Values (C, *spatial), and where they lie; the affine is None where nobody knows.

    An image comes with the values that are drawn black and white.
    """

    values: Array
    affine: Affine | None = None
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class Source:
    """Where an image comes from.

    Parameters
    ----------
    path : Path or None
    options : dict
        ``axes``, ``key`` and ``index``.
    number : int or None
        Of the entry in the config, where code makes the image.
    """

    path: Path | None = None
    options: dict[str, Any] | None = None
    number: int | None = None


def source_of(config: dict[str, Any], run: Path, name: str) -> Source:
    """Find the image of a name in a run's config.

    Raises
    ------
    ImageError
        Where the config does not say, in words.
    """
    if not config:
        raise ImageError(
            tr("%s cannot be read, so nobody knows the image's file") % (run / "config.json")
        )
    try:
        settings: Config = parse(config, run)
    except ConfigError as error:
        raise ImageError(tr("the run's config.json is damaged: %s") % error) from error
    images, problems = expanded(settings)
    made = [number for number, one in enumerate(settings.images) if one.path is None]
    for image in images:
        number = made.pop(0) if image.path is None else None
        if image.name == name:
            options = {"axes": image.axes, "key": image.key, "index": image.index}
            return Source(image.path, options, number)
    reasons = "; ".join(str(problem) for problem in problems)
    raise ImageError(tr("the image %r is not found") % name + (f": {reasons}" if reasons else ""))


def read_image(source: Source) -> Loaded:
    """Read an image file.

    Raises
    ------
    ImageError
    """
    assert source.path is not None, "images that code makes come from a helper process"
    pixels = scaled(source.path, **(source.options or {}))
    values = single(pixels.values)
    return Loaded(values, pixels.affine if pixels.space else None, window_of(values))


def read_map(run: Path, job: Job, which: str = "map") -> Loaded:
    """Read the map of a job that is done, or another of its files on the image's grid.

    Raises
    ------
    ImageError
        Where it is missing, damaged or outside the run folder.
    """
    name = (job.result.get("files") or {}).get(which)
    if not name:
        raise ImageError(tr("its result names no %s") % which)
    path = run / job.id / str(name)
    if not path.resolve().is_relative_to(run.resolve()):
        raise ImageError(tr("its result names a map outside the run: %s") % name)
    try:
        return _read(path)
    except EsegetaError:
        raise
    except Exception as error:  # each library has its own, down to zlib.error and EOFError
        reason = (" ".join(str(error).split()) or type(error).__name__).split(". ")[0]
        raise ImageError(
            f"{path} is cut short or damaged ({reason[:200]}); run the job again"
        ) from error


def _read(path: Path) -> Loaded:
    if not path.is_file():
        raise ImageError(tr("the map %s is missing; run the job again") % path)
    if path.suffix != ".npy":
        pixels = read_nifti(path)
        return Loaded(single(pixels.values), pixels.affine)
    values = np.load(path, allow_pickle=False)
    if values.ndim not in (2, 3) or values.dtype.kind not in "biuf" or not values.size:
        raise ImageError(f"{path} holds no map but {values.dtype} of shape {values.shape}")
    return Loaded(single(values if values.ndim == 3 else values[None]))


def made(file: Path, affine: Affine | None) -> Loaded:
    """Read what a helper process wrote of an image that code makes; it lies where the map does."""
    values = single(np.load(file, allow_pickle=False))
    return Loaded(values, affine, window_of(values))
