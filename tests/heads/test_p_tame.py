"""P-TAME: its network and losses against the equations written out, and what it learns of a known task."""

import importlib.util
import math

import pytest
import torch
import torch.nn.functional as F
from esegeta.plugins._p_tame import build, read_out
from esegeta.plugins._p_tame_features import auxiliary, load
from esegeta.plugins._p_tame_learner import one_cycle
from esegeta.plugins._p_tame_losses import (
    Weights,
    area,
    masked,
    on_the_simplex,
    subset,
    unfaithful,
    variation,
)
from esegeta.plugins.attribution.p_tame import p_tame
from esegeta.plugins.training.p_tame import train_p_tame
from esegeta.plugins.wrappers.classification import classification
from esegeta.plugins.wrappers.segmentation import pixelwise
from torch import nn

from esegeta import Course, MethodError, import_library, resample
from esegeta.probe.network import Network
from tests.heads.stripes_net import Stripes, striped
from tests.nets import Net, Segmenter, probe_of


def network(ndim=2, classes=5, width=4):
    torch.manual_seed(0)
    spatial = (20, 12) if ndim == 2 else (12, 10, 8)
    made = build(classes=classes, cells=56, channels=2, spatial=spatial, width=width).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return made, torch.rand(3, 2, *spatial)


@pytest.mark.parametrize("ndim", [2, 3])
def test_only_the_wanted_classes_are_fused(ndim):
    made, images = network(ndim)
    every = made(images, torch.arange(5))
    assert every.shape == (3, 5, *images.shape[2:])
    some = made(images, torch.tensor([4, 1]))
    torch.testing.assert_close(some, every[:, [4, 1]])
    for number in range(3):  # the images of a batch do not touch
        alone = made(images[number : number + 1], torch.arange(5))
        torch.testing.assert_close(alone[0], every[number], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ndim", [2, 3])
def test_fused_before_it_is_enlarged_is_the_papers_figure(ndim):
    made, images = network(ndim)
    features = made.auxiliary(images)
    assert len({feature.shape[2:] for feature in features}) > 1
    large = []
    for branch, feature in zip(made.attention.branches, features, strict=True):
        x = F.relu(branch.norm(branch.convolution(feature)) + feature)
        mode = "bilinear" if ndim == 2 else "trilinear"
        large.append(F.interpolate(x, features[0].shape[2:], mode=mode, align_corners=False))
    kernel = made.attention.fusion.reshape(5, -1, *[1] * ndim)
    expected = (F.conv2d if ndim == 2 else F.conv3d)(torch.cat(large, 1), kernel)
    torch.testing.assert_close(made(images, torch.arange(5)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("spatial", "first", "last"),
    [
        ((28, 28), (28, 28), (4, 4)),
        ((224, 200), (56, 50), (7, 7)),
        ((6, 60, 70), (6, 30, 35), (3, 4, 5)),
    ],
)
def test_grids_of_small_and_large_images(spatial, first, last):
    found = auxiliary("own", 1, spatial, width=2, cells=56).eval()(torch.zeros(1, 1, *spatial))
    assert found[0].shape[2:] == first
    assert found[-1].shape[2:] == last
    assert [feature.shape[1] for feature in found] == [2, 4, 8, 16]


def test_a_map_has_no_more_cells_than_asked():
    made = build(classes=2, cells=9, spatial=(40, 12), width=2).eval()
    assert made(torch.rand(1, 1, 40, 12), torch.tensor([0])).shape[2:] == (5, 6)


def test_torchvision_networks_take_their_own_weights():
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    models = import_library("torchvision.models")
    theirs = models.resnet18(weights=None, num_classes=7).eval()
    ours = auxiliary("resnet18", 3, (64, 64), width=1, cells=56).eval()
    load(ours, theirs.state_dict())
    image = torch.rand(1, 3, 64, 64)
    x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(image))))
    for feature, stage in zip(
        ours(image), (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4), strict=True
    ):
        x = stage(x)
        torch.testing.assert_close(feature, x)
    assert ours.widths == [64, 128, 256, 512]
    grey = auxiliary("mobilenet_v3_small", 1, (64, 64), width=1, cells=56).eval()
    assert [f.shape[1] for f in grey(image[:, :1])] == grey.widths == [96, 96, 96, 576]
    with pytest.raises(MethodError, match="'own' serves all"):
        auxiliary("resnet18", 1, (8, 8, 8), width=1, cells=56)
    with pytest.raises(MethodError, match="do not fit the auxiliary network"):
        load(grey, theirs.state_dict())


