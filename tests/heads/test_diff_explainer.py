"""The parts of DiffExplainer against closed forms: diffusion there and back, slices, agent, teacher."""

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import esegeta
from plugins._diff_explainer import (
    Agent,
    Codec,
    cut,
    direction,
    joined,
    margin,
    psnr,
    slices_of,
    sweep,
    turning,
)
from plugins._diffusion import TIMES, decoded, inverted, kept, noised
from plugins._diffusion_net import DiffusionAutoencoder
from plugins._teacher import Teacher, teacher_of
from plugins.training.diffusion_autoencoder import AutoencoderLearner, diffusion_autoencoder


def of_normal(x: Tensor, times: Tensor) -> Tensor:
    """The noise that is expected in images which are themselves normally distributed."""
    return (1 - kept(times, x)).sqrt() * x


def small(ndim: int = 2, **changes) -> DiffusionAutoencoder:
    torch.manual_seed(0)
    given = {"channels": 1, "spatial": (7, 6, 5)[:ndim], "widths": [8, 12], "latent": 5}
    return DiffusionAutoencoder(**{**given, "low": [0.0], "high": [2.0], **changes}).eval()


def stirred(network: nn.Module) -> nn.Module:
    """A network without layers that begin at zero."""
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network


# Diffusion


def test_little_is_kept_at_the_end_and_nearly_all_at_the_start():
    ends = kept(torch.tensor([0, TIMES - 1]), torch.zeros(2, 1)).flatten()
    assert 0.999 < float(ends[0]) < 1
    assert 1e-5 < float(ends[1]) < 1e-4


def test_noised_has_the_variance_of_both_parts():
    x, noise = torch.full((1, 20_000), 3.0), torch.randn(1, 20_000)
    found = noised(x, noise, torch.tensor([500]))
    share = float(kept(torch.tensor([500]), x))
    assert float(found.mean()) == pytest.approx(3 * share**0.5, abs=0.05)
    assert float(found.std()) == pytest.approx((1 - share) ** 0.5, abs=0.02)


def test_normal_images_stay_as_large_as_they_are():
    """Their deterministic diffusion is the identity, in the limit of many steps."""
    x = torch.randn(2, 1, 8, 8).double()
    noise = inverted(x, of_normal, 400, again=4)
    torch.testing.assert_close(noise, x, rtol=0.02, atol=0.02)


