"""Attention rollouts: by their equations, however attention is written."""

import pytest
import torch
from torch import nn

from esegeta.errors import MethodError
from esegeta.probe import Patches
from tests.nets import net, probe_of, run
from tests.nets_attention import WAYS, ViT

CELLS = {2: (4, 3), 3: (3, 2, 2)}


def image(ndim=2, times=1):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, *(4 * n * times for n in CELLS[ndim]), generator=generator)


def vit(ndim=2, **options):
    return ViT(ndim, cells=CELLS[ndim], **options).eval()


def blocks(model, x):
    """Attention weights (heads, T, T) of each block, from PyTorch's own, with a graph of the score."""
    tokens = model.middle(x[None]).flatten(2).transpose(1, 2)
    tokens = torch.cat([model.first.expand(1, -1, -1), tokens], 1) + model.position
    found = []
    for block in model.blocks:
        y = block.norm(tokens)
        _, weights = block.attend(y, y, y, need_weights=True, average_attn_weights=False)
        width = y.shape[-1]
        v = (y @ block.attend.in_proj_weight[2 * width :].T) + block.attend.in_proj_bias[
            2 * width :
        ]
        y = (weights @ v.unflatten(-1, (2, -1)).transpose(1, 2)).transpose(1, 2).flatten(2)
        tokens = tokens + block.attend.out_proj(y)
        tokens = tokens + block.mlp(tokens)
        found.append(weights)
    return found, model.head(tokens[:, 0] if model.token else tokens.mean(1))[0]


def on_image(values, ndim):
    mode = "bilinear" if ndim == 2 else "trilinear"
    grid = values.reshape(1, 1, *CELLS[ndim])
    return nn.functional.interpolate(grid, scale_factor=4.0, mode=mode)[0].detach()


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("heads", ["mean", "max", "min"])
def test_rollout_by_its_equation(ndim, token, heads):
    model, x = vit(ndim, token=token), image(ndim)
    found, _ = blocks(model, x)
    product = torch.eye(found[0].shape[-1])
    for weights in found:
        fused = {"mean": weights.mean(1), "max": weights.amax(1), "min": weights.amin(1)}[heads][0]
        mixed = 0.5 * fused + 0.5 * torch.eye(len(fused))
        product = mixed / mixed.sum(1, keepdim=True) @ product
    torch.testing.assert_close(product.sum(1), torch.ones(len(product)))
    expected = product[0, 1:] if token else product.mean(0)
    done = run(probe_of(model, x, target=1), "attention_rollout", heads=heads)
    torch.testing.assert_close(done.map, on_image(expected, ndim))
    assert done.passes == {"forward": 1, "backward": 0}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("token", [True, False])
def test_last_attention_is_that_of_the_last_block(ndim, token):
    model, x = vit(ndim, token=token), image(ndim)
    last = blocks(model, x)[0][-1].mean(1)[0]
    expected = last[0, 1:] if token else last.mean(0)
    done = run(probe_of(model, x, target=1), "last_attention")
    torch.testing.assert_close(done.map, on_image(expected, ndim))
    assert done.passes == {"forward": 1, "backward": 0}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("token", [True, False])
def test_gradient_rollout_by_its_equation(ndim, token):
    model, x = vit(ndim, token=token), image(ndim)
    found, scores = blocks(model, x)
    relevance = torch.eye(found[0].shape[-1])
    for weights, gradient in zip(found, torch.autograd.grad(scores[1], found), strict=True):
        relevance = relevance + (gradient * weights).clamp(min=0).mean(1)[0] @ relevance
    added = relevance - torch.eye(len(relevance))
    expected = added[0, 1:] if token else added.mean(0)
    done = run(probe_of(model, x, target=1), "gradient_attention_rollout")
    torch.testing.assert_close(done.map, on_image(expected, ndim))
    assert done.passes == {"forward": 1, "backward": 1}


@pytest.mark.parametrize("token", [True, False])
def test_signed_rollout_by_its_equation(token):
    model, x = vit(token=token), image()
    found, scores = blocks(model, x)
    odds = scores[1] - scores[[0, 2]].logsumexp(0)
    product = torch.eye(found[0].shape[-1])
    for weights, gradient in zip(found, torch.autograd.grad(odds, found), strict=True):
        mean = (gradient * weights).mean(1)[0]
        mixed = mean / mean.abs().max() + torch.eye(len(mean))
        product = mixed / mixed.abs().sum(1, keepdim=True) @ product
    expected = product[0, 1:] if token else product.mean(0)
    asked = probe_of(model, x, target=1, contrast="weighted")
    done = run(asked, "gradient_attention_rollout", rule="rollout")
    torch.testing.assert_close(done.map, on_image(expected, 2))
    assert (done.map < 0).any() or not token


