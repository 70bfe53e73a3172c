"""MobileNetV2 on photos and DeepLab on a bird: the maps lie on the object."""

import pytest

from esegeta import images, models
from tests.nets import probe_of, run

pytestmark = [pytest.mark.real, pytest.mark.slow]

# Where the object is in each photo, as fractions of height and width, read off by eye.
OBJECTS = {
    "parrot.jpg": ((0.05, 0.80), (0.30, 0.85)),
    "coffee.png": ((0.05, 0.98), (0.10, 0.90)),
    "owl.jpg": ((0.05, 0.95), (0.30, 0.72)),
}


class Step:
    def __init__(self, use, **arguments):
        self.use, self.with_ = use, arguments


class Spec:
    """A model as a config names it."""

    name, file, trust, output, task, classes = "net", None, False, None, "", ()

    def __init__(self, **given):
        self.__dict__.update(given)


def load(shared, kind):
    stem = {"mobilenet": "imagenet/mobilenet_v2", "deeplab": "voc/deeplabv3"}[kind]
    return models.load(
        Spec(
            factory=f"{shared}/models/graph_net.py:GraphNet",
            arguments={"graph": f"../{stem}.json"},
            weights=shared / f"{stem}.safetensors",
        )
    ).module


def prepared(path, size):
    return images.prepare(
        images.read(path),
        [
            Step("Resize", target_shape=[size, size]),
            Step("ChannelNormalization", mean=[0.5] * 3, std=[0.5] * 3),
        ],
    )


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("method", ["grad_cam", "rise"])
def test_more_than_half_of_the_positive_mass_is_on_the_object(shared, name, method):
    image = prepared(shared / "imagenet" / name, 224)
    probe = probe_of(load(shared, "mobilenet"), image.tensor)
    how = {"grad_cam": {"layer": "conv51_act"}, "rise": {"masks": 500}}
    found = run(probe, method, **how[method])
    heat = image.to_source(found.map).sum(0).clamp(min=0)
    (top, bottom), (left, right) = OBJECTS[name]
    height, width = heat.shape
    inside = heat[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]
    share = float(inside.sum() / heat.sum())
    area = (bottom - top) * (right - left)
    assert share > 0.5
    assert share > area  # more than a flat map would have


def test_the_bird_is_what_the_segmentation_network_looks_at(shared):
    image = prepared(shared / "voc" / "bird.png", 513)
    bird = images.read(shared / "voc" / "bird_mask.png").tensor[0] > 0
    probe = probe_of(load(shared, "deeplab"), image.tensor, task="segmentation", target=3)
    cam = image.to_source(run(probe, "grad_cam", "conv51_act").map)[0]
    assert float(cam[bird].sum() / cam.sum()) > 0.9
    saliency = image.to_source(run(probe, "saliency").map).abs().sum(0)
    assert float(saliency[bird].mean() / saliency[~bird].mean()) > 1.5
    guided = image.to_source(run(probe, "guided_backprop").map).abs().sum(0)
    assert float(guided[bird].mean() / guided[~bird].mean()) > 1.5
