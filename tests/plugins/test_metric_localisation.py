"""Whether relevance lies on the object, of maps and labels drawn by hand."""

import pytest
import torch

from esegeta.errors import MethodError
from tests.evaluation.judged import Lit, case_of, judge
from tests.nets import Segmenter

LABEL = torch.zeros(8, 8, dtype=torch.long)
LABEL[2:4, 2:6] = 1
LABEL[6, 6] = 2
METRICS = ["pointing_game", "relevance_mass", "relevance_rank"]


def found(name, values, label=LABEL, **parameters):
    case = case_of(Lit(torch.ones(label.shape)), torch.ones(1, *label.shape), values, label=label)
    return judge(case, name, **parameters)


@pytest.mark.parametrize("name", METRICS)
def test_a_map_of_the_object_is_perfect_and_its_inverse_none(name):
    inside = (LABEL > 0).float()[None]
    assert found(name, inside).value == 1
    assert found(name, 1 - inside).value == 0
    assert found(name, inside, value=1).more["object's part of the image"] == 8 / 64


def test_mass_is_the_part_of_the_positive_relevance():
    values = torch.zeros(1, 8, 8)
    values[0, 2, 2], values[0, 0, 0], values[0, 6, 6], values[0, 7, 0] = 3, 5, 2, -9
    assert found("relevance_mass", values).value == pytest.approx(0.5)
    assert found("relevance_mass", values, value=1).value == pytest.approx(0.3)
    assert found("relevance_mass", -values.abs()).value == 0


def test_rank_counts_as_many_voxels_as_the_object_has():
    values = torch.zeros(1, 8, 8)
    values[0, 2, 2:6] = torch.tensor([9.0, 8, 7, 6])
    values[0, 0, :4] = 5
    assert found("relevance_rank", values, value=1).value == pytest.approx(4 / 8)


def test_the_point_may_miss_by_the_tolerance():
    values = torch.zeros(1, 8, 8)
    values[0, 2, 7] = 1
    assert found("pointing_game", values, value=1).value == 0
    assert found("pointing_game", values, value=1).more["distance"] == 2
    assert found("pointing_game", values, value=1, tolerance=2).value == 1


@pytest.mark.parametrize("name", METRICS)
def test_volumes_and_maps_of_channels(name):
    label = torch.zeros(5, 6, 4, dtype=torch.long)
    label[1:3, 2:4, 1:3] = 7
    values = torch.stack([(label > 0).float(), -0.5 * (label > 0).float()])
    assert found(name, values, label).value == 1


def test_of_a_segmentation_the_explained_class_is_the_object():
    torch.manual_seed(0)
    image = torch.rand((1, 8, 8), generator=torch.Generator().manual_seed(1))
    options = {"task": "segmentation", "label": LABEL, "mask": "all"}
    for target in (1, 2):
        case = case_of(
            Segmenter(), image, (target == LABEL).float()[None], target=target, **options
        )
        assert judge(case, "relevance_mass").value == 1
        assert judge(case, "relevance_mass", value=3 - target).value == 0


@pytest.mark.parametrize("name", METRICS)
def test_without_the_object_it_is_refused(name):
    with pytest.raises(MethodError, match='give the image a "label" file'):
        judge(case_of(Lit(torch.ones(8, 8)), torch.ones(1, 8, 8), torch.ones(1, 8, 8)), name)
    with pytest.raises(MethodError, match="no label 5, only 0, 1, 2"):
        found(name, torch.ones(1, 8, 8), value=5)
    with pytest.raises(MethodError, match="no label but 0, only 0"):
        found(name, torch.ones(1, 8, 8), torch.zeros(8, 8, dtype=torch.long))