def test_read_outs():
    maps = torch.tensor([[[[-2.0, 0], [1, 2]], [[3.0, 3], [3, 3]]]])
    torch.testing.assert_close(read_out(maps, "sigmoid"), 1 / (1 + (-maps).exp()))
    stretched = read_out(maps, "minmax")
    torch.testing.assert_close(stretched[0, 0], torch.tensor([[0, 0.5], [0.75, 1]]))
    assert (stretched[0, 1] == 0).all()


# The losses


@pytest.mark.parametrize("ndim", [2, 3])
def test_area_and_variation_cell_by_cell(ndim):
    maps = torch.rand((2, 3, *(3, 4, 2)[:ndim]), dtype=torch.float64)
    shares = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    total = rough = 0.0
    for one in maps:
        for share, grid in zip(shares, one, strict=True):
            cells = grid.numel()
            for place in torch.cartesian_prod(*map(torch.arange, grid.shape)).tolist():
                here = float(grid[tuple(place)])
                total += float(share) * (here + 5e-4) ** 0.3 / cells / len(maps)
                for axis, size in enumerate(grid.shape):
                    if place[axis] + 1 < size:
                        there = [p + (k == axis) for k, p in enumerate(place)]
                        step = float(grid[tuple(there)]) - here
                        rough += float(share) * step**2 / cells / len(maps)
    assert float(area(maps, shares, 0.3)) == pytest.approx(total)
    assert float(variation(maps, shares)) == pytest.approx(rough)


def test_each_class_once_is_the_papers_subset():
    truth = torch.tensor([3, 0, 3, 3, 2])
    every = torch.rand(5, 4, 6, 6)
    chosen = subset(truth)
    maps = every[:, chosen.classes]
    doubled = every[:, truth]  # for each image the maps of all images' classes
    even = torch.full((5,), 1 / 5)
    for power in (0.3, 1, 2):
        torch.testing.assert_close(area(maps, chosen.shares, power), area(doubled, even, power))
        torch.testing.assert_close(area(doubled, even, power), ((doubled + 5e-4) ** power).mean())
    torch.testing.assert_close(variation(maps, chosen.shares), variation(doubled, even))
    assert maps.shape[1] == 3
    assert torch.equal(maps[range(5), chosen.own], every[range(5), truth])


def test_masking_is_of_the_raw_picture():
    raw, shown = torch.rand(2, 3, 5, 4), torch.rand(2, 1, 5, 4)
    raw[:, :, 0, 0] = 0
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.1])
    normal = lambda x: (x - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)  # noqa: E731
    low = normal(raw).amin((0, 2, 3))
    torch.testing.assert_close(masked(normal(raw), shown, low), normal(shown * raw))


def test_what_is_unfaithful():
    before, after = torch.tensor([[2.0, 5], [-4, 1]]), torch.tensor([[1.0, 4], [-6, 3]])
    truth = torch.tensor([1, 0])
    expected = -after.softmax(1)[range(2), truth].log().mean()
    torch.testing.assert_close(unfaithful(after, before, truth, "cross_entropy"), expected)
    assert float(unfaithful(after, before, truth, "drop")) == pytest.approx((1 / 5 + 2 / 4) / 2)
    assert float(unfaithful(before, after, truth, "drop")) == 0  # nothing is lost


