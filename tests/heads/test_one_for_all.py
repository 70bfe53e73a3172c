"""One For All: its masks, its three losses against the equations, and what it learns of a known task."""

import itertools
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from esegeta.plugins import _one_for_all as ofa
from esegeta.plugins.training.one_for_all import one_for_all

from esegeta import MethodError
from esegeta.models.zoo import OneForAll
from tests.nets import net as plain_net
from tests.nets import probe_of, run

PATCHES = 16
TERMS = {"terms": "all", "masks": 3, "sampler": "uniform", "even": 0.0, "stop": "none"}


def network(classes=4, **changes):
    torch.manual_seed(0)
    options = {"size": (16, 16), "channels": 1, "patch": 4, "width": 24, "depth": 2, "heads": 4,
               "registers": 0, **changes}  # fmt: skip
    return OneForAll(classes=classes, **options)


def pictures(count, seed, cells=4):
    """Noise with one patch that says which of four classes it is; the class, and the patch."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.3 * torch.randn(count, 1, 4 * cells, 4 * cells, generator=generator)
    labels = torch.randint(0, 4, (count,), generator=generator)
    places = torch.randint(0, cells**2, (count,), generator=generator)
    t = torch.arange(4)
    stripes, checks = (t % 2).expand(4, 4), (t[:, None] + t) % 2
    signs = 2.0 * torch.stack([stripes, stripes.T, checks, (t[:, None] // 2 + t // 2) % 2]) - 1
    for image, label, place in zip(images, labels, places, strict=True):
        row, column = 4 * (int(place) // cells), 4 * (int(place) % cells)
        image[0, row : row + 4, column : column + 4] += signs[label]
    return images, labels, places


def shares(masks):
    """How often each number of patches is seen."""
    sizes = masks.sum(-1).flatten()
    return torch.bincount(sizes, minlength=masks.shape[-1] + 1) / len(sizes)


def test_uniform_masks_have_every_size_as_often():
    masks = ofa.uniform(2000, 5, 8, torch.device("cpu"))
    assert (shares(masks) - 1 / 9).abs().max() < 0.02
    assert (masks.float().mean((0, 1)) - 0.5).abs().max() < 0.02  # no patch is preferred
    pair = torch.stack([m.sum(-1).flatten().float() for m in (masks[:, 0], masks[:, 1])])
    assert pair.corrcoef()[0, 1].abs() < 0.1  # the masks of an image are independent


def test_shapley_masks_have_the_sizes_of_fastshap():
    masks = ofa.shapley(2000, 5, 8, torch.device("cpu"))
    s = torch.arange(1, 8).float()
    law = 1 / (s * (8 - s))
    expected = F.pad(law / law.sum(), (1, 1))
    assert (shares(masks) - expected).abs().max() < 0.02
    assert shares(masks)[[0, 8]].tolist() == [0, 0]


def test_informed_masks_show_or_hide_what_counts():
    phi = torch.tensor([0.0, 0, 0, 5, 0, 0, -5, 0]).expand(4000, 8)
    masks = ofa.informed(phi, 2)
    assert (shares(masks) - 1 / 9).abs().max() < 0.02
    middle = masks[masks.sum(-1) == 4]
    # Of two patches as far apart as these one is seen and the other is not; as often either way.
    assert (middle[:, 3] != middle[:, 6]).float().mean() > 0.9
    assert (middle[:, 3].float().mean() - 0.5).abs() < 0.05
    flat = ofa.informed(torch.zeros(4000, 8), 2)
    flat = flat[flat.sum(-1) == 4]
    assert (flat[:, 3] != flat[:, 6]).float().mean() == pytest.approx(4 / 7, abs=0.05)


def test_informed_masks_follow_plackett_and_luce():
    """The first of three that is drawn: with a chance as exp(± 2 φ / σ)."""
    phi = torch.tensor([[0.3, -0.5, 1.1]])
    masks = ofa.informed(phi.expand(40000, 3), 1)[:, 0]
    single = masks[masks.sum(1) == 1].float().mean(0)
    level = 2 * phi[0] / phi.std()
    expected = (level.softmax(0) + (-level).softmax(0)) / 2
    assert (single - expected).abs().max() < 0.02


def test_shares_of_samplers():
    phi = torch.tensor([0.0, 0, 0, 5, 0, 0, -5, 0]).expand(4000, 8)

    def apart(sampler, even):
        masks = ofa.drawn(phi, 2, sampler, even)
        middle = masks[masks.sum(-1) == 4]
        return float((middle[:, 3] != middle[:, 6]).float().mean())

    assert apart("informed", 0) > 0.9
    assert apart("informed", 0.5) == pytest.approx((apart("informed", 0) + 4 / 7) / 2, abs=0.05)
    assert apart("informed", 1) == pytest.approx(4 / 7, abs=0.05)
    assert apart("uniform", 0) == pytest.approx(4 / 7, abs=0.05)
    assert apart("shapley", 0) == pytest.approx(4 / 7, abs=0.06)


@pytest.mark.parametrize("readout", ["difference", "eq4"])
def test_losses_by_their_equations(monkeypatch, readout):
    model = network(classes=3, full_readout=readout).double()
    x, y = torch.randn(5, 1, 16, 16).double(), torch.tensor([0, 2, 1, 1, 0])
    first, more = torch.rand(5, 1, PATCHES) < 0.5, torch.rand(5, 3, PATCHES) < 0.5
    monkeypatch.setattr(ofa, "uniform", lambda *a: first)
    monkeypatch.setattr(ofa, "drawn", lambda *a: more)
    found, whole = ofa.losses_of(model, x, y, **TERMS)
    l1, l2, l3 = [], [], []
    for image in range(5):
        a, b = (part[0] for part in model.parts(x[image : image + 1]))
        torch.testing.assert_close(whole[0][image], a)
        full = a.sum(0) if readout == "eq4" else (a - b).sum(0)
        l1.append(-full.log_softmax(0)[y[image]])
        for number, seen in enumerate([first[image, 0], *more[image]]):
            am, bm = (part[0] for part in model.parts(x[image : image + 1], seen[None]))
            said = (am[seen].sum(0) + bm[~seen].sum(0)).softmax(0)
            meant = (a[seen].sum(0) + b[~seen].sum(0)).softmax(0)
            if number == 0:
                l2.append(-said[y[image]].log())
            else:
                l3.append((meant * (meant / said).log()).sum())
    means = {
        name: float(torch.stack(values).detach().mean())
        for name, values in (("classification", l1), ("masking", l2), ("explanation", l3))
    }
    assert means | {"loss": sum(means.values())} == pytest.approx(
        {name: float(value) for name, value in found.items()}, rel=1e-4
    )
    assert found["explanation"] > 0


def test_terms():
    model, (x, y, _) = network(), pictures(6, 3)
    names = {
        terms: [*ofa.losses_of(model, x, y, **{**TERMS, "terms": terms})[0]]
        for terms in ("l1", "l1+l2", "all")
    }
    assert names["l1"] == ["classification", "loss"]
    assert names["l1+l2"] == ["classification", "masking", "loss"]
    assert names["all"] == ["classification", "masking", "explanation", "loss"]


def gradient(stop, name):
    """What a term pulls at φ of the whole images and at the masked pass."""
    model, (x, y, _) = network(), pictures(6, 3)
    parts = model.parts

    def watched(images, masks=None, at_once=0):
        found = parts(images, masks, at_once)
        kind = "whole" if masks is None else "masked"
        if found[0].requires_grad:
            seen.setdefault(kind, []).append(found[0])
        return found

    seen = {}
    model.parts = watched
    losses, _ = ofa.losses_of(model, x, y, **{**TERMS, "stop": stop})
    pulled = {}
    for kind, values in seen.items():
        grads = torch.autograd.grad(losses[name], values, retain_graph=True, allow_unused=True)
        pulled[kind] = max(0.0 if g is None else float(g.abs().max()) for g in grads)
    return pulled


def test_gradients_stop_where_they_are_told():
    both = gradient("none", "explanation")
    assert both["whole"] > 0
    assert both["masked"] > 0
    masked = gradient("masked", "explanation")
    assert masked["whole"] > 0
    assert masked["masked"] == 0
    assert gradient("masked", "masking")["masked"] > 0  # equation 6 still trains it
    full = gradient("full", "explanation")
    assert full["whole"] == 0
    assert full["masked"] > 0


def test_an_additive_game_is_recovered():
    """Eight patches, all 256 sets: the fit of equation 4 by divergence finds φ, up to what is free."""
    n, classes = 8, 3
    generator = torch.Generator().manual_seed(4)
    true = torch.randn(n, classes, generator=generator).double()
    kept = torch.tensor(list(itertools.product([False, True], repeat=n)))
    game = 0.7 * torch.randn(classes, generator=generator).double() + kept.double() @ true
    parts = [torch.zeros(n, classes, dtype=torch.double, requires_grad=True) for _ in range(2)]
    optimiser = torch.optim.LBFGS(parts, max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        found = OneForAll.masked([part.expand(256, n, classes) for part in parts], kept)
        loss = ofa.divergence(game, found) + F.cross_entropy(found, game.softmax(1))
        loss.backward()
        return loss

    optimiser.step(closure)
    found = (parts[0] - parts[1]).detach()
    found, true = (v - v.mean(1, keepdim=True) for v in (found, true))
    assert torch.stack([found.flatten(), true.flatten()]).corrcoef()[0, 1] > 0.99
    torch.testing.assert_close(found, true, rtol=0.05, atol=0.02)


def course(model, **changes):
    made = {"model": model, "steps": 4, "ndim": 2, "labelled": True, "start": {}, **changes}
    return SimpleNamespace(**made)


def test_the_learner():
    model, (x, y, _) = network(), pictures(8, 3)
    learner = one_for_all(course(model), learning_rate=1e-3, masks=2, flip=[0, 1])
    assert learner.kept is model
    optimiser, schedule = learner.optimiser(4)
    before = {name: value.clone() for name, value in model.named_parameters()}
    for step in range(4):
        losses = learner.losses(x, y, step)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        schedule.step()
    moved = {
        name for name, value in model.named_parameters() if not torch.equal(value, before[name])
    }
    assert {"encoder.mask_token", "decoder.gain", "decoder.cls_emb", "encoder.pos_embed"} <= moved
    with torch.no_grad():
        measured = learner.measures(x, y)
        plus, minus = model.parts(x)
    right = (plus - minus).sum(1).argmax(1) == y
    assert float(measured["accuracy"]) == pytest.approx(float(right.float().mean()))
    intercept = minus.sum(1).std(1, correction=0).mean()
    assert float(measured["intercept"]) == pytest.approx(float(intercept), rel=1e-4)


def test_flipped_images_are_their_mirror(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "esegeta.plugins.training.one_for_all.losses_of",
        lambda model, images, labels, **terms: (seen.append(images), (None, None)),
    )
    x, y, _ = pictures(200, 3)
    one_for_all(course(network()), flip=[1]).losses(x, y, 0)
    turned = (seen[0] == x.flip(3)).flatten(1).all(1)
    kept = (seen[0] == x).flatten(1).all(1)
    assert (turned ^ kept).all()
    assert 60 < int(turned.sum()) < 140


def test_uniform_masks_fade_from_informed_ones(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "esegeta.plugins.training.one_for_all.losses_of",
        lambda model, images, labels, even, **terms: (seen.append(even), (None, None)),
    )
    learner = one_for_all(course(network()), uniform_share=0.4)
    for step in range(5):
        learner.losses(torch.zeros(1), torch.zeros(1), step)
    assert seen == pytest.approx([0.4, 0.3, 0.2, 0.1, 0])


def test_it_begins_with_given_weights():
    other = network().encoder.state_dict()
    other = {name: value + 1 for name, value in other.items()}
    model = network()
    one_for_all(course(model, start=other))
    assert torch.equal(model.encoder.cls_token, other["cls_token"])


def test_what_it_cannot_train_is_refused():
    with pytest.raises(MethodError, match="OneForAll'; the config's model is Net"):
        one_for_all(course(plain_net()))
    with pytest.raises(MethodError, match='needs "labels"'):
        one_for_all(course(network(), labelled=False))
    with pytest.raises(MethodError, match="no axis 2"):
        one_for_all(course(network(), ndim=2), flip=[2])


@pytest.mark.parametrize("contrast", ["none", "mean", "max", "weighted"])
def test_the_map_adds_up_to_the_score(contrast):
    model, x = network().eval(), pictures(1, 6)[0][0]
    with torch.no_grad():
        model.decoder.gain.mul_(5)
    probe = probe_of(model, x, target=2, contrast=contrast)
    found = run(probe, "one_for_all").map
    logits = model(x[None])[0].detach()
    others = logits[[0, 1, 3]]
    opposed = {"mean": others.mean(), "max": others.max()}
    if contrast == "weighted":  # the others' φ by their share, not their logsumexp
        expected = logits[2] - (others.softmax(0) * others).sum()
    else:
        expected = logits[2] - opposed.get(contrast, 0)
    torch.testing.assert_close(found.double().sum(), expected.double(), rtol=1e-4, atol=1e-5)
    cells = found[0].unfold(0, 4, 4).unfold(1, 4, 4).flatten(2)
    assert (cells == cells[..., :1]).all()


def test_prediction_and_map_take_one_pass():
    model, x = network().eval(), pictures(1, 6)[0][0]
    probe = probe_of(model, x)
    found = run(probe, "one_for_all")
    assert found.passes == {"forward": 1, "backward": 0}
    assert probe.index == int(model(x[None]).argmax())
    assert probe.passes.forward == 1
    assert next(c for c in found.checks if c.name == "completeness").value < 1e-5


def test_a_model_without_phi_is_refused():
    with pytest.raises(MethodError, match="says nothing of that kind"):
        run(probe_of(plain_net(), torch.rand(1, 9, 9)), "one_for_all")


@pytest.mark.parametrize("name", ["attention_rollout", "last_attention"])
def test_attention_is_that_of_the_encoder(name):
    model, x = network(registers=2).eval(), pictures(1, 6)[0][0]
    seen = []
    for block in model.encoder.blocks:
        block.attn.register_forward_hook(lambda m, i, o: seen.append(m.weights(i[0]).mean(1)[0]))
    with torch.no_grad():
        model(x[None])
    product = torch.eye(19)
    for weights in seen:
        product = (weights + torch.eye(19)) / 2 @ product
    expected = {"attention_rollout": product, "last_attention": seen[-1]}[name][0, 3:]
    grid = expected.reshape(1, 1, 4, 4)
    large = F.interpolate(grid, (16, 16), mode="bilinear", align_corners=False)[0]
    model = network(registers=2).eval()  # without hooks
    torch.testing.assert_close(run(probe_of(model, x), name).map, large)


def gain(model, images, targets, values):
    """The symmetric relevance gain by the model's own mask token."""
    n = values.shape[1]
    ranks = values.argsort(1, descending=True).argsort(1)[:, None]
    removed, rows, told = torch.arange(n + 1)[:, None], torch.arange(len(images)), []
    for kept in (ranks >= removed, n - 1 - ranks >= removed):
        logits = model.masked(model.parts(images, kept), kept)
        told.append(logits.softmax(-1)[rows, :, targets])
    return float(torch.trapezoid(told[1] - told[0], dx=1 / n).mean())


