"""What passes of a volume in patches: counts, batches, memory, modules for libraries, mistakes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from esegeta.errors import MethodError, ModelError
from esegeta.probe import Patches
from esegeta.probe.patches import Blended
from tests.nets import run
from tests.probe.patched import expected, image_of, probe_of, reruns, same, segmenter


def holding(tiling, box):
    """The patches that hold some of a box."""
    return [
        number
        for number, place in enumerate(tiling.places)
        if all(
            axis.starts[n] < side.stop and side.start < axis.starts[n] + axis.size
            for axis, n, side in zip(tiling.axes, place, box, strict=True)
        )
    ]


def passed(probe, ask):
    before = probe.network.counts.forward, probe.network.counts.backward
    ask()
    counts = probe.network.counts
    return counts.forward - before[0], counts.backward - before[1]


def test_only_touched_patches_pass_again():
    image = image_of(22, 18)
    probe = probe_of(segmenter(), image, Patches(8, 2), batch=1)
    tiling = probe.network.tiling
    assert passed(probe, lambda: probe.value) == (len(tiling), 0)
    for box in [
        (slice(0, 4), slice(0, 4)),
        (slice(7, 8), slice(0, 18)),
        (slice(9, 13), slice(2, 3)),
    ]:
        touched = len(holding(tiling, box))
        assert touched < len(tiling)
        assert passed(probe, lambda box=box: probe.boxed_scores([box] * 2)) == (2 * touched, 0)
        mask = torch.ones(1, 1, 22, 18, dtype=torch.float64)
        mask[(..., *box)] = 0.3
        assert passed(probe, lambda mask=mask: probe.masked_scores(mask)) == (touched, 0)
    assert passed(probe, lambda: probe.score(image[None])) == (0, 0)  # nothing is changed
    assert passed(probe, lambda: probe.score(image.flip(1)[None])) == (len(tiling), 0)
    assert (
        passed(probe, probe.gradient) == (len(tiling),) * 2
    )  # of the two forward one is remembered


@pytest.mark.parametrize(("blend", "influence"), [("hann", 6), ("crop", 4)])
def test_only_patches_that_the_region_sees_pass_again(blend, influence):
    # Starts are 0, 6, 12 and 0, 6, 10: rows 8 to 9 are in two patches; of a cut one each is theirs.
    image = image_of(20, 18)
    box = {"box": [[9, 11], [8, 9]]} if blend == "hann" else {"box": [[9, 12], [8, 9]]}
    probe = probe_of(segmenter(), image, Patches(8, 2, blend), mask=box)
    tiling = probe.network.tiling
    _ = probe.value
    window = tiling.grid((8, 8))
    seen = torch.zeros(1, 20, 18, dtype=torch.float64)
    seen[(0, *(slice(*pair) for pair in box["box"]))] = 1
    sees = [n for n in range(len(tiling)) if window.take(seen, n).any()]
    everywhere = torch.zeros(1, 1, 20, 18, dtype=torch.float64)
    assert passed(probe, lambda: probe.masked_scores(everywhere)) == (len(sees), 0)
    assert 0 < len(sees) <= influence
    changed = image[None] * 0
    score, gradient = expected(probe, changed[0] + image.mean())
    same(probe.score(changed + image.mean())[None], score[None][None])
    assert passed(probe, lambda: probe.gradient(changed)) == (2 * len(sees), len(sees))
    same(probe.gradient(changed + image.mean()), gradient)
    # All scores are asked: all that are touched pass.
    assert passed(probe, lambda: probe.scores(changed)) == (len(tiling), 0)
    far = probe.boxed_scores([(slice(0, 3), slice(15, 18))])
    assert float(far) == pytest.approx(probe.value, rel=1e-12)


def coarse(output, region):
    """A wrapper whose mask lies on another grid than the output."""
    half = F.avg_pool2d(output, 2)
    return (half * region.mask(half, lambda o: o > o.mean((2, 3), keepdim=True))).flatten(2).sum(2)


def no_region(output, region):
    return output.flatten(2).mean(2)


@pytest.mark.parametrize("wrapper", [coarse, no_region])
def test_where_nothing_says_what_counts_everything_does(wrapper):
    image = image_of(20, 18)
    probe = probe_of(segmenter(), image, Patches(8, 4), wrapper=wrapper, mask="predicted")
    same(probe.gradient(), expected(probe, image)[1])
    boxes = [(slice(a, a + 4), slice(b, b + 4)) for a in (0, 8, 16) for b in (0, 9, 14)]
    touched = sum(len(holding(probe.network.tiling, box)) for box in boxes)
    assert passed(probe, lambda: probe.boxed_scores(boxes)) == (touched, 0)
    same(probe.boxed_scores(boxes, "mean"), reruns(probe, image, boxes))


# As a module


def test_the_module_is_differentiable_patch_by_patch():
    image = image_of(20, 18)
    probe = probe_of(segmenter(), image, Patches(8, 4))
    patches = len(probe.network.tiling)
    module = probe.module()
    images = torch.stack([image, image.flip(1)]).requires_grad_()
    for ask in (probe.module(), probe.module(for_hooks=True)):
        scores = ask(images)
        (found,) = torch.autograd.grad(scores[:, 1].sum(), images)
        for one, score, gradient in zip(images.detach(), scores[:, 1], found, strict=True):
            wanted = expected(probe, one)
            assert float(score.detach()) == pytest.approx(float(wanted[0]), rel=1e-12)
            same(gradient[None], wanted[1])
    other = images[1:]
    assert passed(probe, lambda: module(other.detach())) == (patches, 0)
    assert passed(probe, lambda: module(other).sum().backward()) == (2 * patches, patches)
    hooked = probe.module(for_hooks=True)
    assert passed(probe, lambda: hooked(images).sum().backward()) == (2 * patches, 2 * patches)
    # What the probe remembers of the image serves here too.
    changed = image.clone()
    changed[:, :2, :2] = 0
    assert passed(probe, lambda: module(changed[None])) == (1, 0)


def test_hooks_see_all_patches_at_once():
    image = image_of(20, 18)
    probe = probe_of(segmenter(), image, Patches(8, 4))
    module, seen = probe.module(for_hooks=True), []
    module.model.get_submodule("enc").register_forward_hook(lambda m, i, o: seen.append(len(o)))
    module(image[None].expand(3, -1, -1, -1))
    assert seen == [3 * len(probe.network.tiling)]


# Batches and memory


class Watched(nn.Module):
    """Remembers the batches it gets; runs out of memory, raises, or mixes them, as it is told."""

    def __init__(self, net, limit=None, before=lambda x: x):
        super().__init__()
        self.net, self.limit, self.before = net, limit, before
        self.batches, self.with_graph = [], []
        self.fails_at = None

    def forward(self, x):
        if self.fails_at is not None and len(self.batches) + 1 >= self.fails_at:
            raise ValueError("broken on purpose")
        if self.limit is not None and len(x) > self.limit:
            raise torch.OutOfMemoryError("no more")
        (self.with_graph if x.requires_grad else self.batches).append(len(x))
        return self.net(self.before(x))


IMAGE, PATCHES = image_of(30, 22), Patches(8, 4)


def answers(probe):
    boxes = [(slice(a, a + 6), slice(a, a + 6)) for a in (0, 9, 16)]
    return [
        probe.gradient(), probe.gradient(rule="guided"), probe.layer("net.mid").gradient(),
        probe.layer("net.mid").activation, probe.boxed_scores(boxes), probe.gradient(IMAGE[None] / 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, None), ({"patches": Patches(8, 4, batch=3)}, 3), ({"patches": Patches(8, 4, batch=1)}, 1),
        ({"memory": 1}, 1), ({"batch": 2}, 2), ({"limit": 3}, 3), ({"limit": 1}, 1),
    ],
)  # fmt: skip
def test_batches_hold_no_more_than_they_may(limits, most):
    wanted = answers(
        probe_of(Watched(segmenter()), IMAGE, Patches(8, 4, batch=1), layers=["net.mid"])
    )
    model = Watched(segmenter(), limits.pop("limit", None))
    patches = limits.pop("patches", PATCHES)
    probe = probe_of(model, IMAGE, patches, layers=["net.mid"], **limits)
    for found, right in zip(answers(probe), wanted, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-9, atol=1e-12)
    largest = max(model.batches + model.with_graph)
    assert largest <= (most or len(probe.network.tiling))
    assert (largest > 1) == (most != 1)


def test_no_graph_holds_more_than_a_batch():
    """Live tensors at once: the volumes, and what one batch of patches holds."""
    import weakref

    alive, most = weakref.WeakSet(), 0

    def watch(module, inputs, output):
        nonlocal most
        alive.add(output)
        most = max(most, sum(t.numel() for t in alive))

    model = segmenter()
    model.enc.register_forward_hook(watch)
    probe = probe_of(model, IMAGE, Patches(8, 4, batch=2))
    probe.gradient()
    assert most <= 2 * 2 * 5 * 8 * 8  # of two batches of two, as one goes and the next comes


class Counting(Watched):
    """Normalises over its batch, so that patches depend on each other."""

    def __init__(self):
        super().__init__(segmenter(), before=lambda x: x - x.mean())


@pytest.mark.parametrize("spatial", [(12, 8), (20, 18)])
def test_patches_that_influence_each_other_go_one_by_one(spatial):
    image = image_of(*spatial)
    probe = probe_of(Counting(), image, PATCHES, layers=["net.mid"])
    score, gradient = expected(probe, image)
    same(probe.gradient(), gradient)
    assert probe.value == pytest.approx(float(score), rel=1e-12)
    assert probe.one_by_one
    assert "one by one" in run(probe, "saliency").notes["batch"]
    with pytest.raises(MethodError, match="patches of a batch influence each other"):
        probe_of(Counting(), image, PATCHES).module(for_hooks=True)
    whole = probe_of(Counting(), image, PATCHES).module()(image[None])
    assert float(whole[0, 1]) == pytest.approx(float(score), rel=1e-12)


def test_models_that_work_on_their_input_in_place():
    image = image_of(20, 18)
    kept = image.clone()
    probe = probe_of(Watched(segmenter(), before=lambda x: x.sub_(0.5)), image, PATCHES)
    other = probe_of(Watched(segmenter(), before=lambda x: x - 0.5), image, PATCHES)
    same(probe.gradient(), other.gradient())
    boxes = [(slice(3, 9), slice(0, 4))]
    same(probe.boxed_scores(boxes), other.boxed_scores(boxes))
    assert torch.equal(image, kept)


def test_mixed_precision_and_memory_formats():
    image = image_of(20, 18).float()
    options = {"layers": ["mid"]}
    full = probe_of(segmenter().float(), image, PATCHES, **options)
    half = probe_of(segmenter().float(), image, PATCHES, amp=torch.bfloat16, **options)
    for found, exact in [
        (half.gradient(), full.gradient()),
        (half.layer("mid").gradient(), full.layer("mid").gradient()),
        (half.layer("mid").activation, full.layer("mid").activation),
    ]:
        assert found.dtype == torch.float32
        assert 0 < float((found - exact).norm() / exact.norm()) < 0.1
    torch.testing.assert_close(half.in_full_precision().gradient(), full.gradient())
    (error,) = [c for c in run(half, "occlusion", window=6).checks if c.name == "amp error"]
    assert error.passed
    last = segmenter().float().to(memory_format=torch.channels_last)
    torch.testing.assert_close(probe_of(last, image, PATCHES).gradient(), full.gradient())


# Mistakes


def test_a_model_that_fails_in_the_third_patch_leaves_nothing_behind():
    model = Watched(segmenter())
    probe = probe_of(model, IMAGE, Patches(8, 4, batch=1), layers=["net.mid"])
    wanted = answers(probe_of(Watched(segmenter()), IMAGE, PATCHES, layers=["net.mid"]))
    model.train()
    model.fails_at = 3
    for _ in range(2):
        with pytest.raises(ModelError, match="broken on purpose"):
            probe.gradient()
        model.batches = []
    model.fails_at = None
    _ = probe.value
    model.fails_at, model.batches = 2, [1]  # now it fails on the way back
    with pytest.raises(ModelError, match="broken on purpose"):
        probe.gradient()
    with pytest.raises(ModelError, match="broken on purpose"):
        probe.boxed_scores([(slice(0, 4), slice(0, 4))])
    model.fails_at = None
    assert all(module.training and not module._forward_hooks for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    for found, right in zip(answers(probe), wanted, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-9, atol=1e-12)


def test_memory_that_runs_out_while_adding_up_counts_nothing_twice(monkeypatch):
    probe = probe_of(Watched(segmenter()), IMAGE, PATCHES, layers=["net.mid"])
    gradient = probe_of(Watched(segmenter()), IMAGE, PATCHES).gradient()
    _ = probe.value
    add, calls = Blended.add, []

    def full(self, part, number):
        calls.append(number)
        if len(calls) == 5:
            raise torch.OutOfMemoryError("no more")
        add(self, part, number)

    monkeypatch.setattr(Blended, "add", full)
    with pytest.raises(torch.OutOfMemoryError):
        probe.gradient()
    torch.testing.assert_close(probe.gradient(), gradient)


def test_outputs_that_are_no_grid_are_refused():
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    with pytest.raises(MethodError, match=r"The model returns shape \(1, 3\) for patches of shape"):
        _ = probe_of(model, IMAGE, PATCHES).value


def test_a_model_without_gradients_is_refused_for_gradients_only():
    class NoGrad(Watched):
        @torch.no_grad()
        def forward(self, x):
            return self.net(x)

    probe = probe_of(NoGrad(segmenter()), IMAGE, PATCHES, layers=["net.mid"])
    with pytest.raises(MethodError, match="can be differentiated"):
        probe.gradient()
    assert run(probe, "occlusion", window=8).map.std() > 0
    other = probe_of(Watched(segmenter()), IMAGE, PATCHES, layers=["net.mid"])
    same(probe.layer("net.mid").activation, other.layer("net.mid").activation)