def test_one_image_alone_comes_from_any_noise():
    """Where all images are one, the noise is told exactly, and leads to that image."""
    one = torch.rand(1, 1, 4, 4) * 2 - 1

    def noise(x: Tensor, times: Tensor) -> Tensor:
        share = kept(times, x)
        return (x - share.sqrt() * one) / (1 - share).sqrt()

    found = decoded(torch.randn(3, 1, 4, 4), noise, 10)
    torch.testing.assert_close(found, one.expand(3, -1, -1, -1), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("steps", [10, 20])
def test_the_way_back_leads_where_it_came_from(steps):
    """Mended often enough, each step backwards is the step forwards undone; each time mends."""
    x = torch.rand(2, 1, 6, 6).double() * 1.6 - 0.8
    errors = [
        float((decoded(inverted(x, of_normal, steps, again), of_normal, steps) - x).abs().max())
        for again in (0, 1, 2, 8)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 * errors[0]


def test_a_network_that_is_wrong_takes_the_same_way_there_and_back():
    """What it says on the way may lie beyond the range; cut off there, it would be missing at the end."""
    x = torch.rand(2, 1, 6, 6).double() * 2 - 1

    def noise(values: Tensor, times: Tensor) -> Tensor:
        return of_normal(values, times) + (2 * values).sin()

    found = decoded(inverted(x, noise, 50, 8), noise, 50)
    torch.testing.assert_close(found, x, rtol=0, atol=1e-4)


def test_what_is_decoded_lies_between_the_ends():
    found = decoded(3 * torch.randn(2, 1, 4, 4), lambda x, _: torch.zeros_like(x), 10)
    assert float(found.abs().max()) <= 1


# The network


@pytest.mark.parametrize("ndim", [2, 3])
def test_images_of_any_size_and_range_are_there_again(ndim):
    network = small(ndim, low=[-3.0], high=[5.0])
    images = torch.rand(2, 1, *network.spatial) * 8 - 3
    x = network.scaled(images)
    assert all(size % 2 == 0 for size in x.shape[2:])
    assert float(x.abs().max()) <= 1
    torch.testing.assert_close(network.images(x), images)
    latents = network.latents(images)
    assert latents.shape == (2, 5)
    assert network.denoiser(x, torch.tensor([3, 900]), latents).shape == x.shape


def test_the_denoiser_heeds_time_and_latent():
    network = stirred(small())
    x, time = torch.randn(1, 1, 8, 6), torch.tensor([10])
    latent = torch.randn(1, 5)
    plain = network.denoiser(x, time, latent)
    assert not torch.allclose(plain, network.denoiser(x, time + 500, latent))
    assert not torch.allclose(plain, network.denoiser(x, time, latent + 1))


def test_2d_is_3d_of_depth_one():
    """With kernels that are zero but in their middle slice, a volume of one slice is a picture."""
    flat, deep = stirred(small(2)), small(3, spatial=(1, 7, 6), widths=[8])
    flat = stirred(small(2, widths=[8]))
    for (name, one), other in zip(
        flat.named_parameters(), dict(deep.named_parameters()).values(), strict=True
    ):
        with torch.no_grad():
            if one.dim() == 4:
                other.zero_()
                other[:, :, other.shape[2] // 2] = one
            else:
                other.copy_(one)
        assert name in dict(deep.named_parameters())
    images = torch.rand(2, 1, 7, 6)
    torch.testing.assert_close(flat.latents(images), deep.latents(images[:, :, None]))
    known = torch.tensor([5, 700]), torch.randn(2, 5)
    told = deep.denoiser(images[:, :, None], *known)[:, :, 0]
    torch.testing.assert_close(flat.denoiser(images, *known), told, rtol=1e-4, atol=1e-5)


# Slices


@given(
    cases=st.integers(1, 3),
    channels=st.integers(1, 2),
    slices=st.integers(1, 4),
    deep=st.booleans(),
)
def test_what_was_cut_is_joined(cases, channels, slices, deep):
    shape = (channels, slices, 3, 2) if deep else (channels * slices, 3, 2)
    one = (channels, 3, 2)
    images = torch.rand(cases, *shape)
    assert slices_of(shape, one) == slices
    pieces = cut(images, one)
    assert pieces.shape == (cases * slices, *one)
    assert torch.equal(joined(pieces, shape), images)
    if deep:
        assert torch.equal(pieces[0], images[0, :, 0])
    else:
        assert torch.equal(pieces[0], images[0, :channels])


@pytest.mark.parametrize("case", [(3, 4, 4), (2, 5, 4), (1, 3, 5, 4)])
def test_what_is_no_stack_of_slices_is_refused(case):
    with pytest.raises(esegeta.MethodError, match="stack"):
        slices_of(case, (2, 4, 4))


# Agent and ways


def settled(slices: int = 1) -> tuple[Agent, Tensor]:
    """An agent that has looked at correlated latents, one of whose numbers repeats another."""
    torch.manual_seed(1)
    mixed = torch.randn(500, 3) @ torch.tensor([[2.0, 1, 0], [0, 0.3, 0.1], [0, 0, 0.05]])
    latents = torch.cat([mixed, mixed[:, :1]], 1) + 4
    agent = Agent(4, slices, [6], "head")
    agent.heed(latents.mean(0), torch.cov(latents.T, correction=0))
    return agent, latents


def test_what_the_agent_sees_is_independent():
    agent, latents = settled()
    seen = agent.independent(latents)
    covariance = torch.cov(seen.T, correction=0)
    varies = covariance.diagonal() > 0.5
    assert int(varies.sum()) == 3  # the fourth number says what the first does
    torch.testing.assert_close(covariance, torch.diag(varies.float()), atol=1e-2, rtol=0)


def test_a_step_is_seen_as_it_was_meant():
    agent, latents = settled(slices=2)
    cases = latents.reshape(250, 8)
    wanted = agent.independent(cases[:1]) - agent.independent(cases[1:2])
    moved = cases + agent.step(wanted)
    change = agent.independent(moved) - agent.independent(cases)
    torch.testing.assert_close(change, wanted.expand_as(change), atol=1e-2, rtol=1e-2)


def test_the_way_of_a_linear_head_is_the_same_for_every_image_and_a_deviation_long():
    agent, latents = settled()
    head = nn.Linear(6, 2)
    ways = direction(agent, head, latents, 1)
    torch.testing.assert_close(ways, ways[:1].expand_as(ways), rtol=1e-4, atol=1e-5)
    seen = agent.independent(latents + ways) - agent.independent(latents)
    torch.testing.assert_close(seen.norm(dim=1), torch.ones(len(ways)), rtol=1e-2, atol=0)
    # Covariance × slope, as it changes where latents are as they are found.
    slope = (head.weight[1] - head.weight[0]) @ agent.linear.weight @ agent.whiten.T
    expected = torch.cov(latents.T, correction=0) @ slope
    assert float(nn.functional.cosine_similarity(expected, ways[0], dim=0).detach()) > 0.999


def test_the_margin_grows_along_the_way_and_no_step_of_that_size_lets_it_grow_more():
    agent, latents = settled()
    head = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))

    def of(at: Tensor) -> Tensor:
        return margin(head(agent(at)), 2)

    before, tiny = of(latents), 1e-2
    best = of(latents + tiny * direction(agent, head, latents, 2)) - before
    assert bool((best > 0).all())
    for _ in range(10):
        drawn = agent.independent(agent.mean + agent.step(torch.randn(1, 4)))
        other = of(latents + tiny * agent.step(drawn / drawn.norm())) - before
        assert bool((other <= best + 1e-5).all())


def test_without_a_slope_there_is_no_way():
    agent, latents = settled()
    nn.init.zeros_(agent.linear.weight)
    with pytest.raises(esegeta.MethodError, match="no slope"):
        direction(agent, nn.Linear(6, 2), latents[:1], 0)


def test_the_margin_is_the_log_odds():
    scores = torch.randn(4, 3)
    chance = scores.softmax(1)[:, 1]
    torch.testing.assert_close(margin(scores, 1), (chance / (1 - chance)).log())


PLACES = [-2.0, -1.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("predicted", "index", "turn"),
    [
        ([0, 0, 0, 1, 1], 1, 1.0),  # to the class
        ([0, 0, 1, 1, 1], 1, -1.0),  # away from it
        ([1, 0, 0, 0, 0], 1, None),  # the wrong way round
        ([0, 0, 0, 0, 0], 1, None),
        ([2, 2, 0, 2, 1], 1, 2.0),  # another class on the way
    ],
)
def test_where_the_decision_turns(predicted, index, turn):
    assert turning(PLACES, predicted, index) == turn


def test_a_sweep_decodes_what_each_code_would_alone():
    network = stirred(small())
    codec = Codec(network, (2, 7, 6), 5)
    images = torch.rand(2, 2, 7, 6) * 2
    latents = codec.latents(images)
    noise = codec.noise(images, latents)
    ways = torch.randn(2, 3, 10)
    origin, moved = sweep(codec, noise, latents, ways, [-1.0, 2.0])
    assert moved.shape == (2, 3, 2, 2, 7, 6)
    torch.testing.assert_close(origin, codec.decode(noise, latents), rtol=1e-4, atol=1e-4)
    alone = codec.decode(noise[2:], (latents[1] + 2.0 * ways[1, 2])[None])
    torch.testing.assert_close(moved[1, 2, 1][None], alone, rtol=1e-4, atol=1e-4)


def test_psnr_is_that_of_the_known_range():
    codec = Codec(small(spatial=(8, 6)), (1, 8, 6))
    one = torch.rand(1, 1, 8, 6)
    assert float(psnr(codec, one, one + 0.02)) == pytest.approx(40, abs=0.01)  # of a range of 2


# The teacher


class Net(nn.Module):
    def __init__(self, end: nn.Module, after: nn.Module | None = None) -> None:
        super().__init__()
        self.body, self.end, self.after = nn.Conv2d(1, 4, 3), end, after or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.end(self.body(x).relu().mean((2, 3))))