@pytest.mark.parametrize("weights", [(0.5, 0.5, 0.1), (-0.1, 1, 0.1), (0, 0, 0)])
def test_weights_lie_on_the_simplex(weights):
    with pytest.raises(MethodError, match=f"add up to 1; .* = {sum(weights):g}"):
        on_the_simplex(Weights(*weights))
    on_the_simplex(Weights(0.161429, 0.838571, 0))


@pytest.mark.parametrize("steps", [10, 97])
def test_the_schedule_is_the_one_cycle(steps):
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.5, total_steps=steps)
    for step in range(steps):
        assert 0.5 * one_cycle(step, steps) == pytest.approx(schedule.get_last_lr()[0])
        optimiser.step()
        if step + 1 < steps:
            schedule.step()
    assert one_cycle(-1, steps) == one_cycle(steps, steps) == 0


# The training


def course_of(model, images, *, wrapper=classification, classes, steps, **more):
    model = model.eval().requires_grad_(False)
    flat = images.transpose(0, 1).flatten(1)
    return Course(
        model=model, network=Network(model), wrapper=wrapper, mask="predicted", classes=classes,
        shape=tuple(images.shape[1:]), class_names=(), size=len(images), steps=steps, labelled=False,
        low=flat.amin(1), high=flat.amax(1), seed=0, device=torch.device("cpu"), **more,
    )  # fmt: skip


def fit(learner, images, steps, batch=16):
    """Train as the framework does; what every step said."""
    optimiser, schedule = learner.optimiser(steps)
    said = []
    for step in range(steps):
        torch.manual_seed(step)
        chosen = torch.randint(len(images), (batch,))
        losses = learner.train().losses(images[chosen], None, step)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        schedule.step()
        said.append({name: float(value.detach()) for name, value in losses.items()})
    return said


@pytest.fixture(scope="module")
def learnt():
    torch.manual_seed(0)
    images, *_ = striped(256, 1)
    learner = train_p_tame(
        course_of(Stripes(), images, classes=2, steps=160), width=4, learning_rate=5e-3,
        cross_entropy=0.4, area=0.6, power=0.5,
    )  # fmt: skip
    return learner, fit(learner, images, 160)


class Made:
    """An artifact that was just trained."""

    def __init__(self, learner):
        self.settings, self.folder = learner.settings, None
        self.weights = learner.kept.state_dict()

    def network(self, build, device):
        made = build(**self.settings)
        made.load_state_dict(self.weights)
        return made.eval().requires_grad_(False).to(device)


def explained(learner, model, image, **parameters):
    probe = probe_of(model, image)
    return p_tame(probe, Made(learner), **parameters), probe


def test_the_map_shows_what_decides(learnt):
    learner, said = learnt
    images, labels, telling, idle = striped(40, 2)
    model = Stripes()
    assert (model(images).argmax(1) == labels).all()
    maps, left = [], []
    for image in images:
        found, probe = explained(learner, model, image)
        assert (probe.passes.forward, probe.passes.backward) == (1, 0)
        assert probe.notes["resolution"] == 16 * 16
        maps.append(found)
        black = torch.full((1, 1, 1, 1), float(learner.course.low))
        left.append(model(black + found * (image[None] - black)).argmax(1))
    maps = torch.stack(maps)
    assert 0 <= maps.min() <= maps.max() <= 1
    rest = ~(telling | idle)
    assert maps[telling].mean() > 2 * maps[idle].mean()
    assert maps[telling].mean() > 4 * maps[rest].mean()
    assert (torch.cat(left) == labels).float().mean() > 0.9
    assert said[-1]["loss"] < 0.7 * said[40]["loss"]  # (step 40 is the attention's first)


