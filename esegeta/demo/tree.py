"""Grows the centre lines and radii of a branching vessel tree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEP = 0.3  # mm between two points of a centre line; below half a voxel, so lines have no gaps
THINNEST = 0.42  # mm; a branch that would be thinner is not grown
TAPER = 0.008  # share of its radius that a branch loses per mm
WINDING = 0.035  # how strongly the course of a branch of 1 mm radius changes per step
COURSE = 0.03  # how strongly a branch keeps to the direction it set out in
PLANES = 12  # bifurcation planes tried; the one with most free room is taken


@dataclass(frozen=True)
class Tree:
    """Points along the centre lines: positions (n, 3) in mm and radii (n,) in mm."""

    points: Array
    radii: Array


@dataclass(frozen=True)
class _Bud:
    position: Array
    direction: Array
    radius: float


def grow_tree(rng: np.random.Generator, extent: Array) -> Tree:
    """Grow one tree from near the middle of the lower face of a box.

    A branch winds, tapers and splits in two by Murray's law (the cubes of the daughters' radii
    add up to the parent's), at the angles that follow from it, until it is too thin or leaves the
    box of ``extent`` mm.
    """
    trunk = 0.05 * float(extent[0])
    root = extent * np.array([rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), 0.0])
    buds = [_Bud(root, _unit(np.array([*rng.normal(0, 0.15, 2), 1.0])), trunk)]
    points: list[Array] = []
    radii: list[Array] = []
    while buds:
        # Thickest first: the large vessels take their room before the small ones fill the rest.
        bud = buds.pop(int(np.argmax([b.radius for b in buds])))
        line, thickness, direction = _branch(rng, bud, extent)
        points.append(line)
        radii.append(thickness)
        if np.all((line[-1] >= 0) & (line[-1] <= extent)):
            tip = _Bud(line[-1], direction, float(thickness[-1]))
            buds += _split(rng, tip, np.concatenate(points), extent)
    line, thickness = np.concatenate(points), np.concatenate(radii)
    inside = np.all((line >= 0) & (line <= extent), axis=1)
    return Tree(line[inside], thickness[inside])


def _branch(rng: np.random.Generator, bud: _Bud, extent: Array) -> tuple[Array, Array, Array]:
    """Points, radii and the last direction of one winding, tapering branch."""
    length = _reach(bud.radius) * rng.uniform(0.7, 1.3)
    winding = WINDING / np.sqrt(bud.radius)
    position, direction, bend = bud.position, bud.direction, np.zeros(3)
    line = [position]
    for _ in range(int(length / STEP)):
        bend = 0.85 * bend + winding * rng.normal(size=3)
        course = COURSE * (bud.direction - direction) + _inward(position, extent)
        direction = _unit(direction + bend + course)
        position = position + STEP * direction
        line.append(position)
        if np.any(position < 0) or np.any(position > extent):
            break
    thickness = bud.radius * np.exp(-TAPER * STEP * np.arange(len(line)))
    return np.array(line), thickness, direction


def _inward(position: Array, extent: Array) -> Array:
    """Push away from a wall of the box that is near, so that large vessels stay in the picture."""
    near = 0.15 * extent
    low, high = np.clip(1 - position / near, 0, 1), np.clip(1 - (extent - position) / near, 0, 1)
    return np.asarray(0.08 * (low - high))


def _split(rng: np.random.Generator, tip: _Bud, taken: Array, extent: Array) -> list[_Bud]:
    """Two daughters by Murray's law, in the plane with most free room around their tips."""
    share = rng.uniform(0.5, 0.9)
    thick, thin = tip.radius * share ** (1 / 3), tip.radius * (1 - share) ** (1 / 3)
    angles = _angle(tip.radius, thick, thin), -_angle(tip.radius, thin, thick)
    best, most = [tip.direction, tip.direction], -np.inf
    for _ in range(PLANES):
        side = _unit(np.cross(tip.direction, rng.normal(size=3)))
        directions = [np.cos(a) * tip.direction + np.sin(a) * side for a in angles]
        tips = (tip.position + _reach(tip.radius) * d for d in directions)
        room = sum(_room(place, taken, extent) for place in tips)
        if room > most:
            best, most = directions, room
    daughters = zip(best, (thick, thin), strict=True)
    return [_Bud(tip.position, d, r) for d, r in daughters if r >= THINNEST]


def _reach(radius: float) -> float:
    """Usual length of a branch, in mm."""
    return 4 + 5 * radius


def _angle(parent: float, daughter: float, sister: float) -> float:
    """Angle between parent and daughter that costs least work (Murray 1926)."""
    cosine = (parent**4 + daughter**4 - sister**4) / (2 * parent**2 * daughter**2)
    return float(np.arccos(np.clip(cosine, -1, 1)))


def _room(place: Array, taken: Array, extent: Array) -> float:
    """Distance to the nearest vessel, or to the box (negative) for a place outside it."""
    outside = float(np.linalg.norm(np.maximum(0, np.maximum(-place, place - extent))))
    return -outside if outside else float(np.min(np.linalg.norm(taken - place, axis=1)))


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))
