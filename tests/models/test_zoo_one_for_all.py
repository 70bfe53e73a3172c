"""The self-explaining transformer: what its logits are made of, its masks, weights of others."""

import pytest
import torch
import torch.nn.functional as F

from esegeta.errors import ModelError
from esegeta.models.zoo import OneForAll
from esegeta.models.zoo.one_for_all import centred

SIZES = {2: (12, 8), 3: (8, 4, 8)}


def net(ndim=2, **changes):
    torch.manual_seed(1)
    options = {"size": SIZES[ndim], "channels": 2, "classes": 3, "patch": 4, "width": 16,
               "depth": 2, "heads": 2, "registers": 2, **changes}  # fmt: skip
    found = OneForAll(**options).double().eval()
    for parameter in found.parameters():  # none is where it starts
        torch.nn.init.normal_(parameter, std=0.3)
    return found


def images(ndim=2, count=4):
    generator = torch.Generator().manual_seed(2)
    return torch.randn((count, 2, *SIZES[ndim]), generator=generator).double()


@pytest.mark.parametrize("ndim", [2, 3])
def test_shapes(ndim):
    model, x = net(ndim), images(ndim)
    n = model.encoder.count
    assert n == {2: 6, 3: 4}[ndim]
    assert model(x).shape == (4, 3)
    assert [part.shape for part in model.parts(x)] == [(4, n, 3)] * 2
    kept = torch.rand(4, 5, n) < 0.5
    assert [part.shape for part in model.parts(x, kept)] == [(4, 5, n, 3)] * 2
    assert model.class_attention(x).shape == (4, 3, *model.grid)


@pytest.mark.parametrize("ndim", [2, 3])
def test_logits_are_the_sum_of_what_passes_the_layer(ndim):
    model, x = net(ndim), images(ndim)
    seen = []
    model.contributions.register_forward_hook(lambda m, i, o: seen.append(o))
    logits = model(x)
    torch.testing.assert_close(seen[0].flatten(2).sum(2), logits)
    plus, minus = model.parts(x)
    torch.testing.assert_close(seen[0].sum(1), torch.zeros(4, *model.grid).double())
    torch.testing.assert_close(logits.log_softmax(1), (plus - minus).sum(1).log_softmax(1))
    cell = seen[0][1, 2].flatten()[1]  # row-major places
    torch.testing.assert_close(cell, centred(plus - minus)[1, 1, 2])


def test_equation_4_is_additive():
    """z(S) = B + Σ_S φ, with B = Σ φ⁻; with every patch it is the other read-out."""
    model, x = net(), images()
    parts = model.parts(x)
    kept = torch.rand(4, 6) < 0.5
    phi, base = parts[0] - parts[1], parts[1].sum(1)
    expected = base + (phi * kept[..., None]).sum(1)
    torch.testing.assert_close(model.masked(parts, kept), expected)
    other = net(full_readout="eq4")
    every = torch.ones(4, 6, dtype=torch.bool)
    torch.testing.assert_close(other.whole(parts), model.masked(parts, every))
    torch.testing.assert_close(other(x), centred(parts[0].sum(1)))
    torch.testing.assert_close(model(x), centred(model.whole(parts)))


@pytest.mark.parametrize("ndim", [2, 3])
def test_what_is_masked_is_not_seen(ndim):
    model, x = net(ndim), images(ndim)
    n = model.encoder.count
    every = torch.ones(4, n, dtype=torch.bool)
    for whole, part in zip(model.parts(x), model.parts(x, every), strict=True):
        torch.testing.assert_close(whole, part)
    plus = model.parts(x, ~every)[0]
    assert torch.equal(plus, plus[:1].expand_as(plus))
    assert plus[0].std() > 0
    kept = every.clone()
    kept[:, 1] = False
    changed = x.clone()
    changed[:, :, :4, 4:8] += 1  # the second patch, and what lies behind it in a volume
    if ndim == 3:
        changed = x.clone()
        changed[:, :, :4, :4, 4:] += 1
    torch.testing.assert_close(model.parts(x, kept)[0], model.parts(changed, kept)[0])
    assert not torch.allclose(model.parts(x)[0], model.parts(changed)[0])