def plain(output: Tensor, region: object) -> Tensor:
    return output


IMAGES = torch.linspace(0, 1, 50).reshape(2, 1, 5, 5)


def test_the_linear_layer_that_ends_the_model_is_its_head():
    net = Net(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)))
    found = teacher_of(net, net, plain, IMAGES)
    assert found.head == "end.2"
    torch.testing.assert_close(found.scores(found.features(IMAGES)), net(IMAGES))


def test_a_head_that_is_not_linear_may_be_named():
    net = Net(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)))
    found = teacher_of(net, net, plain, IMAGES, "end")
    assert found.features(IMAGES).shape == (2, 4)
    torch.testing.assert_close(found.scores(found.features(IMAGES)), net(IMAGES))


@pytest.mark.parametrize(
    ("after", "head", "said"),
    [
        (nn.Softmax(1), "", "does not end with a linear layer"),
        (nn.Softmax(1), "end", "not what the model returns"),
        (None, "tail", "no module 'tail'; it has body, end"),
        (None, "body", "not what the model returns"),
    ],
)
def test_what_is_no_head_is_refused(after, head, said):
    net = Net(nn.Linear(4, 3), after)
    with pytest.raises(esegeta.MethodError, match=said):
        teacher_of(net, net, plain, IMAGES, head)


