"""How alike two maps of one image are."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Kind = Literal["ssim", "spearman", "hog"]
Array = NDArray[Any]

WINDOW = 7
"""Voxels per side of the window in which SSIM compares."""

CELL = 16
"""Voxels per side of a cell in which gradients are counted (Adebayo et al.)."""

ORIENTATIONS = 9
"""Directions of gradients that are told apart in 2D (Dalal & Triggs)."""


def similarity(a: Tensor, b: Tensor, kind: Kind) -> float:
    """How alike two maps (K, *spatial) are: 1 for equal ones, about 0 for unrelated ones.

    Maps are summed over their channels. A constant map is like another constant one and unlike any
    other.

    Parameters
    ----------
    kind : {"ssim", "spearman", "hog"}
        Structural similarity of the maps, each scaled to [0, 1]; Spearman's rank correlation; Pearson's
        correlation of the histograms of gradients. (The cosine of two histograms, which hold no negative
        number, is far above 0 for unrelated maps too.)

    Raises
    ------
    ValueError
        If the maps do not lie on one grid.
    """
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"Maps of {tuple(a.shape[1:])} and {tuple(b.shape[1:])} cannot be compared."
        )
    one, other = (_scaled(values) for values in (a, b))
    flat = [values.min() == values.max() for values in (one, other)]
    if any(flat):
        return float(all(flat))
    if kind == "ssim":
        return _ssim(one, other)
    if kind == "spearman":
        return _spearman(one, other)
    return _correlation(gradients(one), gradients(other))


def _scaled(values: Tensor) -> Array:
    """(*spatial) the sum over channels, scaled to [0, 1]; zero where it is constant."""
    total = values.detach().double().sum(0).cpu().numpy()
    low, high = total.min(), total.max()
    # Summing leaves rounding on a constant.
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        return np.zeros_like(total)
    scaled: Array = (total - low) / (high - low)
    return scaled


def _ssim(a: Array, b: Array) -> float:
    from skimage.metrics import structural_similarity

    short = [(0, max(0, 3 - size)) for size in a.shape]  # no window is smaller than three voxels
    a, b = (np.pad(values, short, mode="edge") for values in (a, b))
    window = min(WINDOW, min(a.shape) - 1 + min(a.shape) % 2)
    return float(structural_similarity(a, b, win_size=window, data_range=1))


def _spearman(a: Array, b: Array) -> float:
    from scipy.stats import rankdata

    return _correlation(rankdata(a), rankdata(b))


def _correlation(a: Array, b: Array) -> float:
    """Pearson's; of a vector that does not vary: 1 with an equal one, else 0."""
    a, b = (values.ravel() - values.mean() for values in (a, b))
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    if size <= 1e-12:
        return float(np.allclose(a, b))
    return float(np.clip(a @ b / size, -1, 1))


def gradients(values: Array) -> Array:
    """The histograms of gradients of a map (*spatial), one after another.

    A gradient counts in its cell by its length, for the nearest of some lines through a voxel: 9 in 2D,
    and in 3D the 10 through the corners of a dodecahedron (Kläser, Marszałek & Schmid, BMVC 2008): they
    see what no slice shows, and all are as likely. Blocks of three cells per side, as far as the map
    holds so many, are normalised (L2-Hys). In 2D as in skimage, but without the rim of the map, where
    gradients are made another way: that alone would make unrelated maps alike.
    """
    lines = _lines(values.ndim)
    lengths, nearest = _slopes(values, lines)
    cell = max(1, min(CELL, min(lengths.shape) // 3))
    cells = tuple(size // cell for size in lengths.shape)
    numbers = np.ix_(*(np.arange(count * cell) // cell for count in cells))
    inside = tuple(slice(count * cell) for count in cells)
    places = np.ravel_multi_index(numbers, cells) * len(lines) + nearest[inside]
    bins = math.prod(cells) * len(lines)
    counted = np.bincount(places.ravel(), lengths[inside].ravel(), minlength=bins)
    block = tuple(min(3, count) for count in cells)
    blocks = np.lib.stride_tricks.sliding_window_view(
        counted.reshape(*cells, len(lines)), block, axis=tuple(range(values.ndim))
    )
    rows = blocks.reshape(-1, len(lines) * math.prod(block))
    found: Array = _of_length_one(_of_length_one(rows).clip(max=0.2)).ravel()
    return found


def _slopes(values: Array, lines: Array) -> tuple[Array, Array]:
    """The length of the gradient of each voxel, and the number of the line it is nearest to."""
    crop = tuple(slice(1, -1) if size > 2 else slice(None) for size in values.shape)
    slopes = [
        (np.gradient(values, axis=axis) if size > 1 else np.zeros_like(values))[crop]
        for axis, size in enumerate(values.shape)
    ]
    most, nearest = np.full_like(slopes[0], -1), np.zeros(slopes[0].shape, dtype=np.int64)
    for number, line in enumerate(lines):
        along = np.abs(sum(part * slope for part, slope in zip(line, slopes, strict=True)))
        nearest[along > most] = number
        np.maximum(most, along, out=most)
    return np.sqrt(sum(slope**2 for slope in slopes)), nearest


def _of_length_one(rows: Array) -> Array:
    scaled: Array = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-12)
    return scaled


def _lines(ndim: int) -> Array:
    """(n, ndim) directions of length one; opposite ones are the same line."""
    if ndim == 2:
        angles = np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS
        return np.stack([np.sin(angles), np.cos(angles)], axis=1)
    golden = (1 + math.sqrt(5)) / 2
    cube = [(1, a, b) for a in (1, -1) for b in (1, -1)]
    others = [np.roll((0, 1 / golden, sign * golden), n) for n in range(3) for sign in (1, -1)]
    return _of_length_one(np.array([*cube, *others]))
