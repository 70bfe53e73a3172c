"""Images by optimisation: closed forms, ascent, dimensions, patches, passes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from esegeta import MethodError, Patches
from tests.nets import Segmenter, net, probe_of, run

IMAGE = torch.randn(2, 16, 12, generator=torch.Generator().manual_seed(3))
VOLUME = torch.randn(2, 8, 6, 10, generator=torch.Generator().manual_seed(3))


class Filters(nn.Module):
    """A linear layer of the image's own grid, each of whose channels weighs the voxels its own way."""

    def __init__(self, spatial, channels=1, filters=3):
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        self.weight = nn.Parameter(torch.randn(filters, channels, *spatial, generator=generator))
        self.layer = nn.Identity()

    def forward(self, x):
        return self.layer(torch.einsum("kc...,nc...->nk...", self.weight, x)).flatten(2).sum(2)


@pytest.mark.parametrize("image", [IMAGE, VOLUME], ids=["2d", "3d"])
def test_the_image_that_a_linear_unit_likes_most_is_its_weight(image):
    """argmax of w·x among all x of one length is w, as long."""
    model = Filters(tuple(image.shape[1:]), channels=2)
    found = run(probe_of(model, image), "layer_visualisation", "layer", channel=1).map
    weight = model.weight[1].detach()
    expected = weight * (image.norm() / weight.norm())
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_bounded_the_image_that_a_linear_unit_likes_most_is_at_the_ends_of_the_range():
    model = Filters((16, 12), channels=2)
    probe = probe_of(model, IMAGE)
    found = run(
        probe, "feature_visualisation", "layer", channel=1, parameterisation="pixel", robustness=0.0,
        rate=0.5, steps=200,
    ).map  # fmt: skip
    weight = model.weight[1].detach()
    # In the colours of the image a step in one channel takes the other along, unless both are free.
    low, high = (end(IMAGE.flatten(1), 1).reshape(2, 1, 1) for end in (torch.amin, torch.amax))
    best = torch.where(weight > 0, high, low)
    surely = weight.abs() > 0.3
    torch.testing.assert_close(found[surely], best.expand_as(found)[surely], atol=0.1, rtol=0)


@pytest.mark.parametrize("image", [IMAGE, VOLUME], ids=["2d", "3d"])
def test_an_invertible_linear_layer_gives_the_image_back(image):
    class Invertible(nn.Module):
        def __init__(self):
            super().__init__()
            conv = nn.Conv2d if image.dim() == 3 else nn.Conv3d
            self.layer = conv(2, 2, 1)
            with torch.no_grad():
                self.layer.weight.copy_(
                    torch.tensor([[2.0, 1.0], [0.5, -1.0]]).reshape(self.layer.weight.shape)
                )

        def forward(self, x):
            return self.layer(x).flatten(2).mean(2)

    found = run(
        probe_of(Invertible(), image), "inverted_representation", "layer", total_variation=0.0,
        bound=0.0,
    )  # fmt: skip
    torch.testing.assert_close(found.map, image, rtol=0, atol=1e-3)
    assert found.notes["distance"] < 1e-6


