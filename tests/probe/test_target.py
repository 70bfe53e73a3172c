"""Wrappers, masks and classes: the one number that is explained."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from esegeta.errors import TargetError
from tests.nets import Segmenter, net, probe_of

SPATIAL = {2: (10, 8), 3: (6, 8, 5)}


def image(ndim):
    return torch.randn(1, *SPATIAL[ndim], generator=torch.Generator().manual_seed(1))


def label(ndim):
    values = torch.zeros(SPATIAL[ndim], dtype=torch.long)
    values[1:4] = 1
    values[4:6] = 2
    return values


def point_of(model, ndim, index):
    prediction = model(image(ndim)[None]).argmax(1)[0]
    return (prediction == index).nonzero()[0].tolist()


def masks(model, ndim):
    index = int(model(image(ndim)[None]).argmax(1).flatten().mode().values)
    corner = [[1, 4]] * ndim
    return index, [
        "predicted", "label", "border", "all", {"label": 2}, {"box": corner},
        {"component": point_of(model, ndim, index)},
    ]  # fmt: skip


@pytest.mark.parametrize("wrapper", ["pixelwise", "otsu"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_gradient_through_every_mask_is_not_zero_and_equals_finite_differences(wrapper, ndim):
    torch.manual_seed(3)
    model = Segmenter(ndim).eval()
    index, choices = masks(model, ndim)
    model.double()
    if wrapper == "otsu":
        choices = [c for c in choices if not (isinstance(c, dict) and "component" in c)]
    for choice in choices:
        probe = probe_of(
            model, image(ndim), task="segmentation", wrapper=wrapper, target=index, mask=choice,
            label=label(ndim),
        )  # fmt: skip
        gradient = probe.gradient()
        assert gradient.abs().max() > 0, choice
        for seed in range(3):
            direction = torch.randn(
                probe.image.shape, dtype=torch.double, generator=torch.Generator().manual_seed(seed)
            )
            ahead, behind = probe.score(
                torch.cat([probe.image + 1e-6 * direction, probe.image - 1e-6 * direction])
            )
            torch.testing.assert_close(
                (ahead - behind) / 2e-6, (gradient * direction).sum(), rtol=1e-4, atol=1e-6
            )


def test_the_masks_are_what_their_names_say():
    model = Segmenter().eval()
    logits = model(image(2)[None]).detach()
    prediction = logits.argmax(1)[0]
    index = int(prediction.flatten().mode().values)

    def mask(choice, wrapper="pixelwise"):
        probe = probe_of(
            model, image(2), task="segmentation", wrapper=wrapper, target=index, mask=choice,
            label=label(2),
        )  # fmt: skip
        score = probe.value
        kept = probe.target.region._mask[0, index]
        assert score == pytest.approx(float((logits[0, index] * kept).sum()), rel=1e-5)
        return kept

    predicted = prediction == index
    assert torch.equal(mask("predicted"), predicted)
    assert mask("all").all()
    assert torch.equal(mask("label"), label(2) == index)
    assert torch.equal(mask({"label": 2}), label(2) == 2)
    box = torch.zeros(SPATIAL[2], dtype=torch.bool)
    box[2:5, 1:3] = True
    assert torch.equal(mask({"box": [[2, 5], [1, 3]]}), box)
    point = predicted.nonzero()[0].tolist()
    component = mask({"component": point})
    assert component[tuple(point)]
    assert not (component & ~predicted).any()
    border = mask("border")
    assert border.any()
    assert not (border & ~predicted).any()
    foreground = mask("predicted", "otsu")
    assert logits[0, index][foreground].min() >= logits[0, index][~foreground].max()


def test_border_voxels_touch_another_class():
    model = nn.Identity()
    logits = torch.zeros(2, 7, 7)
    logits[1, 2:6, 0:4] = 1
    logits[0] = 0.5
    probe = probe_of(model, logits, task="segmentation", target=1, mask="border")
    _ = probe.value
    expected = torch.zeros(7, 7, dtype=torch.bool)
    expected[2, 0:4] = expected[5, 0:4] = expected[2:6, 3] = True  # the image's rim is no border
    assert torch.equal(probe.target.region._mask[0, 1], expected)


def test_the_mask_is_frozen_on_the_unperturbed_image():
    model = Segmenter().eval()
    probe = probe_of(model, image(2), task="segmentation", target=0)
    perturbed = torch.randn(3, 1, 10, 8)
    scores = probe.score(perturbed)  # the first question is about other images
    kept = model(image(2)[None]).argmax(1) == 0
    expected = (model(perturbed)[:, 0] * kept).flatten(1).sum(1)
    torch.testing.assert_close(scores, expected.detach())


def test_predicted_is_the_largest_class_but_the_background():
    logits = torch.full((3, 4, 4), -1.0)
    logits[0], logits[1, 0, 0], logits[2, 1, :3] = 0.0, 1.0, 1.0
    probe = probe_of(nn.Identity(), logits, task="segmentation", classes=["air", "a", "b"])
    _ = probe.value
    assert probe.target.name == "b"


def test_an_absent_class_is_named_with_those_present():
    logits = torch.zeros(3, 4, 4)
    logits[1] = 1
    probe = probe_of(
        nn.Identity(),
        logits,
        task="segmentation",
        target="liver",
        classes=["air", "kidney", "liver"],
    )
    with pytest.raises(TargetError, match=r"'liver' is absent.*kidney \(16 voxels\)"):
        probe.gradient()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "livr", "classes": ["air", "liver", "bone"]}, "did you mean 'liver'"),
        ({"target": 7}, "0 to 2"),
        ({"classes": ["one", "two"]}, "3 classes, but 2"),
        ({"classes": ["one"]}, "3 classes, but 1 class name is listed: one"),
        ({"mask": "nonsense"}, "no mask 'nonsense'"),
        ({"mask": "label"}, "needs a label map"),
        ({"mask": {"box": [[0, 3]]}}, "one entry per axis"),
        ({"mask": {"box": [[0, 3], [5, 99]]}}, "leaves the image"),
    ],
)
def test_wrong_targets_are_told(options, message):
    with pytest.raises(TargetError, match=message):
        _ = probe_of(Segmenter().eval(), image(2), task="segmentation", **options).value


def test_a_single_logit_stands_for_two_classes():
    model = Segmenter(classes=1).eval()
    logits = model(image(2)[None]).detach()[0, 0]
    names = {"task": "segmentation", "classes": ["vessel"]}
    yes = probe_of(model, image(2), target="vessel", **names)
    no = probe_of(model, image(2), target="not vessel", **names)
    assert yes.value == pytest.approx(float(logits.clamp(min=0).sum()), rel=1e-5)
    assert no.value == pytest.approx(float((-logits).clamp(min=0).sum()), rel=1e-5)


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_one_name_for_two_outputs_is_an_error_that_counts_both(task):
    model = nn.Flatten() if task == "classification" else nn.Identity()
    logits = torch.ones(2, 4, 4)
    logits = logits[:, :1, :1] if task == "classification" else logits
    probe = probe_of(model, logits, task=task, target="vessel", classes=["vessel"])
    with pytest.raises(TargetError, match="gives 2 classes, but 1 class name is listed: vessel"):
        _ = probe.value


def test_classification_takes_logits():
    logits = net()(torch.randn(1, 2, 9, 8))
    from tests.nets import REGISTRY

    function = REGISTRY.get("classification").function
    assert torch.equal(function(logits[..., None, None], None), logits)
    assert torch.equal(function(logits[:, :1], None), torch.stack([-logits[:, 0], logits[:, 0]], 1))
    with pytest.raises(TargetError, match="segmentation"):
        function(torch.zeros(1, 3, 4, 4), None)


@given(
    sizes=st.tuples(st.integers(4, 40), st.integers(4, 40)),
    factor=st.integers(1, 4),
    data=st.data(),
)
def test_a_box_covers_its_voxels_on_a_coarser_output(sizes, factor, data):
    from esegeta.probe import Region

    start = [data.draw(st.integers(0, n - 1)) for n in sizes]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, sizes, strict=True)]
    grid = [max(1, n // factor) for n in sizes]
    box = [list(pair) for pair in zip(start, stop, strict=True)]
    region = Region({"box": box}, spatial=sizes)
    mask = region.mask(torch.zeros(1, 2, *grid), lambda o: o > 0)[0, 0]
    assert mask.any()
    for axis, (a, b) in enumerate(box):
        covered = mask.any(1 - axis).nonzero().flatten()
        cell = sizes[axis] / grid[axis]
        assert covered[0] * cell <= a + 1e-6
        assert (covered[-1] + 1) * cell >= min(b, sizes[axis]) - 1e-6