def test_signed_rollout_ignores_how_steep_the_score_is():
    """The gradient of a probability is that of the log-odds times p (1 − p)."""
    model, x = vit().double(), image().double()
    with torch.no_grad():
        model.head.weight *= 30  # p (1 − p) is small
    maps = {
        (contrast, rule): run(
            probe_of(model, x, target=1, contrast=contrast), "gradient_attention_rollout", rule=rule
        ).map
        for contrast in ("weighted", "probability")
        for rule in ("rollout", "relevance")
    }
    torch.testing.assert_close(maps["weighted", "rollout"], maps["probability", "rollout"])
    scales = [maps[contrast, "relevance"].abs().max() for contrast in ("weighted", "probability")]
    assert scales[0] > 10 * scales[1] > 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["attention_rollout", "gradient_attention_rollout"])
def test_however_attention_is_written(name, way):
    x, model = image(), vit(way=way)
    reference = vit()
    if way == "encoder":
        for own, layer in zip(reference.blocks, model.blocks.layers, strict=True):
            own.attend.load_state_dict(layer.self_attn.state_dict())
            own.norm.load_state_dict(layer.norm1.state_dict())
            own.mlp[0].load_state_dict(layer.linear1.state_dict())
            own.mlp[2].load_state_dict(layer.linear2.state_dict())
            own.mlp.insert(0, layer.norm2)
        for name_ in ("middle", "head"):
            getattr(reference, name_).load_state_dict(getattr(model, name_).state_dict())
        reference.first, reference.position = model.first, model.position
    else:
        model.load_state_dict(reference.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(model(x[None]), reference(x[None]))
    expected = run(probe_of(reference, x, target=1), name).map
    torch.testing.assert_close(run(probe_of(model, x, target=1), name).map, expected)
    assert expected.std() > 0


@pytest.mark.parametrize("name", ["attention_rollout", "gradient_attention_rollout"])
def test_one_patch_is_the_whole(name):
    model, x = vit(task="segmentation", token=False), image()
    options = {"task": "segmentation", "target": 1}
    whole = run(probe_of(model, x, **options), name).map
    patched = probe_of(model, x, patches=Patches(tuple(x.shape[1:]), 0), **options)
    torch.testing.assert_close(run(patched, name).map, whole)


@pytest.mark.parametrize("name", ["attention_rollout", "gradient_attention_rollout"])
def test_patches_each_have_their_own(name):
    model, x = vit(task="segmentation", token=False), image(times=2)
    patches = Patches(tuple(4 * n for n in CELLS[2]), 0)
    asked = probe_of(model, x, patches=patches, task="segmentation", target=1, mask="all")
    found = run(asked, name).map
    own = x[:, :16, :12]
    alone = run(probe_of(model, own, task="segmentation", target=1, mask="all"), name).map
    # Away from the border, where the neighbour's values are interpolated.
    torch.testing.assert_close(found[:, :14, :10], alone[:, :14, :10])


def test_a_model_without_attention_is_refused():
    with pytest.raises(MethodError, match="no attention"):
        run(probe_of(net(), image()), "attention_rollout")


def test_attention_in_windows_is_refused():
    class Windows(ViT):
        def forward(self, x):
            x = self.middle(x).flatten(2).transpose(1, 2)
            windows = x.unflatten(1, (3, 4)).flatten(0, 1)
            return self.head(self.blocks(windows).unflatten(0, (len(x), 3)).mean((1, 2)))

    with pytest.raises(MethodError, match="does not relate all tokens"):
        run(probe_of(Windows().eval(), image()), "attention_rollout")


class Decoded(ViT):
    """Its second block sees fewer tokens than the first, or some more."""

    def __init__(self, more):
        super().__init__(cells=CELLS[2])
        self.more = more

    def forward(self, x):
        x = self.blocks[0](self.middle(x).flatten(2).transpose(1, 2))
        x = torch.cat([self.first.expand(len(x), 3, -1), x], 1) if self.more else x[:, ::2]
        return self.head(self.blocks[1](x).mean(1))


def test_a_decoder_with_tokens_of_its_own_is_left_out():
    model, x = Decoded(more=True).eval(), image()
    seen = []
    model.blocks[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        model(x[None])
        y = model.blocks[0].norm(seen[0])
        weights = model.blocks[0].attend(y, y, y)[1]  # mean over heads
    expected = on_image(weights.mean(1), 2)
    model = Decoded(more=True).eval()
    torch.testing.assert_close(run(probe_of(model, x), "last_attention").map, expected)
    with pytest.raises(MethodError, match="does not relate all tokens"):
        run(probe_of(Decoded(more=False).eval(), x), "last_attention")


def test_relevance_of_a_transformer_is_conserved():
    x = image().double()
    for way in WAYS:
        model = vit(way=way).double()
        for rule in ("epsilon", "gamma", "zplus", "composite"):
            found = run(probe_of(model, x, target=1), "lrp", rule=rule)
            (check,) = [c for c in found.checks if c.name == "conservation"]
            assert check.value < 1e-9, (way, rule)
            assert "unknown functions" not in found.notes