def test_what_a_layer_forgets_the_inversion_does_not_show():
    """A layer that averages over blocks keeps the blocks' means and nothing else."""

    class Blocks(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.AvgPool2d(4)

        def forward(self, x):
            return self.layer(x).flatten(1)

    found = run(
        probe_of(Blocks(), IMAGE), "inverted_representation", "layer", total_variation=0.001
    ).map
    torch.testing.assert_close(F.avg_pool2d(found, 4), F.avg_pool2d(IMAGE, 4), rtol=0, atol=0.05)
    assert found.var() < 0.5 * IMAGE.var()


def test_smoothness_costs_distance():
    options = {"steps": 150}
    rough, smooth = (
        run(
            probe_of(net(), IMAGE),
            "inverted_representation",
            "b",
            total_variation=weight,
            **options,
        )
        for weight in (0.0, 1.0)
    )
    assert rough.notes["distance"] < smooth.notes["distance"]
    assert rough.map.diff(dim=1).norm() > smooth.map.diff(dim=1).norm()


@pytest.mark.parametrize("objective", ["channel", "neuron", "layer", "direction"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_the_activation_rises_step_by_step(objective, ndim):
    image = IMAGE if ndim == 2 else VOLUME
    found = [
        run(
            probe_of(net(ndim=ndim), image), "feature_visualisation", "c", objective=objective,
            steps=steps, robustness=0.0,
        ).notes["activation"]
        for steps in (1, 10, 40)
    ]  # fmt: skip
    assert found == sorted(found)
    assert found[2] > 1.2 * found[0]


def test_a_unit_that_never_answers_is_refused():
    class Dead(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(2, 3, 1)

        def forward(self, x):
            return F.relu(self.layer(x) * 0 - 1).flatten(2).mean(2) + self.layer(x).mean((2, 3))

    model = Dead()
    model.layer.weight.data.zero_()
    for name in ("feature_visualisation", "layer_visualisation"):
        with pytest.raises(MethodError, match="raised nothing"):
            run(probe_of(model, IMAGE), name, "layer", channel=0, steps=4)


def test_a_layer_that_is_silent_on_the_image_is_refused():
    class Silent(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.ReLU()

        def forward(self, x):
            return self.layer(x - 100).flatten(2).mean(2) + x.mean((2, 3))

    for name, match in [
        ("inverted_representation", "it keeps nothing"),
        ("activation_grid", "nothing to visualise"),
        ("activation_atlas", "nothing to visualise"),
    ]:
        with pytest.raises(MethodError, match=match):
            run(probe_of(Silent(), IMAGE), name, "layer")
    with pytest.raises(MethodError, match="points nowhere"):
        run(probe_of(Silent(), IMAGE), "feature_visualisation", "layer", objective="direction")


def test_channels_and_positions_are_checked():
    for objective in ("layer", "direction"):
        with pytest.raises(MethodError, match="has no channel"):
            run(
                probe_of(net(), IMAGE), "feature_visualisation", "c", objective=objective, channel=1
            )
    for options in (
        {"objective": "channel", "position": [1, 1]},
        {"objective": "layer", "position": [1, 1]},
    ):
        with pytest.raises(MethodError, match="has no position"):
            run(probe_of(net(), IMAGE), "feature_visualisation", "c", **options)
    with pytest.raises(MethodError, match="no position"):
        run(
            probe_of(net(), IMAGE),
            "feature_visualisation",
            "c",
            objective="direction",
            position=[99, 1],
        )


def test_a_unit_of_a_layer_without_a_grid():
    probe = probe_of(net(), IMAGE)
    assert run(probe, "layer_visualisation", "head", channel=2, steps=20).notes["channel"] == 2
    chosen = run(probe, "feature_visualisation", "head", steps=20).notes["channel"]
    assert chosen == int(net()(IMAGE[None]).argmax())


@pytest.mark.parametrize(
    "name",
    ["layer_visualisation", "feature_visualisation", "inverted_representation", "deep_dream"],
)
def test_another_seed_gives_another_image(name):
    from esegeta.engine import run_method
    from tests.nets import REGISTRY

    plugin = REGISTRY.get(name)
    maps = [
        run_method(
            probe_of(net(), IMAGE), plugin, layer="b", parameters=plugin.validate({"steps": 3}),
            seed=seed,
        ).map
        for seed in (1, 1, 2)
    ]  # fmt: skip
    assert torch.equal(maps[0], maps[1])
    assert not torch.equal(maps[0], maps[2])


class Flat(nn.Module):
    """A network of volumes of depth one that is a network of images."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.layer = nn.Identity()

    def forward(self, x):
        return self.layer(self.model(x[:, :, 0]))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("layer_visualisation", {"channel": 1}),
        ("inverted_representation", {"steps": 20}),
        ("feature_visualisation", {"channel": 1, "robustness": 0.0, "parameterisation": "pixel"}),
        ("feature_visualisation", {"channel": 1, "robustness": 0.0, "steps": 30}),
    ],
)
def test_a_volume_of_depth_one_is_an_image(name, options):
    model = net()
    image = run(probe_of(model, IMAGE), name, "head", **options).map
    volume = run(probe_of(Flat(model), IMAGE[:, None]), name, "layer", **options).map
    torch.testing.assert_close(volume[:, 0], image, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("layer_visualisation", {"channel": 1, "steps": 4}),
        ("feature_visualisation", {"channel": 1, "steps": 4, "robustness": 0.0}),
        ("inverted_representation", {"steps": 4}),
        ("deep_dream", {"steps": 2, "octaves": 1}),
    ],
)
@pytest.mark.parametrize("ndim", [2, 3])
def test_in_one_patch_it_is_as_whole(name, options, ndim):
    torch.manual_seed(1)
    model = Segmenter(ndim).eval()
    image = (IMAGE if ndim == 2 else VOLUME)[:1]
    maps = [
        run(
            probe_of(model, image, task="segmentation", patches=patches), name, "mid", **options
        ).map
        for patches in (None, Patches(tuple(image.shape[1:]), 0))
    ]
    torch.testing.assert_close(maps[0], maps[1], rtol=1e-3, atol=1e-3)


def test_images_take_the_passes_that_are_said():
    probe = probe_of(net(), IMAGE)
    counts = {
        ("layer_visualisation", "channel"): (8 + 3 + 7, 7),
        ("feature_visualisation", "channel"): (2 + 7, 7),
        ("inverted_representation", None): (2 + 7, 7),
        ("deep_dream", None): (3 * 7, 3 * 7),
    }
    for (name, given), (forward, backward) in counts.items():
        options = {} if given is None else {given: 1}
        found = run(probe, name, "b", steps=7, **options)
        assert found.passes == {"forward": forward, "backward": backward}, name