def test_the_auxiliary_network_is_taught_then_frozen(learnt):
    _, said = learnt
    assert [set(one) for one in (said[0], said[39], said[40])] == [
        {"loss", "distillation"}, {"loss", "distillation"},
        {"loss", "cross_entropy", "area", "variation"},
    ]  # fmt: skip
    assert said[39]["distillation"] < 0.5 * said[0]["distillation"]
    images, *_ = striped(16, 1)
    learner = train_p_tame(course_of(Stripes(), images, classes=2, steps=4), width=2)
    fit(learner, images, 1)
    assert int(learner.kept.learnt.sum()) == 0
    before = {name: value.clone() for name, value in learner.kept.auxiliary.state_dict().items()}
    again = train_p_tame(course_of(Stripes(), images, classes=2, steps=4), width=2)
    again.load_state_dict(learner.state_dict())
    again.teaching = 0
    fit(again, images, 2)
    after = again.kept.auxiliary.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert int(again.kept.learnt.sum()) == 32
    assert not torch.equal(again.kept.attention.fusion, learner.kept.attention.fusion)


def test_gradients_reach_the_attention_alone():
    images, *_ = striped(16, 1)
    model = Stripes()
    learner = train_p_tame(course_of(model, images, classes=2, steps=8), width=2)
    learner.train().losses(images, None, 5)["loss"].backward()
    reached = {name for name, p in learner.named_parameters() if p.grad is not None}
    assert reached == {
        f"kept.attention.{name}" for name, _ in learner.kept.attention.named_parameters()
    }
    assert all(p.grad is None for p in model.parameters())
    assert not any(name.startswith(("course", "model")) for name in learner.state_dict())


def test_the_loss_is_the_sum_of_its_terms_by_the_equations():
    images, *_ = striped(8, 3)
    model = Stripes()
    weights = {"cross_entropy": 0.2, "area": 0.7, "variation": 0.1}
    learner = train_p_tame(
        course_of(model, images, classes=2, steps=8), width=2, power=0.5, **weights
    )
    learner.teaching = 0
    found = learner.eval().measures(images, None)
    truth = model(images).argmax(1)
    maps = learner.kept(images, torch.arange(2)).sigmoid()
    own = maps[range(8), truth][:, None]
    low = images.min()
    shown = resample(own, (16, 16)) * (images - low) + low
    torch.testing.assert_close(found["cross_entropy"], F.cross_entropy(model(shown), truth))
    torch.testing.assert_close(found["area"], (maps[:, truth] + 5e-4).sqrt().mean())
    total = sum(weight * found[name] for name, weight in weights.items())
    torch.testing.assert_close(found["loss"], total)


def test_in_mixed_precision():
    images, *_ = striped(8, 3)
    learner = train_p_tame(
        course_of(Stripes(), images, classes=2, steps=8), width=2, distillation=0.1
    )
    whole = learner.eval().measures(images, None)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = learner.measures(images, None)
        learner.train().losses(images, None, 5)["loss"].backward()
    for name, value in whole.items():
        assert float(mixed[name].detach()) == pytest.approx(
            float(value.detach()), rel=0.05, abs=1e-3
        )
    assert learner.kept.attention.fusion.grad.isfinite().all()


