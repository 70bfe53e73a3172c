"""The patient's right stands on the left of the picture, whatever way the file is stored."""

import itertools

import nibabel as nib
import numpy as np
import pytest

from esegeta.errors import ImageError
from esegeta.report.orient import Grid, planes, project, strongest

SIZES = {"x": 1.0, "y": 2.0, "z": 3.5}  # millimetres per voxel
LENGTHS = {"x": 10, "y": 12, "z": 14}  # voxels
MARKED = np.array([3.0, 12.0, 7.0])  # mm: right of, in front of, and below the middle
MIDDLE = np.array([0.0, 5.0, 20.0])


def ras():
    """A volume in RAS with one marked voxel."""
    affine = np.diag([*SIZES.values(), 1.0])
    shape = np.array(list(LENGTHS.values()))
    affine[:3, 3] = MIDDLE - affine[:3, :3] @ ((shape - 1) / 2)
    volume = np.zeros(shape, dtype=np.float32)
    voxel = np.linalg.solve(affine, [*MARKED, 1])[:3].round().astype(int)
    volume[tuple(voxel)] = 1
    return nib.Nifti1Image(volume, affine), affine @ [*voxel, 1]


def stored(codes):
    """The same volume, stored in another orientation."""
    image, world = ras()
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    image = image.as_reoriented(turn)
    assert nib.aff2axcodes(image.affine) == tuple(codes)
    return np.asarray(image.dataobj, dtype=np.float32), image.affine, world[:3]


ORIENTATIONS = [
    "".join(codes)
    for axes in itertools.permutations(["RL", "AP", "SI"])
    for codes in itertools.product(*axes)
]


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_a_marked_voxel_is_where_its_letters_say(codes):
    volume, affine, world = stored(codes)
    grid = Grid(affine, volume.shape)
    turned = grid.turn(volume)
    voxel = strongest(turned)
    assert np.allclose(grid.world(voxel), world)
    assert grid.spacing == tuple(SIZES.values())
    side = {"x": "R", "y": "A", "z": "I"}  # of the mark, from the middle
    for plane in planes(known=True):
        picture = plane.cut(turned, voxel)
        (row,), (column,) = np.nonzero(picture)
        assert plane.point(turned.shape, voxel) == (row, column)
        rows, columns = plane.across
        vertical = plane.letters["top" if row < picture.shape[0] / 2 else "bottom"]
        horizontal = plane.letters["left" if column < picture.shape[1] / 2 else "right"]
        assert (vertical, horizontal) == (side["xyz"[rows]], side["xyz"[columns]])
        assert plane.letters["top"] in "SA"
        assert plane.letters["left"] in "RA"  # radiological
        assert np.array_equal(picture, plane.lay(project(turned, plane.axis)))


def test_planes_have_their_names_and_lie_across_their_axes():
    assert [(p.name, "xyz"[p.axis]) for p in planes(known=True)] == [
        ("axial", "z"),
        ("coronal", "y"),
        ("sagittal", "x"),
    ]


@pytest.mark.parametrize("angle", [10, 40, 130])
def test_a_rotated_grid_is_turned_to_the_nearest_axes(angle):
    volume, affine, _ = stored("LPS")
    theta = np.radians(angle)
    rotation = np.eye(4)
    rotation[:2, :2] = [[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]]
    grid = Grid(rotation @ affine, volume.shape)
    turned = grid.turn(volume)
    voxel = strongest(turned)
    assert np.allclose(grid.world(voxel), (rotation @ affine @ [*strongest(volume), 1])[:3])
    # One voxel further along a turned axis is one step towards its positive letter.
    for axis in range(3):
        further = list(voxel)
        further[axis] += 1
        step = np.subtract(grid.world(tuple(further)), grid.world(voxel))
        assert np.argmax(np.abs(step)) == axis
        assert step[axis] > 0
        assert np.isclose(np.linalg.norm(step), grid.spacing[axis])
    assert np.isclose(grid.tilt, min(angle % 90, 90 - angle % 90))


def test_turning_copies_nothing():
    volume, affine, _ = stored("AIR")
    assert np.shares_memory(Grid(affine, volume.shape).turn(volume), volume)


def test_without_an_affine_nothing_is_turned_or_claimed():
    volume = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    grid = Grid(None, volume.shape)
    assert np.array_equal(grid.turn(volume), volume)
    first = planes(known=False)[2]
    assert (first.name, first.letters) == ("across axis 1", {})
    assert np.array_equal(first.cut(volume, (1, 0, 0)), volume[1])
    assert first.point(volume.shape, (1, 2, 3)) == (2, 3)


def test_an_affine_that_flattens_is_refused():
    with pytest.raises(ImageError, match="onto a plane"):
        Grid(np.diag([1.0, 0, 1, 1]), (2, 2, 2))


def test_tiny_voxels_are_no_flat_affine():
    assert Grid(np.diag([1e-5, 1e-5, 1e-5, 1]), (2, 2, 2)).spacing == (1e-5, 1e-5, 1e-5)


def test_the_strongest_voxel_may_be_negative():
    values = np.zeros((3, 4, 5), dtype=np.float32)
    values[0, 1, 2], values[2, 3, 4] = 3, -4
    assert strongest(values) == (2, 3, 4)
    values[0, 1, 2] = 5
    assert strongest(values) == (0, 1, 2)


def test_projection_keeps_the_sign_of_the_largest_magnitude():
    values = np.array([[1, -3, 2], [-4, 2, 2]], dtype=np.float32)
    assert project(values, 0).tolist() == [-4, -3, 2]
    assert project(values, 1).tolist() == [-3, -4]