def test_masked_copies_pass_together_as_they_would_alone():
    model, x = net(), images()
    kept = torch.rand(4, 5, 6) < 0.5
    together = model.parts(x, kept)
    for number in range(5):
        alone = model.parts(x, kept[:, number])
        for one, many in zip(alone, together, strict=True):
            torch.testing.assert_close(many[:, number], one)
    weights = torch.randn_like(together[0])
    (own,) = torch.autograd.grad((together[0] * weights).sum(), model.encoder.mask_token)
    pieces = model.parts(x, kept, at_once=3)
    torch.testing.assert_close(pieces[1], together[1])
    (other,) = torch.autograd.grad((pieces[0] * weights).sum(), model.encoder.mask_token)
    torch.testing.assert_close(own, other)
    assert own.abs().max() > 0


def test_places_count():
    """Without positions, patches that change places take their φ along; with them they do not."""
    model, x = net(), images()
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    cells = F.unfold(x, 4, stride=4)[:, :, order]
    moved = F.fold(cells, SIZES[2], 4, stride=4)
    assert not torch.allclose(model.parts(x)[0][:, order], model.parts(moved)[0])
    torch.nn.init.zeros_(model.encoder.pos_embed)
    torch.testing.assert_close(model.parts(x)[0][:, order], model.parts(moved)[0])


def test_the_decoders_attention_is_the_blocks_own():
    model, x = net(), images()
    seen = {}
    last = model.decoder.blocks[-1].attn
    last.register_forward_hook(lambda m, inputs, output: seen.update(x=inputs[0], y=output))
    model(x)
    weights = last.weights(seen["x"])
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 2, 12).double())
    value = last.qkv(seen["x"]).unflatten(-1, (3, 2, -1))[:, :, 2].transpose(1, 2)
    torch.testing.assert_close(last.proj((weights @ value).transpose(1, 2).flatten(2)), seen["y"])
    torch.testing.assert_close(model.class_attention(x).flatten(2), weights.mean(1)[:, :3, 6:])


def test_a_start_is_no_certainty():
    """Cosines with small gains: hundreds of patches do not begin with a sure prediction."""
    torch.manual_seed(0)
    model = OneForAll((56, 56), 1, 10, 4, 32, 2, 4)
    with torch.no_grad():
        logits = model(torch.rand(8, 1, 56, 56))
    assert logits.std() < 6  # a norm over classes would make it tens
    assert F.cross_entropy(logits, torch.arange(8)) < 10


def test_half_precision_is_left_before_the_sum():
    model, x = net(), images()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        parts = model.float().parts(x.float())
        kept = torch.rand(4, 6) < 0.5
        found = model.masked(parts, kept)
        assert {part.dtype for part in (*parts, found, model(x.float()))} == {torch.float32}
    with torch.no_grad():
        exact = model.masked(model.parts(x.float()), kept)
    torch.testing.assert_close(found, exact, rtol=0.1, atol=0.1)


def given(model, **changes):
    """A state dict as others have it, of an encoder of the model's size."""
    generator = torch.Generator().manual_seed(5)
    state = {
        name: torch.randn(value.shape, generator=generator)
        for name, value in model.encoder.state_dict().items()
    }
    return {name: value for name, value in (state | changes).items() if value is not None}


def test_weights_by_the_names_of_dinov2():
    model = net().float()
    state = given(model, **{"head.weight": torch.zeros(5, 16)})
    assert model.load_encoder(state) == ["head.weight"]
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, state[name])