def test_one_logit_is_two_classes():
    net = Net(nn.Linear(4, 1))
    found = Teacher(net, net, plain, "end")
    chance = found.scores(found.features(IMAGES)).softmax(1)[:, 1]
    torch.testing.assert_close(chance, net(IMAGES)[:, 0].sigmoid())


# Training the autoencoder


def course(shape, **changes):
    given = {"shape": shape, "ndim": len(shape) - 1, "low": torch.zeros(shape[0]),
             "high": torch.ones(shape[0])}  # fmt: skip
    return SimpleNamespace(**{**given, **changes})


@pytest.mark.parametrize(
    ("slices", "shape", "one"),
    [("none", (2, 9, 8), (2, 9, 8)), ("channels", (3, 9, 8), (1, 9, 8)),
     ("depth", (2, 4, 9, 8), (2, 9, 8)), ("none", (1, 4, 9, 8), (1, 4, 9, 8))],
)  # fmt: skip
def test_what_one_image_is(slices, shape, one):
    learner = diffusion_autoencoder(course(shape), slices=slices, widths=[8], latent=4)
    assert (learner.settings["channels"], *learner.settings["spatial"]) == one
    images = torch.rand(5, *shape)
    found = learner._one_slice(images)
    assert found.shape == (5, *one)
    whole = cut(images, one).reshape(5, -1, *one)
    assert all(
        any(torch.equal(piece, s) for s in case) for piece, case in zip(found, whole, strict=True)
    )
    assert math.isfinite(float(learner.losses(images, None, 0)["loss"].detach()))


def test_the_weights_that_are_kept_follow_those_that_learn():
    torch.manual_seed(0)
    learner: AutoencoderLearner = diffusion_autoencoder(
        course((1, 6, 6)), widths=[8], latent=4, learning_rate=1e-2
    )
    optimiser, rates = learner.optimiser(30)
    images = torch.rand(8, 1, 6, 6)
    for step in range(30):
        optimiser.zero_grad()
        learner.losses(images, None, step)["loss"].backward()
        optimiser.step()
        rates.step()
    pairs = list(zip(learner.kept.parameters(), learner.network.parameters(), strict=True))
    assert any(not torch.equal(kept, now) for kept, now in pairs)
    gone = sum(float((kept.detach() - now.detach()).abs().sum()) for kept, now in pairs)
    size = sum(float(now.detach().abs().sum()) for _, now in pairs)
    assert gone < 0.1 * size


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"slices": "depth"}, "cuts volumes"), ({"widths": [8] * 6}, "sides of 32")],
)
def test_what_cannot_be_learnt_is_refused(changes, said):
    with pytest.raises(esegeta.MethodError, match=said):
        diffusion_autoencoder(course((1, 9, 8)), **changes)
