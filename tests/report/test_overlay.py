"""Figures: what they show and say; pixels are taken from the arrays that are drawn."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from esegeta.errors import MethodError
from esegeta.report.overlay import overlay, picture, save_figure

LPS = np.diag([-1.0, -1.0, 2.0, 1.0])


def texts(figure):
    inside = [text for axes in figure.axes for text in axes.texts]
    return [text.get_text() for text in [*figure.texts, *inside]]


def said(figure):
    return " ".join(" ".join(texts(figure)).split())


def drawn(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


def bump(*shape):
    grid = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    return np.exp(-4 * sum(axis**2 for axis in grid)).astype(np.float32)[None]


def test_a_flat_image_stands_beside_itself_under_the_map():
    image = torch.rand(3, 20, 30)
    figure = overlay(image, bump(20, 30) - 0.5, title="grad_cam")
    original, mapped, bar = drawn(figure)
    assert np.allclose(original, image.permute(1, 2, 0).numpy())
    assert mapped.shape == (20, 30, 3)
    assert bar.shape[:2] == (256, 1)
    assert "grad_cam" in texts(figure)
    assert "Blue below zero" in said(figure)


def test_the_bar_says_the_range_and_how_far_the_map_goes_beyond():
    values = np.random.default_rng(0).uniform(-2, 2, (1, 100, 100)).astype(np.float32)
    values[0, 0, 0] = 40
    figure = overlay(np.ones((1, 100, 100)), values)
    labels = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert len(labels) == 5
    assert labels[2] == "0"
    assert [label.strip("−") for label in labels] == [label.strip("−") for label in labels[::-1]]
    assert "▲ to 40" in texts(figure)
    assert "99.5th percentile" in said(figure)


def test_magnitudes_are_drawn_in_sequential_colours():
    signed = bump(20, 20) - 0.5
    assert "Blue" not in said(overlay(np.ones((1, 20, 20)), signed, show="magnitude"))
    assert "Blue" in said(overlay(np.ones((1, 20, 20)), signed))


def test_flat_pixels_are_as_high_and_wide_as_the_affine_says():
    figure = overlay(np.ones((1, 10, 10)), bump(10, 10), affine=np.diag([3.0, 1, 1, 1]))
    width, height = figure.axes[0].images[0].get_extent()[1:3]
    assert (width, height) == (10, 30)


def test_other_channels_than_colours_are_named():
    assert "channel 1 of 4" in said(overlay(np.ones((4, 10, 10)), bump(10, 10)))


def test_a_volume_shows_slices_through_the_strongest_voxel_and_projections():
    values = np.zeros((1, 8, 10, 12), dtype=np.float32)
    values[0, 1, 2, 3], values[0, 6, 6, 6] = 2, -3
    image = np.full((1, 8, 10, 12), 100, dtype=np.float32)
    figure = overlay(image, values, affine=LPS, title="saliency")
    axial, coronal, sagittal, *projections, _ = drawn(figure)
    assert len(projections) == 3
    assert (axial.shape, coronal.shape, sagittal.shape) == ((10, 8, 3), (12, 8, 3), (12, 10, 3))
    blue = axial[..., 2] - axial[..., 0]
    # LPS: index 6 of 8 lies to the left, which is on the right of a radiological picture.
    assert np.unravel_index(blue.argmax(), blue.shape) == (6, 6)
    projected = projections[0][..., 0] - projections[0][..., 2]
    assert np.unravel_index(projected.argmax(), projected.shape) == (2, 1)
    assert "Strongest voxel −3 at (−6.0, −6.0, 12.0) mm, RAS+" in texts(figure)
    assert "axial  z = 12.0 mm" in texts(figure)
    assert "Radiological convention" in said(figure)
    assert {"R", "L", "A", "P", "S", "I"} <= set(texts(figure))


def test_voxels_of_a_volume_keep_their_proportions():
    figure = overlay(np.ones((1, 8, 10, 12)), bump(8, 10, 12), affine=LPS)
    extents = [tuple(axes.images[0].get_extent()[1:3]) for axes in figure.axes[:3]]
    assert extents == [(8, 10), (8, 24), (10, 24)]
    for axes, (width, height) in zip(figure.axes[:3], extents, strict=True):
        box = axes.get_window_extent()
        assert np.isclose(box.width / box.height, width / height)


def test_a_volume_of_unknown_orientation_claims_none():
    figure = overlay(np.ones((1, 8, 10, 12)), bump(8, 10, 12))
    assert "Orientation unknown" in said(figure)
    assert not {"R", "L", "A", "P", "S", "I"} & set(texts(figure))


def test_a_tilted_grid_says_so():
    theta = np.radians(20)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]]
    figure = overlay(np.ones((1, 8, 10, 12)), bump(8, 10, 12), affine=affine)
    assert "oblique by up to 20°" in said(figure)


@pytest.mark.parametrize("shape", [(12, 14), (6, 7, 8)])
def test_a_zero_map_is_not_drawn(shape):
    with pytest.raises(MethodError, match="zero everywhere"):
        overlay(torch.rand(1, *shape), torch.zeros(1, *shape))


def test_image_and_map_must_lie_on_one_grid():
    with pytest.raises(ValueError, match=r"\(12, 14\).*\(14, 12\)"):
        overlay(torch.rand(1, 12, 14), torch.rand(1, 14, 12))
    with pytest.raises(ValueError, match="grid"):
        picture(torch.rand(1, 12, 14), torch.rand(1, 14, 12))


@pytest.mark.parametrize("shape", [(20, 30), (8, 10, 12)])
def test_a_made_picture_stands_beside_the_image_in_its_own_window(shape):
    result = 5 * torch.randn(3, *shape)
    figure = picture(torch.rand(3, *shape), result, affine=LPS, title="deep_dream")
    assert len(drawn(figure)) == (2 if len(shape) == 2 else 6)
    assert all(panel.min() >= 0 and panel.max() <= 1 for panel in drawn(figure))
    assert "deep_dream" in texts(figure)
    assert any("result" in text and "−" in text for text in texts(figure))


@pytest.mark.parametrize(
    ("shape", "title"), [((8, 8), "occlusion"), ((400, 40), "a long title " * 8), ((3, 3, 90), "m")]
)
def test_nothing_is_written_beyond_the_edge_or_over_something_else(shape, title):
    figure = overlay(torch.rand(1, *shape), torch.rand(1, *shape), affine=np.eye(4), title=title)
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text()]
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
    for at, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[at + 1 :])


def test_dollar_signs_in_a_title_are_no_formula():
    figure = overlay(torch.rand(1, 9, 9), torch.rand(1, 9, 9), title=r"cost $\frac$ _x^")
    figure.canvas.draw()


def test_a_figure_is_saved_whole_and_small(tmp_path):
    image = torch.from_numpy(bump(64, 64, 64))
    figure = overlay(image, image - 0.4, affine=LPS)
    path = save_figure(figure, tmp_path / "overlay.png")
    assert path.stat().st_size < 400_000
    assert [p.name for p in tmp_path.iterdir()] == ["overlay.png"]
    with Image.open(path) as saved:
        assert saved.mode == "RGB"
        assert saved.size == tuple(figure.canvas.get_width_height())


def test_a_figure_that_cannot_be_saved_leaves_nothing(tmp_path, monkeypatch):
    figure = overlay(torch.rand(1, 9, 9), torch.rand(1, 9, 9))

    def full(self, fp, **options):
        fp.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="no space"):
        save_figure(figure, tmp_path / "overlay.png")
    assert list(tmp_path.iterdir()) == []


def test_no_global_state_of_matplotlib_is_touched():
    code = (
        "import sys, numpy as np; from esegeta.report.overlay import overlay\n"
        "assert 'matplotlib' not in sys.modules and 'torch' not in sys.modules\n"
        "overlay(np.ones((1, 9, 9)), np.arange(81.).reshape(1, 9, 9))\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