def fitted(terms, steps):
    model, (x, y, _) = network(size=(12, 12)), pictures(1500, 1, cells=3)
    learner = one_for_all(course(model, steps=steps), learning_rate=4e-3, masks=2, losses=terms)
    optimiser, schedule = learner.optimiser(steps)
    for step in range(steps):
        chosen = torch.randint(0, len(x), (32,))
        loss = learner.losses(x[chosen], y[chosen], step)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@pytest.mark.slow
def test_it_finds_the_patch_that_tells():
    """The paper's claim where the truth is known: a better map at no loss of accuracy."""
    images, labels, places = pictures(200, 2, cells=3)
    accuracy = {}
    for terms in ("l1", "all"):
        model = fitted(terms, 350)
        with torch.no_grad():
            accuracy[terms] = float((model(images).argmax(1) == labels).float().mean())
    rows = torch.arange(200)
    leaf = images.clone().requires_grad_()
    scores = model(leaf)
    targets = scores.argmax(1)
    (slope,) = torch.autograd.grad(scores[rows, targets].sum(), leaf)
    with torch.no_grad():
        plus, minus = model.parts(images)
        phi = (plus - minus)[rows, :, targets]
        by = {
            "phi": gain(model, images, targets, phi),
            "gradient": gain(model, images, targets, F.avg_pool2d(slope.abs(), 4).flatten(1)),
            "random": gain(model, images, targets, torch.rand(200, 9)),
        }
    assert accuracy["all"] > accuracy["l1"] - 0.03
    assert accuracy["l1"] > 0.9
    assert by["phi"] > by["gradient"] + 0.05
    assert by["phi"] > by["random"] + 0.1
    assert (phi.argmax(1) == places).float().mean() > 0.5
