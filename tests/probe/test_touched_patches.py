"""Which patches a change touches: told at once, or of a box by its sides, as by looking into each."""

import pytest
import torch

from esegeta.probe import Patches
from esegeta.probe.tiling import Tiling

CASES = [
    ((40, 24), 16, 8),
    ((33, 47, 21), 16, 5),
    ((10, 60), 16, 4),  # one axis is padded
    ((20, 20, 20), (8, 16, 30), 2),
    ((16, 16), 16, 0),
]


def by_looking(tiling, marked):
    return [n for n in range(len(tiling)) if tiling.cut(marked[None], n).any()]


@pytest.mark.parametrize(("spatial", "size", "overlap"), CASES)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_patches_with_a_marked_voxel_are_told(spatial, size, overlap, count):
    tiling = Tiling(spatial, Patches(size, overlap))
    for _ in range(10):
        marked = torch.zeros((2, *spatial), dtype=torch.bool)
        for _ in range(count):
            marked[(..., *(int(torch.randint(side, (1,))) for side in spatial))] = True
        marked[0] = False  # in any channel
        assert tiling.touched(marked) == by_looking(tiling, marked)


@pytest.mark.parametrize(("spatial", "size", "overlap"), CASES)
def test_the_share_of_patches_that_a_box_touches(spatial, size, overlap):
    tiling = Tiling(spatial, Patches(size, overlap))
    for _ in range(20):
        ends = [sorted(torch.randint(side, (2,)).tolist()) for side in spatial]
        box = tuple(slice(start, stop + 1) for start, stop in ends)
        marked = torch.zeros((1, *spatial), dtype=torch.bool)
        marked[(0, *box)] = True
        found = len(by_looking(tiling, marked))
        assert tiling.share(box) * len(tiling) == pytest.approx(found)
