"""Which numbers are drawn, in which colours, over which range."""

import numpy as np
import pytest
import torch

from esegeta.errors import MethodError
from esegeta.report.scale import OPACITY, colour_map, fit, grey, heat, window


def ramp(low, high, n=101):
    return np.linspace(low, high, n, dtype=np.float32)[None]


def test_heat_sums_signed_channels_and_takes_the_largest_magnitude():
    map = torch.tensor([[[1.0, -5.0]], [[-3.0, 2.0]]])  # two channels, 1×2 pixels
    assert heat(map, "signed").tolist() == [[-2, -3]]
    assert heat(map, "magnitude").tolist() == [[3, 5]]


def test_heat_takes_half_precision_and_leaves_a_single_channel_uncopied():
    assert heat(torch.tensor([[[1.5]]], dtype=torch.bfloat16)).tolist() == [[1.5]]
    map = np.ones((1, 4, 4), dtype=np.float32)
    assert np.shares_memory(heat(map), map)


def test_signed_maps_get_a_range_symmetric_about_zero():
    scale = fit(ramp(-1, 3))
    assert scale.signed
    assert (scale.low, scale.high) == (-3, 3)
    assert scale.clipped == "neither"


def test_unsigned_maps_start_at_zero_or_at_their_least_value():
    assert (fit(ramp(0, 2)).low, fit(ramp(0.01, 2)).low) == (0, 0)
    far = fit(ramp(0.5, 2))
    assert not far.signed
    assert (far.low, far.high) == (0.5, 2)


def test_few_huge_values_are_clipped_and_said_to_be():
    values = np.random.default_rng(0).uniform(-1, 1, (100, 100)).astype(np.float32)
    values[3, 4] = 50
    scale = fit(values)
    assert 0.98 < scale.high <= 1
    assert (scale.clipped, scale.greatest) == ("both", 50)
    values[3, 4] = -50
    assert fit(values).least == -50


def test_zeros_outside_a_mask_do_not_lower_the_range():
    values = np.zeros((100, 100), dtype=np.float32)
    values[:2, :10] = np.linspace(1, 2, 20).reshape(2, 10)  # 0.2 % of all
    assert fit(values).high == 2


@pytest.mark.parametrize(
    ("value", "says"), [(0, "zero everywhere"), (0.25, "0.25 everywhere"), (np.nan, "16 values")]
)
def test_a_map_that_says_nothing_is_not_drawn(value, says):
    with pytest.raises(MethodError, match=says):
        fit(np.full((4, 4), value, dtype=np.float32))


def test_one_infinite_value_is_counted():
    values = ramp(0, 1)
    values[0, 7] = np.inf
    with pytest.raises(MethodError, match="1 values"):
        fit(values)


def test_the_image_shows_through_everywhere_and_wholly_at_zero():
    scale, ground = fit(ramp(-1, 1)), np.full((1, 3), 0.5, dtype=np.float32)
    values = np.array([[-1, 0, 1]], dtype=np.float32)
    blended = scale.blend(ground, values)
    assert np.allclose(blended[0, 1], 0.5)
    assert np.allclose(scale.opacity(values), [[OPACITY, 0, OPACITY]])
    cold, warm = blended[0, 0], blended[0, 2]
    assert cold[2] > cold[0] + 0.2  # blue below zero
    assert warm[0] > warm[2] + 0.2  # orange above


def test_opacity_grows_with_strength():
    for scale in (fit(ramp(-1, 1)), fit(ramp(0, 1))):
        assert (np.diff(scale.opacity(ramp(0, 1))) > 0).all()


@pytest.mark.parametrize("signed", [True, False])
def test_lightness_tells_strength_without_hue(signed):
    ends = [0.5, 1.0] if signed else [0.0, 1.0]
    for start, end in [ends, [0.5, 0.0]] if signed else [ends]:
        colours = colour_map(signed)(np.linspace(start, end, 50))[:, :3]
        lightness = colours @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(lightness) > -1e-3).all()
        assert lightness[-1] > lightness[0] + 0.4


def test_window_of_pictures_of_dark_pictures_and_of_other_numbers():
    rng = np.random.default_rng(0)
    assert window(rng.random((1, 50, 50), dtype=np.float32)) == (0, 1)
    low, high = window(rng.random((1, 50, 50), dtype=np.float32) / 16)  # 12 bits stored in 16
    assert 0 < low < 0.002
    assert 0.06 < high < 1 / 16
    values = rng.normal(40, 10, (1, 50, 50)).astype(np.float32)
    values[0, 0, 0] = 30_000  # metal in a CT
    assert window(values)[1] < 100
    assert grey(values, window(values)).max() == 1


def test_window_of_a_nearly_empty_and_of_a_constant_image():
    image = np.zeros((1, 50, 50), dtype=np.float32)
    assert window(image) == (0, 1)
    image[0, 3, 3] = 7
    assert window(image) == (0, 7)
