"""The viewer's geometry, colours and maps, without Qt."""

import subprocess
import sys

import numpy as np
import pytest
from esegeta.gui.viewer.colours import NOT_A_NUMBER, Look, paint, position, strip
from esegeta.gui.viewer.geometry import Geometry
from esegeta.gui.viewer.layers import Difference, Layer, oddities
from esegeta.gui.viewer.scene import Scene
from hypothesis import given
from hypothesis import strategies as st

from esegeta.report.scale import fit

SHAPES = st.tuples(*[st.integers(1, 7)] * 3)


@st.composite
def affines(draw):
    """Any order of axes, any flips, a tilt of some degrees, any spacing and origin."""
    order = draw(st.permutations(range(3)))
    turned = np.eye(3)[:, list(order)] * [draw(st.sampled_from([-1, 1])) for _ in range(3)]
    angle = draw(st.floats(-0.4, 0.4))
    tilt = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    affine = np.eye(4)
    affine[:3, :3] = tilt @ turned * [draw(st.floats(0.3, 5)) for _ in range(3)]
    affine[:3, 3] = [draw(st.floats(-200, 200)) for _ in range(3)]
    return affine


@given(SHAPES, affines(), st.data())
def test_voxel_to_world_and_back_is_the_identity(shape, affine, data):
    geometry = Geometry(shape, affine)
    voxel = tuple(data.draw(st.integers(0, size - 1)) for size in geometry.shape)
    assert geometry.voxel(geometry.world(voxel)) == voxel


@given(SHAPES, affines(), st.data())
def test_a_turned_voxel_is_the_one_in_the_file(shape, affine, data):
    geometry = Geometry(shape, affine)
    values = np.arange(np.prod(shape)).reshape(1, *shape)
    voxel = tuple(data.draw(st.integers(0, size - 1)) for size in geometry.shape)
    stored = geometry.stored(voxel)
    assert geometry.turn(values)[(0, *voxel)] == values[(0, *stored)]
    assert np.allclose(geometry.world(voxel), (affine @ [*stored, 1])[:3])
    assert geometry.turned(stored) == voxel


@given(SHAPES, affines(), st.booleans(), st.data())
def test_a_place_on_the_screen_is_the_voxel_that_is_drawn_there(shape, affine, neurological, data):
    geometry = Geometry(shape, affine)
    volume = geometry.turn(np.arange(np.prod(shape), dtype=np.float32).reshape(1, *shape))
    voxel = tuple(data.draw(st.integers(0, size - 1)) for size in geometry.shape)
    for view in geometry.views(neurological):
        row, column = view.point(geometry.shape, voxel)
        picture = view.cut(volume, voxel)[0]
        assert picture.shape == view.size(geometry.shape)
        assert picture[row, column] == volume[(0, *voxel)]
        assert view.voxel(geometry.shape, voxel, row, column) == voxel


@given(SHAPES.filter(lambda shape: min(shape) > 1), affines(), st.booleans())
def test_letters_name_the_side_towards_which_the_world_grows(shape, affine, neurological):
    geometry = Geometry(shape, affine)
    ends = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    for view in geometry.views(neurological):
        height, width = view.size(geometry.shape)
        at = {
            "top": (0, 0),
            "bottom": (height - 1, 0),
            "left": (0, 0),
            "right": (0, width - 1),
        }
        for one, other in (("top", "bottom"), ("left", "right")):
            axis, sign = ends[view.letters[one]]
            places = [
                geometry.world(view.voxel(geometry.shape, (0, 0, 0), *at[side]))
                for side in (one, other)
            ]
            assert sign * (places[0][axis] - places[1][axis]) > 0


def test_conventions_differ_in_left_and_right_only():
    geometry = Geometry((4, 5, 6), np.eye(4))
    axial, coronal, sagittal = geometry.views(False)
    assert axial.letters == {"top": "A", "bottom": "P", "left": "R", "right": "L"}
    assert geometry.views(True)[0].letters == {"top": "A", "bottom": "P", "left": "L", "right": "R"}
    assert geometry.views(True)[1].letters["left"] == "L"
    assert coronal.letters["left"] == "R"
    assert geometry.views(True)[2].letters == sagittal.letters


