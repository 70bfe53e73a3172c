"""Time-of-flight-like angiograms of vessel trees that are grown, not measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from esegeta.demo.tree import Tree, grow_tree

if TYPE_CHECKING:
    from esegeta.images import Image

Array = NDArray[np.float64]

SPACING = np.array([0.6, 0.6, 0.8])  # mm, as of a clinical time-of-flight scan
TILT = np.deg2rad(8.0)  # slabs are tilted towards the line between the commissures
WHITE, GREY, FLUID, BLOOD = 0.35, 0.28, 0.13, 1.0  # signal, relative to fast-flowing blood
SMALLEST = 16


def vessel_tree(seed: int, size: int = 64) -> Image:
    """One synthetic angiogram with its vessels as label.

    The tensor is (1, size, size, size), in arbitrary scanner units; the label is 1 in vessels.
    The same seed gives the same volume.
    """
    import torch

    from esegeta.images import Image

    volume, label, affine = grow(seed, size)
    return Image(
        tensor=torch.from_numpy(volume)[None],
        affine=affine,
        name=f"vessels {seed}",
        path=None,
        label=torch.from_numpy(label),
    )


def grow(seed: int, size: int = 64) -> tuple[NDArray[np.float32], NDArray[np.int64], Array]:
    """Volume (size, size, size), label of the same shape (1 in vessels), and affine (RAS+, mm).

    Raises
    ------
    ValueError
        When ``size`` is below 16.
    """
    if size < SMALLEST:
        raise ValueError(f"a vessel tree needs a size of at least {SMALLEST}, not {size}.")
    rng = np.random.default_rng(seed)
    shape = (size, size, size)
    tree = grow_tree(rng, SPACING * (size - 1))
    depth, radius = _rasterise(tree, shape)
    # A voxel at the wall is partly blood: a ramp one voxel wide stands for the share of it.
    blood = np.clip(0.5 + depth / SPACING.mean(), 0, 1)
    signal = (1 - blood) * _tissue(rng, shape) + blood * _flow(depth, radius, shape)
    signal = _noisy(rng, signal * _bias(rng, shape), level=rng.uniform(0.03, 0.055))
    label = (blood >= 0.5) | _passed(tree, shape)
    return (800 * signal).astype(np.float32), label.astype(np.int64), _affine(shape)


def _rasterise(tree: Tree, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Depth below the nearest vessel wall (negative outside) and that vessel's radius, in mm."""
    depth = np.full(shape, -10.0)
    radius = np.ones(shape)
    axes = [np.arange(n) * step for n, step in zip(shape, SPACING, strict=True)]
    for point, r in zip(tree.points, tree.radii, strict=True):
        low = np.maximum(np.floor((point - r) / SPACING).astype(int) - 1, 0)
        high = np.ceil((point + r) / SPACING).astype(int) + 2
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        squares = [(axis[s] - p) ** 2 for axis, s, p in zip(axes, box, point, strict=True)]
        here = r - np.sqrt(
            squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :]
        )
        deeper = here > depth[box]
        depth[box][deeper] = here[deeper]
        radius[box][deeper] = r
    return depth, radius


def _passed(tree: Tree, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The voxels a centre line passes through, so that thin vessels have no gaps."""
    passed = np.zeros(shape, dtype=bool)
    passed[tuple(np.rint(tree.points / SPACING).astype(int).T)] = True
    return passed


def _tissue(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Brain-like background: folded grey matter around white, with dark fluid in the folds."""
    fold = _smooth_noise(rng, shape, 4.5) + 0.25 * _smooth_noise(rng, shape, 1.5)
    width = 0.16 * np.exp(0.6 * _smooth_noise(rng, shape, 5))
    fluid = np.exp(-((fold / width) ** 2))  # the folds are where the noise crosses zero
    grey = np.exp(-((fold / 0.7) ** 4))
    matter = WHITE + (GREY - WHITE) * grey
    texture = 1 + 0.04 * _smooth_noise(rng, shape, 1.5)
    return np.asarray((matter + (FLUID - matter) * fluid) * texture)


def _flow(depth: Array, radius: Array, shape: tuple[int, ...]) -> Array:
    """Signal of blood: less in thin vessels, at the wall and, by saturation, further up."""
    speed = 0.65 + 0.35 * np.sqrt(np.clip(radius / radius.max(), 0, 1))
    laminar = 0.85 + 0.15 * np.clip(depth / radius, 0, 1)
    saturation = 1 - 0.2 * np.linspace(0, 1, shape[2])
    return np.asarray(BLOOD * speed * laminar * saturation)


def _bias(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Slow change of the receive coils' sensitivity."""
    return np.asarray(np.exp(0.15 * _smooth_noise(rng, shape, shape[0] / 5)))


def _noisy(rng: np.random.Generator, signal: Array, level: float) -> Array:
    """Magnitude of a complex signal with Gaussian noise in both parts: Rician noise."""
    real = signal + level * rng.normal(size=signal.shape)
    imaginary = level * rng.normal(size=signal.shape)
    return np.hypot(real, imaginary)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Array:
    """Gaussian noise smoothed with ``sigma`` voxels, of mean 0 and standard deviation 1."""
    spectrum = np.fft.rfftn(rng.normal(size=shape))
    frequencies = np.meshgrid(
        *[np.fft.fftfreq(n) for n in shape[:-1]], np.fft.rfftfreq(shape[-1]), indexing="ij"
    )
    squared = sum(f**2 for f in frequencies)
    spectrum *= np.exp(-2 * (np.pi * sigma) ** 2 * squared)
    noise = np.fft.irfftn(spectrum, s=shape, axes=(0, 1, 2))
    return np.asarray((noise - noise.mean()) / noise.std())


def _affine(shape: tuple[int, ...]) -> Array:
    """Voxel to world (RAS+): axes run to the left, back and up, tilted, centred on zero."""
    cos, sin = np.cos(TILT), np.sin(TILT)
    rotation = np.array([[-1, 0, 0], [0, -cos, -sin], [0, -sin, cos]])
    affine = np.eye(4)
    affine[:3, :3] = rotation * SPACING
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine
