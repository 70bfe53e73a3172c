"""Two classes that nearly tie on a photo: held against the others, their maps are complements."""

import pytest
import torch

from tests.nets import probe_of, run
from tests.real.test_photos import load, prepared

pytestmark = [pytest.mark.real, pytest.mark.slow]

LAYER = "conv51_act"
TIES = {"pets.jpg": (172, 196), "dog_test_0.png": (201, 203)}
METHODS = {"linear_approximation": {}, "grad_cam": {"relu": False}}


def correlation(model, image, pair, method, contrast):
    """Of the two classes' maps."""
    maps = []
    for target in pair:
        probe = probe_of(model, image, target=target, contrast=contrast, layers=[LAYER])
        maps.append(run(probe, method, LAYER, **METHODS[method]).map.flatten())
    return float(torch.corrcoef(torch.stack(maps))[0, 1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", TIES)
def test_the_two_classes_of_a_tie_have_complementary_maps(shared, name, method):
    model, image = load(shared, "mobilenet"), prepared(shared / "imagenet" / name, 224).tensor
    plain = correlation(model, image, TIES[name], method, "none")
    weighted = correlation(model, image, TIES[name], method, "weighted")
    assert plain > 0.3
    assert weighted < -0.9