def test_validation_waits_for_the_maps():
    images, *_ = striped(8, 3)
    learner = train_p_tame(course_of(Stripes(), images, classes=2, steps=8), width=2)
    early = learner.eval().measures(images, None)
    learner.steps_done.fill_(2)
    late = learner.measures(images, None)
    assert set(early) - set(late) == {"distillation"}
    torch.testing.assert_close(early["loss"], late["loss"] + early["distillation"])


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_models_own_features(ndim):
    torch.manual_seed(0)
    model, images = Net(ndim=ndim), torch.rand(8, 2, *(8, 6, 5)[:ndim])
    course = course_of(model, images, classes=3, steps=3)
    learner = train_p_tame(course, features="backbone", layers=["a", "c"])
    assert learner.settings["widths"] == [6, 6]
    fit(learner, images, 3, batch=8)
    assert not any(module._forward_hooks for module in model.modules())
    image = images[0]
    found, _ = explained(learner, model, image)
    learner.eval()
    with torch.no_grad():
        x = F.relu(model.a(image[None]))
        features = [model.a(image[None]), model.c(F.relu(model.b(x)))]
        wanted = model(image[None]).argmax(1)
        expected = learner.kept.attention(features, wanted).sigmoid()
    torch.testing.assert_close(found, expected[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(MethodError, match="no layer 'b2'; the model has a, b, c"):
        train_p_tame(course, features="backbone", layers=["b2"])
    with pytest.raises(MethodError, match="'head' has no grid"):
        train_p_tame(course, features="backbone", layers=["head"])
    with pytest.raises(MethodError, match="only with features 'backbone'"):
        train_p_tame(course, layers=["a"])


def test_features_that_are_given():
    images, *_ = striped(8, 1)
    learner = train_p_tame(course_of(Stripes(), images, classes=2, steps=4), width=2)
    start = learner.kept.state_dict()
    course = course_of(Stripes(), images, classes=2, steps=4, start=start)
    given = train_p_tame(course, features="given", width=2)
    fit(given, images, 2, batch=8)
    for name, value in given.kept.auxiliary.state_dict().items():
        assert torch.equal(value, start[f"auxiliary.{name}"])
    with pytest.raises(MethodError, match='"start"'):
        train_p_tame(course_of(Stripes(), images, classes=2, steps=4), features="given")
    with pytest.raises(MethodError, match="do not fit the auxiliary network"):
        train_p_tame(course, features="given", width=3)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_segmentation_network(ndim):
    torch.manual_seed(0)
    images = torch.rand(8, 1, *(12, 8, 6)[:ndim])
    model = Segmenter(ndim)
    course = course_of(model, images, wrapper=pixelwise, classes=3, steps=6)
    learner = train_p_tame(course, width=2, cross_entropy=0.9, area=0.1)
    said = fit(learner, images, 6, batch=4)
    assert all(math.isfinite(value) for one in said for value in one.values())
    scores = course.scores(images)
    truth = [probe_of(model, image, task="segmentation").index for image in images]
    assert learner._truth(scores).tolist() == truth
    found = learner.eval().measures(images, None)
    maps = learner.kept(images, torch.arange(3)).sigmoid()[range(8), truth][:, None]
    low = images.min()
    shown = course.scores(low + maps * (images - low), images)[range(8), truth]
    own = scores[range(8), truth]
    torch.testing.assert_close(found["drop"], ((own - shown) / own.abs()).clamp(min=0).mean())


def test_a_map_that_shows_nothing_says_so(learnt):
    learner, _ = learnt
    images, *_ = striped(1, 2)
    made = Made(learner)
    _, probe = explained(learner, Stripes(), images[0])
    assert "nothing to show" not in probe.notes
    made.weights = {**made.weights, "attention.fusion": 0 * made.weights["attention.fusion"] - 10}
    probe = probe_of(Stripes(), images[0])
    assert float(p_tame(probe, made).max()) < 0.05
    assert "below 0.05 everywhere" in probe.notes["nothing to show"]


def test_one_class_alone():
    images, *_ = striped(16, 1)
    course = course_of(Stripes(), images, classes=2, steps=2)
    course = Course(**{**vars(course), "class_names": ("lying", "standing")})
    learner = train_p_tame(course, width=2, target="standing")
    fit(learner, images, 2)
    assert learner.kept.learnt.tolist() == [0, 16]
    with pytest.raises(MethodError, match="the classes are: lying, standing"):
        train_p_tame(course, target="leaning")
    model = Stripes()
    lying = next(image for image in images if model(image[None]).argmax() == 0)
    with pytest.raises(MethodError, match="class 0, so its map was not learnt"):
        explained(learner, model, lying)