def test_weights_by_the_names_of_timm():
    """No mask token, no layer scale, registers under another name, no position of the class token."""
    model = net().float()
    before = {k: v.clone() for k, v in model.encoder.state_dict().items()}
    state = given(model, mask_token=None)
    state["reg_token"] = state.pop("register_tokens")
    state["pos_embed"] = state["pos_embed"][:, 1:]
    state = {f"visual.{k}": v for k, v in state.items() if ".ls" not in k} | {
        "logit": torch.ones(1)
    }
    assert model.load_encoder(state) == ["logit"]
    own = model.encoder.state_dict()
    assert torch.equal(own["register_tokens"], state["visual.reg_token"])
    assert torch.equal(own["mask_token"], before["mask_token"])
    assert torch.equal(own["blocks.1.ls2.gamma"], before["blocks.1.ls2.gamma"])
    assert torch.equal(own["pos_embed"][:, 1:], state["visual.pos_embed"])
    assert not own["pos_embed"][:, 0].any()


@pytest.mark.parametrize("ndim", [2, 3])
def test_positions_of_another_grid_are_interpolated(ndim):
    model = net(ndim, size=(24,) * ndim).float()  # 6 cells a side
    line = torch.linspace(-1, 1, 3)
    cells = line.reshape(3, *[1] * (ndim - 1)).expand((3,) * ndim)
    cells = cells.reshape(1, -1, 1).repeat(1, 1, 16)
    places = torch.cat([torch.full((1, 1, 16), 7.0), cells], 1)
    model.load_encoder(given(model, pos_embed=places))
    own = model.encoder.pos_embed.detach()
    assert torch.equal(own[:, :1], places[:, :1])
    grid = own[0, 1:].reshape(*[6] * ndim, 16)
    assert (grid.diff(dim=0) > 0).all()  # it rises along its first axis, and along no other
    assert grid.diff(dim=1).abs().max() < 1e-5
    assert grid.mean().abs() < 1e-5


def test_grey_images_get_the_sum_of_colours():
    model = net(channels=1).float()
    colours = torch.randn(16, 3, 4, 4)
    model.load_encoder(given(model, **{"patch_embed.proj.weight": colours}))
    torch.testing.assert_close(
        model.encoder.patch_embed.proj.weight.detach(), colours.sum(1, keepdim=True)
    )


def test_weights_that_do_not_fit_are_refused():
    model = net().float()

    def refused(match, **changes):
        before = {k: v.clone() for k, v in model.state_dict().items()}
        with pytest.raises(ModelError, match=match):
            model.load_encoder(given(model, **changes))
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())

    refused("are not those of one vision transformer", pos_embed=None)
    refused("no 'blocks.1.mlp.fc1.weight'", **{"blocks.1.mlp.fc1.weight": None})
    refused("go on with 'blocks.2.norm1.weight'", **{"blocks.2.norm1.weight": torch.ones(16)})
    patches = {"patch_embed.proj.weight": torch.ones(16, 2, 7, 7)}
    refused("'patch_embed.proj.weight' has the shape", **patches)
    refused("the width of this model is 16", pos_embed=torch.ones(1, 7, 8))
    refused("neither that nor one less is the grid", pos_embed=torch.ones(1, 12, 16))
    refused("'register_tokens' has the shape", register_tokens=torch.ones(1, 4, 16))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"patch": 5}, "do not divide"),
        ({"patch": [4, 4, 4]}, "two or three axes"),
        ({"size": (8,)}, "two or three axes"),
        ({"patch": [12, 8]}, "a single patch"),
        ({"classes": 1}, "at least 2"),
        ({"heads": 3}, "multiple of heads"),
        ({"depth": 0}, "at least 1"),
        ({"full_readout": "eq5"}, "'difference' or 'eq4'"),
    ],
)
def test_what_makes_no_such_network_is_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        net(**changes)


def test_another_image_is_refused():
    with pytest.raises(ValueError, match=r"\(N, 2, 12, 8\), not \(1, 2, 8, 12\)"):
        net()(images()[:1].transpose(2, 3))
