"""Random masks, sliding boxes, segments, and the rewriting for hooks."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from esegeta.probe.masks import random_masks, sliding_boxes
from esegeta.probe.normalise import normalised
from esegeta.probe.segments import segments
from tests.nets import STYLES, net

axes = st.lists(st.integers(1, 20), min_size=2, max_size=3)


@given(spatial=axes, data=st.data())
def test_boxes_cover_every_voxel_and_stay_inside(spatial, data):
    window = [data.draw(st.integers(1, 25)) for _ in spatial]
    stride = [data.draw(st.integers(1, min(w, n))) for w, n in zip(window, spatial, strict=True)]
    boxes = sliding_boxes(spatial, window, stride)
    covered = torch.zeros(spatial, dtype=torch.long)
    for box in boxes:
        for side, part, size in zip(window, box, spatial, strict=True):
            assert 0 <= part.start < part.stop <= size
            assert part.stop - part.start == min(side, size)
        covered[box] += 1
    assert (covered > 0).all()
    assert len({str(box) for box in boxes}) == len(boxes)


@settings(max_examples=30)
@given(
    spatial=axes,
    count=st.integers(1, 12),
    grid=st.integers(2, 8),
    keep=st.floats(0.1, 0.9),
    batch=st.integers(1, 5),
)
def test_random_masks_do_not_depend_on_the_batch(spatial, count, grid, keep, batch):
    def draw(size):
        return list(
            random_masks(spatial, count, grid, keep, torch.Generator().manual_seed(1), size)
        )

    batches = draw(batch)
    assert all(len(b) <= batch for b in batches)
    masks = torch.cat(batches)
    assert masks.shape == (count, 1, *spatial)
    assert masks.min() >= 0
    assert masks.max() <= 1 + 1e-6
    torch.testing.assert_close(masks, torch.cat(draw(count)), rtol=1e-5, atol=1e-6)


def test_random_masks_keep_the_share_they_should():
    masks = torch.cat(list(random_masks((30, 20), 3000, 5, 0.3, torch.Generator(), 500)))
    assert masks.mean() == pytest.approx(0.3, abs=0.01)
    assert masks.mean(0).min() > 0.25  # no voxel is seen less than others
    assert masks.mean(0).max() < 0.35


@pytest.mark.parametrize("size", [64, 50])
def test_random_masks_vary_at_the_rim_as_they_do_inside(size):
    masks = torch.cat(list(random_masks((size, size), 4000, 7, 0.5, torch.Generator(), 500)))[:, 0]
    variance = masks.var(0)
    inside = variance[16:-16, 16:-16].mean()
    for rim in (variance[:3], variance[-3:], variance[:, :3], variance[:, -3:]):
        assert rim.mean() == pytest.approx(float(inside), rel=0.1)


@pytest.mark.parametrize("spatial", [(24, 30), (10, 12, 14)])
def test_segments_follow_the_image_and_are_numbered_without_gaps(spatial):
    image = torch.zeros(1, 1, *spatial)
    image[..., spatial[-1] // 2 :] = 1
    found = segments(image, 16)
    assert found.shape == spatial
    assert torch.equal(found.unique(), torch.arange(int(found.max()) + 1))
    assert 4 <= int(found.max()) + 1 <= 40
    left, right = found[..., : spatial[-1] // 2].unique(), found[..., spatial[-1] // 2 :].unique()
    assert not set(left.tolist()) & set(right.tolist())


# A clamp has no module of the same meaning and stays as it is; where the return value of an in-place
# method is dropped, no copy can compute the same.
REWRITABLE = [s for s in STYLES if not s.startswith("clamp") and s != "method inplace"]


@pytest.mark.parametrize("style", REWRITABLE)
def test_the_rewritten_model_has_one_module_per_rectifier(style):
    image = torch.randn(1, 2, 8, 8)
    model = net(style)
    rewritten = normalised(model, image, lambda y: y)
    assert rewritten is not None
    used = [n.target for n in rewritten.graph.nodes if n.op == "call_module"]
    modules = [rewritten.get_submodule(name) for name in used]
    assert sum(isinstance(m, nn.ReLU) for m in modules) == 3
    assert len({id(m) for m in modules}) == len(modules)
    assert not any(getattr(m, "inplace", False) for m in modules)
    torch.testing.assert_close(rewritten(image), model(image))


def test_a_model_that_cannot_be_rewritten_rightly_is_not():
    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x  # depends on values: cannot be traced

    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act = nn.Conv2d(2, 2, 1), nn.ReLU(inplace=True)

        def forward(self, x):
            y = self.conv(x)
            self.act(y)  # relies on the change in place
            return y

    image = torch.randn(1, 2, 8, 8)
    assert normalised(Branching(), image, lambda y: y) is None
    assert normalised(InPlace(), image, lambda y: y) is None


def test_pools_and_softmax_become_modules():
    class Pooled(nn.Module):
        def forward(self, x):
            x = F.max_pool2d(x, 2) + F.max_pool2d(x, kernel_size=2, stride=2)
            return F.softmax(x.flatten(1), dim=1)

    image = torch.randn(1, 2, 8, 8)
    rewritten = normalised(Pooled(), image, lambda y: y)
    kinds = [type(m).__name__ for m in rewritten.children()]
    assert sorted(kinds) == ["MaxPool2d", "MaxPool2d", "Softmax"]


def test_the_original_is_untouched():
    model = net("inplace")
    normalised(model, torch.randn(1, 2, 8, 8), lambda y: y)
    assert model.r1.inplace
