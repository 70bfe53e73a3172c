"""Values of one grid on another that covers the same field."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from esegeta import resample

sides = st.integers(1, 9)


def centres(size: int) -> torch.Tensor:
    """Where the voxels of an axis lie, as parts of the field."""
    return (torch.arange(size) + 0.5) / size


@given(sides, sides, st.integers(2, 9), st.integers(2, 9))
def test_a_ramp_stays_the_ramp_it_was_between_the_outer_centres(h, w, height, width):
    ramp = 3 * centres(h)[:, None] - 2 * centres(w)
    found = resample(ramp[None, None], (height, width))[0, 0]
    rows = centres(height).clamp(0.5 / h, 1 - 0.5 / h)
    columns = centres(width).clamp(0.5 / w, 1 - 0.5 / w)
    torch.testing.assert_close(found, 3 * rows[:, None] - 2 * columns, rtol=1e-4, atol=1e-5)


@given(sides, sides, sides, sides)
def test_a_volume_of_depth_one_is_a_picture(h, w, height, width):
    values = torch.randn(2, 3, h, w, generator=torch.Generator().manual_seed(0))
    flat = resample(values, (height, width))
    deep = resample(values[:, :, None], (1, height, width))
    torch.testing.assert_close(deep[:, :, 0], flat)


def test_on_their_own_grid_values_stay_as_they_are():
    values = torch.randn(1, 1, 4, 5)
    assert resample(values, [4, 5]) is values
