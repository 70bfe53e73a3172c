"""Extremal perturbation: models that look at a known part, area, ties, and dimensions."""

import math

import pytest
import torch
from torch import nn

from esegeta import MethodError, Patches
from tests.nets import Linear, probe_of, run


class Box(nn.Module):
    """The sum of squared detail inside a box; nothing else counts."""

    def __init__(self, box):
        super().__init__()
        self.box = box

    def forward(self, x):
        inside = x[(slice(None), slice(None), *self.box)]
        score = inside.square().flatten(1).sum(1, keepdim=True)
        return torch.cat([score, -score], 1)


BOXES = [
    ((48, 36), (slice(6, 28), slice(12, 30))),
    ((24, 20, 22), (slice(4, 16), slice(4, 14), slice(6, 18))),
]


def noise(*shape):
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("mode", ["preserve", "delete"])
@pytest.mark.parametrize(("spatial", "box"), BOXES, ids=["2d", "3d"])
def test_the_mask_covers_the_box_that_the_model_looks_at(spatial, box, mode):
    rim = 4 if len(spatial) == 2 else 2  # where a smooth mask rises
    inside, about = (torch.zeros(spatial, dtype=torch.bool) for _ in range(2))
    inside[tuple(slice(s.start + rim, s.stop - rim) for s in box)] = True
    about[tuple(slice(max(0, s.start - rim), s.stop + rim) for s in box)] = True
    area = math.prod(s.stop - s.start for s in box) / math.prod(spatial)
    probe = probe_of(Box(box), noise(*spatial), target=0)
    found = run(probe, "extremal_perturbation", areas=[area], mode=mode, cells=32, iterations=150)
    mask = found.map[0]
    assert float(mask[inside].mean()) > 0.8
    assert float(mask[~about].mean()) < 0.05
    (told,) = found.notes["masks"]
    assert told["reached"] == pytest.approx(area, rel=0.2)
    assert told["score"] > 0.3 if mode == "preserve" else told["score"] < 0.2


def test_the_map_is_the_mean_of_the_masks_of_all_areas():
    spatial, box = BOXES[0]
    options = {"cells": 8, "iterations": 30}
    areas = [0.1, 0.3]
    both = run(
        probe_of(Box(box), noise(*spatial), target=0),
        "extremal_perturbation",
        areas=areas,
        **options,
    )
    alone = [
        run(
            probe_of(Box(box), noise(*spatial), target=0),
            "extremal_perturbation",
            areas=[a],
            **options,
        )
        for a in areas
    ]
    torch.testing.assert_close(both.map, sum(f.map for f in alone) / 2, rtol=1e-3, atol=1e-3)
    for own, told in zip(alone, both.notes["masks"], strict=True):
        assert own.notes["masks"][0]["reached"] == pytest.approx(told["reached"], rel=1e-2)


def test_of_a_linear_model_the_mask_lies_where_detail_counts_most():
    """The best mask of a linear model holds the voxels with the largest w · (x − blurred x)."""
    model = Linear((24, 24))
    image = noise(24, 24)
    with torch.no_grad():  # what counts is smooth, as masks are
        rows, columns = torch.meshgrid(*[torch.arange(24) - 11.5] * 2, indexing="ij")
        hill = (-((rows - 4) ** 2 + columns**2) / 40).exp()
        model.weight[0] = hill * image[0].sign()
    found = run(
        probe_of(model, image, target=0), "extremal_perturbation", areas=[0.15], cells=12,
        iterations=150,
    )  # fmt: skip
    order = hill.flatten().argsort(descending=True)
    mask = found.map.flatten()[order]
    assert float(mask[: int(0.05 * 576)].mean()) > 0.75
    assert float(mask[int(0.35 * 576) :].mean()) < 0.05


def test_passes_are_counted_exactly():
    spatial, box = BOXES[0]
    found = run(
        probe_of(Box(box), noise(*spatial), target=0), "extremal_perturbation", areas=[0.1, 0.2, 0.3],
        iterations=5,
    )  # fmt: skip
    # The image, the blurred one, each step and the end, and one that proves a batch independent.
    assert found.passes == {"forward": 2 + 6 * 3 + 1, "backward": 15}


def test_in_patches_the_mask_is_the_same():
    class Segment(nn.Module):
        def forward(self, x):
            return torch.cat([x.square(), -x], 1)

    image = noise(16, 12)
    label = torch.zeros(16, 12)
    label[3:9, 2:8] = 1
    maps = [
        run(
            probe_of(
                Segment(), image, task="segmentation", target=0, mask="label", label=label,
                patches=patches,
            ),
            "extremal_perturbation", areas=[0.25], iterations=20, cells=8,
        ).map
        for patches in (None, Patches(8, 4))
    ]  # fmt: skip
    torch.testing.assert_close(maps[0], maps[1], rtol=1e-2, atol=1e-3)


def test_an_image_without_detail_is_refused():
    with pytest.raises(MethodError, match="leaves the score as it is"):
        run(probe_of(Box(BOXES[0][1]), torch.ones(1, 32, 24), target=0), "extremal_perturbation")


def test_equal_values_share_what_they_lack():
    """A flat mask of the right mean has its misfit from the step alone, whatever its order."""
    from esegeta.plugins.attribution.extremal import _misfit

    masks = torch.full((1, 1, 4, 5), 0.5, requires_grad=True)
    misfit = _misfit(masks, torch.tensor([0.5]))
    (slope,) = torch.autograd.grad(misfit, masks)
    assert misfit.item() == 0
    assert not slope.any()
    sorted_mask = torch.tensor([[0.0] * 15 + [1.0] * 5]).reshape(1, 1, 4, 5)
    assert _misfit(sorted_mask, torch.tensor([0.25])).item() == 0
    assert _misfit(sorted_mask, torch.tensor([0.5])).item() == pytest.approx(
        5 / 20 * (1 / 3) ** 2 * 3
    )


def test_a_constant_is_not_changed_by_the_blur_and_ones_by_the_bumps():
    from esegeta.plugins.attribution.extremal import REACH, _blurred, _bumps

    image = torch.full((1, 2, 9, 7), 3.0)
    torch.testing.assert_close(_blurred(image, 0.1), image)
    ones = torch.ones(1, 1, 6 + 2 * REACH, 5 + 2 * REACH)
    torch.testing.assert_close(_bumps(ones), torch.ones(1, 1, 6, 5))
    assert _bumps(0 * ones).abs().max() == 0