def test_an_affine_that_places_nothing_is_said_and_not_used():
    flat = np.diag([1.0, 1.0, 0.0, 1.0])
    geometry = Geometry((3, 3, 3), flat)
    assert "plane" in geometry.trouble
    assert geometry.world((1, 1, 1)) is None
    assert geometry.views()[0].letters == {}
    assert Geometry((3, 3, 3), np.full((4, 4), np.nan)).trouble


def test_a_picture_has_one_view_and_no_world():
    geometry = Geometry((5, 9), None)
    (view,) = geometry.views()
    assert view.size(geometry.shape) == (5, 9)
    assert view.voxel(geometry.shape, geometry.centre, 4, 8) == (4, 8, 0)
    assert geometry.stored((4, 8, 0)) == (4, 8)
    assert geometry.world((1, 1, 0)) is None


# Colours


def test_colours_are_those_of_the_report():
    values = np.linspace(-3, 3, 601, dtype=np.float32)[None]
    scale = fit(values)
    ground = np.full((1, 601, 3), 0.4, np.float32)
    ours = paint(ground, values, Look(low=scale.low, high=scale.high))
    theirs = scale.blend(ground[..., 0], values)
    assert abs(ours / 255 - theirs).max() < 0.02


def test_zero_keeps_the_middle_where_the_range_is_lopsided():
    look = Look(low=-1, high=10)
    assert position(np.float32([-1, 0, 5, 10]), look).tolist() == [0, 0.5, 0.75, 1]
    # … in the bar as well: nothing is drawn at its middle.
    assert abs(int(strip(look)[0, 255, 0]) - round(0.16 * 255)) <= 1


def test_threshold_sign_and_opacity():
    ground = np.full((1, 3, 3), 0.5, np.float32)
    values = np.float32([[-1, 0.2, 1]])
    layer = Layer("a", "a", np.float32([[[[-1.0]], [[0.2]], [[1.0]]]]), Look(-1, 1))
    unseen = paint(ground, values, Look(-1, 1, opacity=0))
    assert (unseen == 128).all()
    cut = paint(ground, values, Look(-1, 1, threshold=0.5))
    assert (cut[0, 1] == 128).all()
    assert (cut[0, 0] != 128).any()
    assert (cut[0, 2] != 128).any()
    for sign, expected in (
        ("positive", [0, 0.2, 1]),
        ("negative", [-1, 0, 0]),
        ("magnitude", [1, 0.2, 1]),
    ):
        got = [layer.value((x, 0, 0), sign) for x in range(3)]
        assert got == pytest.approx(expected)
    layer.signed("positive")
    assert (layer.look.low, layer.look.high) == (-1, 1), "one sign alone keeps its colour"
    layer.signed("magnitude")
    assert (layer.look.low, layer.look.high) == (0, 1)


def test_what_is_no_number_is_magenta_and_said():
    values = np.float32([[np.nan, 1, np.inf]])
    drawn = paint(np.zeros((1, 3, 3), np.float32), values, Look())
    assert tuple(drawn[0, 0]) == tuple(drawn[0, 2]) == NOT_A_NUMBER
    assert tuple(drawn[0, 1]) != NOT_A_NUMBER
    assert oddities(values) == "2 values are NaN or infinite, drawn in magenta"
    assert oddities(np.full((1, 2), np.nan)) == "no value is a number"


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_a_map_that_says_nothing_can_be_looked_at(value):
    layer = Layer("a", "a", np.full((1, 2, 2, 2), value, np.float32))
    layer.measure()
    scene = Scene((2, 2, 2), np.eye(4))
    scene.add(layer)
    assert layer.look.low < layer.look.high
    assert scene.picture(scene.views[0], "a").shape == (2, 2, 3)
    assert layer.strongest() == (0, 0, 0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1)])
