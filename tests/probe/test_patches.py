"""Volumes in patches: every answer equals that of the whole computation, differentiated at once."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from esegeta.errors import MethodError, ModelError
from esegeta.probe import Patches
from esegeta.probe.patches import Blended
from esegeta.probe.tiling import Tiling
from esegeta.probe.tokens import as_grid
from tests.nets import run
from tests.probe.patched import (
    PIXELWISE,
    direct,
    expected,
    image_of,
    probe_of,
    reruns,
    same,
    segmenter,
)

GEOMETRIES = {
    "2d": ((21, 18), Patches(8, 4)),
    "2d odd": ((19, 23), Patches([7, 10], [3, 5], "average")),
    "2d crop": ((21, 15), Patches([8, 6], [6, 2], "crop")),
    "2d small": ((5, 20), Patches([8, 9], 4, "crop")),
    "3d": ((9, 12, 7), Patches([6, 8, 5], 2, "hann")),
    "3d average": ((9, 11, 8), Patches([6, 5, 6], 3, "average")),
    "3d small": ((3, 7, 9), Patches([8, 8, 6], [4, 3, 2])),
}


@pytest.mark.parametrize("rule", ["plain", "guided", "deconvnet"])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_gradients_equal_autograd_through_everything(name, rule):
    spatial, patches = GEOMETRIES[name]
    image = image_of(*spatial)
    probe = probe_of(segmenter(len(spatial)), image, patches, mask="predicted", target=2)
    score, gradient = expected(probe, image, rule)
    assert probe.value == pytest.approx(float(score), rel=1e-12)
    same(probe.gradient(rule=rule), gradient)
    other = image.flip(1) * 1.5
    same(probe.gradient(other[None], rule=rule), expected(probe, other, rule)[1])
    same(probe.gradient(rule=rule), gradient)  # which is remembered


def probability(output, region):
    """A wrapper that is not linear: the mean probability of the region, against that of its logits."""
    mask = region.mask(
        output, lambda o: o.max(1, keepdim=True).indices == torch.arange(3).view(1, 3, 1, 1)
    )
    inside = (output.softmax(1).log() * mask).flatten(2).sum(2) / mask.flatten(2).sum(2).clamp(
        min=1
    )
    return inside.exp()


LABEL = (torch.arange(21 * 18).view(21, 18) % 21 < 3).long() * 2
MASKS = ["predicted", "border", "all", "label", {"label": 2}, {"box": [[2, 7], [9, 18]]}]


@pytest.mark.parametrize("wrapper", [PIXELWISE, probability])
@pytest.mark.parametrize("mask", [*MASKS, {"component": None}], ids=str)
def test_every_mask_and_a_score_that_is_not_linear(mask, wrapper):
    image = image_of(21, 18)
    model = segmenter()
    if mask == {"component": None}:
        predicted = direct(model, image[None], Tiling((21, 18), Patches(8, 4)))[0].max(0).indices
        mask = {"component": (predicted == 2).nonzero()[0].tolist()}
    probe = probe_of(
        model,
        image,
        Patches(8, 4),
        mask=mask,
        label=LABEL,
        wrapper=wrapper,
        target=2,
        layers=["mid"],
    )
    score, gradient = expected(probe, image)
    same(probe.gradient(), gradient)
    assert probe.value == pytest.approx(float(score), rel=1e-12)
    assert probe.layer("mid").activation.shape == (1, 7, 10, 9)  # also of what does not count
    boxes = [(slice(a, a + 4), slice(b, b + 5)) for a in (0, 7, 17) for b in (0, 6, 13)]
    same(probe.boxed_scores(boxes, "mean"), reruns(probe, image, boxes))
    every = direct(model, torch.stack([image, image / 2]), probe.network.tiling)
    same(probe.scores(torch.stack([image, image / 2])), probe.target.scores(every))


@pytest.mark.parametrize("blend", ["hann", "average", "crop"])
def test_the_prediction_is_torchios(blend):
    import torchio

    image = image_of(19, 14, 9, channels=1).float()
    model = segmenter(3, channels=1).float()
    subject = torchio.Subject(image=torchio.ScalarImage(tensor=image))
    sampler = torchio.GridSampler(subject, (8, 6, 8), (4, 2, 6))
    aggregator = torchio.GridAggregator(sampler, overlap_mode=blend)
    with torch.no_grad():
        for patch in sampler:
            aggregator.add_batch(model(patch["image"].data[None]), patch["location"][None])
    probe = probe_of(model, image, Patches([8, 6, 8], [4, 2, 6], blend))
    torch.testing.assert_close(probe.network(image[None])[0], aggregator.get_output_tensor())


@pytest.mark.parametrize("ndim", [2, 3])
def test_with_overlap_for_its_field_of_view_it_is_the_whole_volume(ndim):
    # A voxel sees three on either side; patches start at even voxels and keep three beside the cut.
    # (Not so for the rules: beside a cut each of two patches takes the positive part of its share.)
    image = image_of(*(30, 22, 14)[:ndim])
    options = {"mask": "predicted", "target": 2, "layers": ["enc", "mid"]}
    model = segmenter(ndim)
    patched = probe_of(model, image, Patches(14, 6, "crop"), **options)
    whole = probe_of(model, image, None, **options)
    torch.testing.assert_close(patched.network(image[None]), whole.network(image[None]))
    same(patched.gradient(), whole.gradient())
    for layer in ("enc", "mid"):
        same(patched.layer(layer).activation, whole.layer(layer).activation)
        same(patched.layer(layer).gradient(), whole.layer(layer).gradient())
    boxes = [tuple(slice(a, a + 5) for _ in range(ndim)) for a in (0, 6, 9)]
    same(patched.boxed_scores(boxes), whole.boxed_scores(boxes))
    same(patched.unit("mid", 3).gradient(), whole.unit("mid", 3).gradient())


# Layers


class Reused(nn.Module):
    """A layer that runs twice, one without a grid, one that is no batch, and a coarse output."""

    def __init__(self):
        super().__init__()
        self.a, self.again = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.gate, self.windows = nn.Linear(4, 4), nn.Identity()
        self.head = nn.Conv2d(4, 3, 2, stride=2)

    def forward(self, x):
        x = F.relu(self.again(F.relu(self.again(self.a(x)))))
        x = x * self.gate(x.mean((2, 3))).sigmoid()[..., None, None]
        halves = self.windows(torch.cat(x.chunk(2, 2)))
        return self.head(torch.cat(halves.chunk(2), 2))


class Tokens(nn.Module):
    """A small vision transformer that segments."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(2, 8, 4, stride=4)
        self.extra = nn.Parameter(torch.randn(1, 1, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        grid = self.embed(x)
        tokens = torch.cat([self.extra.expand(len(x), -1, -1), grid.flatten(2).mT], 1)
        scores = self.head(self.block(tokens)[:, 1:]).mT.reshape(len(x), 3, *grid.shape[2:])
        return F.interpolate(scores, scale_factor=4, mode="nearest")


def layer_by_layer(probe, image, name, call=0):
    """A layer's values and gradients patch by patch, put together; and the gradient of the image."""
    model, tiling = probe.network.module, probe.network.tiling
    x, kept = image[None].clone().requires_grad_(), []
    handle = model.get_submodule(name).register_forward_hook(lambda *a: kept.append(a[2]))
    outputs = [model(tiling.cut(x, number))[0] for number in range(len(tiling))]
    handle.remove()
    whole = Blended(tiling)
    for number, output in enumerate(outputs):
        whole.add(output, number)
    score = probe.target.scores(whole.whole)[0, probe.index]
    mine = kept[call :: len(kept) // len(tiling)]
    *gradients, own = torch.autograd.grad(score, [*mine, x])
    values, pulled = Blended(tiling), Blended(tiling, blend=False)
    for number, (value, gradient) in enumerate(zip(mine, gradients, strict=True)):
        values.add(as_grid(value.detach(), tiling.size)[0], number)
        pulled.add(as_grid(gradient, tiling.size)[0], number)
    return values.whole, pulled.whole, own


@pytest.mark.parametrize(
    ("kind", "address", "size"),
    [
        (Reused, "a", 8), (Reused, "again#1", 8), (Reused, "again#2", 8), (Reused, "head", 8),
        (Reused, "again#2", 10), (Tokens, "block", 8), (Tokens, "block", 12), (Tokens, "embed", 8),
    ],
)  # fmt: skip
@pytest.mark.parametrize("spatial", [(21, 16), (5, 27)])
def test_layers_of_odd_kinds(kind, address, size, spatial):
    torch.manual_seed(3)
    image = image_of(*spatial)
    probe = probe_of(kind().double(), image, Patches(size, 4, "average"), layers=[address])
    name, _, call = address.partition("#")
    values, gradient, own = layer_by_layer(probe, image, name, int(call or 1) - 1)
    same(probe.layer(address).activation, values)
    same(probe.layer(address).gradient(), gradient)
    same(probe.gradient(), own)
    boxes = [(slice(0, 4), slice(3, 9)), (slice(2, 5), slice(11, 12))]
    found = probe.boxed_scores(boxes, "mean")
    other = probe_of(probe.network.module, image * 0, Patches(size, 4, "average"))
    for score, box in zip(found, boxes, strict=True):
        changed = image.clone()
        changed[(slice(None), *box)] = probe.baseline("mean")[0].expand_as(image)[
            (slice(None), *box)
        ]
        assert float(score) == pytest.approx(float(other.score(changed[None])), rel=1e-12)


def test_a_layer_without_a_grid_fails_those_alone_who_ask_for_it():
    torch.manual_seed(3)
    model = Reused().double()
    layers = ["a", "gate", "windows", "again#2"]
    probe = probe_of(model, image_of(21, 16), Patches(8, 4), layers=layers)
    assert run(probe, "saliency").map.std() > 0
    for layer in ("gate", "windows"):
        with pytest.raises(MethodError, match=f"The layer '{layer}' returns shape .* no grid"):
            run(probe, "grad_cam", layer)
        with pytest.raises(MethodError, match=f"'{layer}' returns shape .* cannot be blended"):
            probe.unit(layer, 0).gradient()
    before = probe.network.counts.forward
    assert run(probe, "grad_cam", "again#2", relu=False).map.std() > 0
    assert run(probe, "layer_activation", "a").map.std() > 0
    assert probe.network.counts.forward == before
    with pytest.raises(ModelError, match="did you mean 'head'"):
        run(probe, "grad_cam", "heat")


@pytest.mark.parametrize("position", [None, (4, 6)])
def test_units(position):
    image = image_of(21, 18)
    model = segmenter()
    probe = probe_of(model, image, Patches(8, 4))
    unit = probe.unit("mid", 3, position)

    def score(x):
        found = Blended(probe.network.tiling)
        for number in range(len(probe.network.tiling)):
            skip = F.relu(model.enc(probe.network.tiling.cut(x, number)))
            found.add(model.mid(skip)[0], number)
        values = found.whole[0, 3]
        return values.mean() if position is None else values[position]

    x = image[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(x), x)
    same(unit.gradient(), gradient)
    assert unit.value == pytest.approx(float(score(image[None]).detach()), rel=1e-12)
    changed = torch.stack([image, image.flip(2), image * 2])
    same(unit.score(changed), torch.stack([score(one[None]).detach() for one in changed]))
    same(unit.module()(changed)[:, 3].detach(), unit.score(changed))
