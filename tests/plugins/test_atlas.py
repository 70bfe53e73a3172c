"""Sheets of pictures: the activation grid and the atlas."""

import pytest
import torch
import torch.nn.functional as F
from esegeta.plugins.explainability._canvas import sheet
from esegeta.plugins.explainability.atlas import _cells
from torch import nn

from esegeta import MethodError
from tests.nets import net, probe_of, run

IMAGE = torch.randn(2, 16, 12, generator=torch.Generator().manual_seed(3))
VOLUME = torch.randn(2, 8, 6, 10, generator=torch.Generator().manual_seed(3))


def test_cells_of_an_atlas_hold_equally_many_and_are_in_order():
    values = torch.randn(103, 5) * torch.tensor([10.0, 5.0, 0.1, 0.1, 0.1])
    cells = _cells(values, 4)
    assert sorted(torch.cat(cells).tolist()) == list(range(103))
    assert {len(cell) for cell in cells} <= {5, 6, 7}
    means = torch.stack([values[cell].mean(0) for cell in cells]).reshape(4, 4, 5)
    assert (means[:, 1:, 0] > means[:, :-1, 0]).all()
    assert (means[1:, :, 1] > means[:-1, :, 1]).all()


def test_a_sheet_is_laid_out_row_by_row():
    tiles = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 1, 2, 3) / 10
    found = sheet(tiles, 3)
    assert found.shape == (1, 2 * 2 + 1, 3 * 3 + 2)
    assert found[0, 0, 4] == pytest.approx(0.1)
    assert found[0, 3, 8] == pytest.approx(0.5)
    assert found[0, 2].eq(1).all()
    assert sheet(torch.rand(4, 3, 5, 6, 7), 2).shape == (3, 13, 15)
    assert sheet(torch.rand(4, 2, 6, 7), 2).shape == (1, 13, 15)


@pytest.mark.parametrize("ndim", [2, 3])
def test_sheets_and_their_passes(ndim):
    image = IMAGE if ndim == 2 else VOLUME
    options = {"cells": 2, "steps": 3}
    height, width = (2 * n + 1 for n in image.shape[-2:])
    grid = run(probe_of(net(ndim=ndim), image), "activation_grid", "c", **options)
    assert grid.map.shape == (1, height, width)
    assert grid.passes == {"forward": 2 + 5 * 4, "backward": 3 * 4}
    references = [torch.randn(image.shape) for _ in range(2)]
    probe = probe_of(net(ndim=ndim), image, references=references)
    atlas = run(probe, "activation_atlas", "c", samples=10, **options)
    assert atlas.map.shape == (1, height, width)
    assert atlas.notes["images"] == 3
    assert atlas.notes["activations"] == 40
    assert atlas.passes == {"forward": 2 + 10 + 5 * 4, "backward": 3 * 4}
    for found in (grid, atlas):
        assert found.map.min() >= 0
        assert found.map.max() <= 1


def test_a_cell_shows_what_its_own_place_holds():
    """The left half of the image holds what the first channel likes, the right half the second."""

    class Signs(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(1, 2, 1, bias=False)
            self.layer.weight.data.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))

        def forward(self, x):
            return self.layer(x).flatten(2).mean(2)

    image = torch.ones(1, 8, 8)
    image[..., 4:] = -1
    found = run(
        probe_of(Signs(), image), "activation_grid", "layer", cells=2, steps=60, rate=0.2
    ).map[0]
    assert float(found[:8, :8].mean()) > 0.65
    assert float(found[:8, 9:].mean()) < 0.35


def test_pictures_of_another_size_are_refused_where_the_model_takes_none():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(2, 4, 3, padding=1)
            self.head = nn.Linear(4 * 16 * 12, 2)

        def forward(self, x):
            return self.head(F.relu(self.layer(x.reshape(-1, 2, 16, 12))).flatten(1))

    probe = probe_of(Fixed(), IMAGE)
    assert run(probe, "activation_grid", "layer", cells=2, steps=2).notes["pictures"] == 4
    with pytest.raises(MethodError, match="leave out the side"):
        run(probe, "activation_grid", "layer", cells=2, steps=2, side=7)


def test_smaller_pictures_make_a_smaller_sheet():
    found = run(probe_of(net(), IMAGE), "activation_grid", "c", cells=2, steps=2, side=6)
    assert found.map.shape == (1, 13, 13)


def test_an_atlas_of_too_few_activations_is_refused():
    with pytest.raises(MethodError, match="do not fill 5 × 5 cells"):
        run(probe_of(net(), IMAGE), "activation_atlas", "c", samples=4, cells=5)