def test_one_voxel(shape):
    scene = Scene(shape, np.eye(4) if len(shape) == 3 else None)
    scene.take_image(np.full((1, *shape), 3.0, np.float32))
    for view in scene.views:
        assert scene.picture(view, None).shape == (1, 1, 3)
        scene.scroll(view, 5)
        scene.go(view, 9, -9)
    assert scene.voxel == (0, 0, 0)
    assert scene.readings()["image"] == [3.0]


def test_channels_are_reduced_as_in_the_report():
    values = np.float32([[[[1.0]]], [[[-3.0]]]])
    layer = Layer("a", "a", values)
    assert layer.value((0, 0, 0), "signed") == -2
    assert layer.value((0, 0, 0), "magnitude") == 3


def test_the_difference_is_of_parts_of_the_ranges_or_of_the_values():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(1, 4, 5, 6)).astype(np.float32)
    one, other = Layer("a", "a", a), Layer("b", "b", 100 * a)
    for layer in (one, other):
        layer.measure()
    relative = Difference.of(one, other)
    assert relative.value((1, 2, 3), "signed") == pytest.approx(0, abs=1e-6)
    plain = Difference.of(one, other, relative=False)
    assert plain.value((1, 2, 3), "signed") == pytest.approx(-99 * a[0, 1, 2, 3], rel=1e-5)
    assert plain.strongest() == one.strongest()
    scene = Scene((4, 5, 6), np.eye(4))
    scene.add(plain)
    scene.voxel = (1, 2, 3)
    view = scene.views[0]
    row, column = scene.point(view)
    assert plain.cut(view, scene.voxel, "signed")[row, column] == pytest.approx(
        plain.value(scene.voxel, "signed")
    )


@given(
    st.lists(
        st.floats(-9, 9, width=32) | st.sampled_from([np.nan, np.inf]), min_size=8, max_size=8
    ),
    st.sampled_from("CF"),
)
def test_the_strongest_voxel_is_the_largest_finite_magnitude(values, order):
    volume = np.float32(values).reshape(1, 2, 2, 2)
    layer = Layer("a", "a", np.asarray(volume[0], order=order)[None])
    finite = np.where(np.isfinite(volume[0]), abs(volume[0]), -1)
    assert finite[layer.strongest()] == finite.max()
    scale = layer.scale("magnitude")
    assert scale.greatest == max(finite.max(), 0)


def test_an_image_on_another_grid_is_refused():
    scene = Scene((2, 2, 2))
    with pytest.raises(ValueError, match="grid"):
        scene.take_image(np.zeros((1, 3, 2, 2), np.float32))


def test_dressing_one_map_or_all():
    scene = Scene((2, 2, 2))
    for key in "ab":
        layer = Layer(key, key, np.random.default_rng(1).normal(size=(1, 2, 2, 2)))
        layer.measure()
        scene.add(layer)
    scene.dress("a", opacity=0.3)
    assert scene.layers["b"].look.opacity == 0.3
    scene.dress("a", False, opacity=0.6)
    assert (scene.layers["a"].look.opacity, scene.layers["b"].look.opacity) == (0.6, 0.3)


def test_the_look_of_the_ground_follows_window_and_voxel():
    scene = Scene((3, 3, 3), np.eye(4))
    scene.take_image(np.arange(27, dtype=np.float32).reshape(1, 3, 3, 3))
    view = scene.views[0]
    first = scene.picture(view, None)
    scene.scroll(view, 1)
    second = scene.picture(view, None)
    assert (first != second).any()
    scene.window = (100, 101)
    assert (scene.picture(view, None) == 0).all()


def test_no_torch_and_no_qt_behind_the_view_models():
    code = (
        "import sys, esegeta.gui.viewer.scene, esegeta.gui.viewer.choice, "
        "esegeta.gui.viewer.loading, esegeta.gui.viewer.facts\n"
        "print([m for m in ('torch', 'PySide6', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
