"""The rescale rule: complete on every way to write a network, and right where a formula is known."""

import pytest
import torch
import torch.nn.functional as F
from captum.attr import DeepLift, DeepLiftShap, LayerDeepLift
from torch import nn

import esegeta
from esegeta.checks import CheckFailed
from esegeta.errors import MethodError
from esegeta.probe import Patches
from tests.nets import STYLES, Linear, Segmenter, net, probe_of, run

SPATIAL = {2: (7, 6), 3: (5, 4, 6)}


def image(ndim=2, dtype=torch.float64, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, *SPATIAL[ndim], generator=generator, dtype=dtype)


def starts(x):
    return {"zero": torch.zeros_like(x)[None], "random": image(x.dim() - 1, x.dtype, 7)[None]}


class Around(nn.Module):
    """A convolution, the block, a linear head."""

    def __init__(self, block, ndim=2):
        super().__init__()
        conv = nn.Conv2d if ndim == 2 else nn.Conv3d
        self.first = conv(2, 6, 3, padding=1)
        self.own = block if isinstance(block, nn.Module) else None
        self.block = block
        self.head = nn.LazyLinear(3)

    def forward(self, x):
        return self.head(self.block(self.first(x)).flatten(1))


def around(block, ndim=2, dtype=torch.float64):
    torch.manual_seed(5)
    model = Around(block, ndim).float()  # (the block may have been converted before)
    model(torch.randn(2, 2, *SPATIAL[ndim]))  # shapes of the head, statistics of norms
    return model.to(dtype).eval()


def error_of(model, x, start):
    """Of the class whose score differs most: where it hardly differs, rounding is all there is."""
    with torch.no_grad():
        target = int((model(x[None]) - model(start)).abs().argmax())
    probe = probe_of(model, x, target=target)
    found = probe.contributions(start)
    difference = probe.value - float(probe.score(start)[0])
    assert "unknown functions" not in probe.notes
    return abs(float(found.double().sum()) - difference) / abs(difference)


def tokens(z):
    return z.flatten(2).transpose(1, 2)


class Attending(nn.Module):
    """nn.MultiheadAttention with both masks, tokens first, and its weights used."""

    def __init__(self):
        super().__init__()
        self.attend = nn.MultiheadAttention(6, 2)

    def forward(self, z):
        t = z.flatten(2).permute(2, 0, 1)
        padding = torch.zeros(t.shape[1], t.shape[0], dtype=torch.bool)
        padding[:, -4:] = True
        bias = torch.zeros(len(t), len(t)).to(t)
        bias[:, :3] = -1
        found, weights = self.attend(t, t.tanh(), t, key_padding_mask=padding, attn_mask=bias)
        return found.permute(1, 2, 0) + weights.square().mean()


class Encoding(nn.Module):
    """nn.TransformerEncoderLayer, which has a fast path of its own in evaluation."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True, activation="gelu")

    def forward(self, z):
        return self.layer(tokens(z))


def attend(z):
    t = tokens(z)
    mask = torch.ones(t.shape[1], t.shape[1], dtype=torch.bool).tril()
    masked = F.scaled_dot_product_attention(t, t.sin(), t, attn_mask=mask, scale=0.3)
    return masked + F.scaled_dot_product_attention(t, t, 0.5 * t, is_causal=True)


def standardise(z):
    """A norm written by hand, whose scale explodes where nothing varies."""
    apart = z - z.mean((2, 3), keepdim=True)
    return apart * torch.rsqrt(apart.square().mean((2, 3), keepdim=True) + 1e-6)


def in_place(z):
    z = z.clone()
    z *= z.sigmoid()
    z += 1
    z **= 2
    z[:, :2] /= 1 + z[:, 2:4].abs()
    return F.relu(z, inplace=True)


BLOCKS = {
    "adjacent": lambda z: F.max_pool2d(F.relu(F.relu(z.tanh())), 2),
    "in place": in_place,
    "reused": nn.Sequential(act := nn.SiLU(inplace=True), nn.Conv2d(6, 6, 1), act, act),
    "gelu": nn.GELU(),
    "mish": nn.Mish(),
    "hardswish": nn.Hardswish(inplace=True),
    "prelu": nn.PReLU(6),
    "elu": nn.ELU(),
    "softplus": nn.Softplus(),
    "leaky": nn.LeakyReLU(inplace=True),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(-0.2, 0.3, True),
    "hardsigmoid": nn.Hardsigmoid(),
    "glu": nn.GLU(1),
    "softmax": nn.Softmax(1),
    "softmin": nn.Softmin(1),
    "log_softmax": nn.LogSoftmax(1),
    "logsumexp": lambda z: z.logsumexp(1),
    "instance norm": nn.InstanceNorm2d(6, affine=True),
    "group norm": nn.GroupNorm(2, 6),
    "layer norm": nn.LayerNorm([6, 7, 6]),
    "rms norm": nn.RMSNorm([6]),
    "batch norm": nn.BatchNorm2d(6),
    "batch norm of the image": nn.BatchNorm2d(6, track_running_stats=False),
    "local response norm": nn.LocalResponseNorm(2),
    "norm by hand": standardise,
    "normalize": lambda z: F.normalize(z, dim=1),
    "length": lambda z: z.norm(dim=1) + torch.linalg.vector_norm(z, ord=1, dim=1),
    "spread": lambda z: z.std((2, 3)) + torch.var(z, (2, 3), unbiased=False),
    "max pool": nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "adaptive max pool": nn.AdaptiveMaxPool2d(3),
    "max pool with places": lambda z: F.max_pool2d(z, 2, return_indices=True)[0],
    "largest": lambda z: z.amax((2, 3)) + z.flatten(2).max(-1).values - z.flatten(2).min(2)[0],
    "larger": lambda z: torch.maximum(z, z.flip(1)) + torch.min(z, z.tanh().flip(2)),
    "gate": lambda z: z * z.mean((2, 3), keepdim=True).sigmoid(),
    "gate in place": lambda z: z.mul_(z.mean((2, 3), keepdim=True).sigmoid()),
    "matmul": lambda z: z @ z.transpose(-1, -2),
    "einsum of three": lambda z: torch.einsum("nchw,nchv,ncvu->nhu", z, z.relu(), z.mT @ z),
    "baddbmm": lambda z: torch.baddbmm(z[:, 0, :6], z[:, 1, :6], torch.bmm(z[:, 2, :6], z[:, 3, :6])),
    "convolution by data": lambda z: F.conv2d(z, z[:1, :, :3, :3]),
    "quotient": lambda z: z / (1 + z.abs().sum(1, keepdim=True)),
    "reciprocal": lambda z: 1 / (2 + z.square()),
    "powers": lambda z: (z.abs() + 1) ** 1.7 + 2**z + (z.abs() + 1) ** z.flip(1),
    "exp, log, sqrt": lambda z: z.exp() + (z.square() + 1).log() + z.abs().sqrt(),
    "clamped by data": lambda z: z.clamp(z.flip(1) - 1, z.flip(2) + 1),
    "chosen by data": lambda z: torch.where(z.flip(1) > 0, z, 0.1 * z.exp()),
    "times a truth": lambda z: z * (z > 0),
    "masked by data": lambda z: z.masked_fill(z < 0, 0.0),
    "linear": lambda z: F.pad(z.cumsum(1).flip(2).roll(1, 3), (1, 1)),
    "batch second": lambda z: z.permute(1, 0, 2, 3).relu().softmax(2).permute(1, 0, 2, 3),
    "attention": attend,
    "multi-head attention": Attending(),
    "transformer layer": Encoding(),
}  # fmt: skip


@pytest.mark.parametrize("start", ["zero", "random"])
@pytest.mark.parametrize("name", BLOCKS)
def test_contributions_add_up(name, start):
    for dtype, limit in ((torch.float32, 1e-4), (torch.float64, 1e-9)):
        x = image(dtype=dtype)
        assert error_of(around(BLOCKS[name], dtype=dtype), x, starts(x)[start]) <= limit, dtype


@pytest.mark.parametrize("start", ["zero", "random"])
@pytest.mark.parametrize(
    "block",
    [nn.InstanceNorm3d(6), nn.GroupNorm(3, 6), nn.MaxPool3d(2), nn.AdaptiveMaxPool3d(2), nn.PReLU(6),
     nn.Sequential(nn.Conv3d(6, 6, 3), nn.InstanceNorm3d(6), nn.LeakyReLU(inplace=True))],
    ids=repr,
)  # fmt: skip
def test_contributions_add_up_in_3d(block, start):
    x = image(3)
    assert error_of(around(block, 3), x, starts(x)[start]) <= 1e-9


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("style", STYLES)
def test_equals_captum_on_the_module_net_however_the_relu_is_written(style, ndim):
    x, start = image(ndim), starts(image(ndim))["random"]
    found = probe_of(net(style, ndim).double(), x, target=2).contributions(start)
    expected = DeepLift(net("module", ndim).double()).attribute(x[None], start, target=2)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_layer_equals_captum(ndim):
    model, x, start = net(ndim=ndim).double(), image(ndim), starts(image(ndim))["random"]
    probe = probe_of(model, x, target=2)
    found = probe.contributions(start, probe.layer("b"))
    expected = LayerDeepLift(model, model.b).attribute(x[None], start, target=2)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(
        found.sum(), torch.tensor(probe.value - float(probe.score(start))).double()
    )


def test_several_baselines_equal_captum_and_the_mean_of_each():
    model, x = net().double(), image()
    references = [image(seed=seed) for seed in (3, 4, 5)]
    probe = probe_of(model, x, target=2, references=references)
    found = run(probe, "deep_lift_shap", samples=8)
    expected = DeepLiftShap(model).attribute(x[None], torch.stack(references), target=2)
    torch.testing.assert_close(found.map.double(), expected[0], rtol=1e-4, atol=1e-7)
    assert found.passes["backward"] == 3
    singly = [probe.contributions(reference[None])[0] for reference in references]
    torch.testing.assert_close(torch.stack(singly).mean(0), expected[0], rtol=1e-6, atol=1e-9)


def test_of_many_references_as_many_as_asked_are_drawn():
    probe = probe_of(
        net(), image(dtype=torch.float32), references=[image(seed=s) for s in range(9)]
    )
    drawn = probe.baselines("reference", 4, 0.1)
    assert drawn.shape == (4, 2, *SPATIAL[2])
    assert len({float(one.sum()) for one in drawn}) == 4


def test_shap_without_references_says_how_to_give_them():
    with pytest.raises(MethodError, match='"references"'):
        run(probe_of(net(), image(dtype=torch.float32)), "deep_lift_shap")


def test_a_linear_model_in_closed_form():
    model, x = Linear(SPATIAL[2], channels=2).double(), image()
    start = starts(x)["random"]
    found = probe_of(model, x, target=1).contributions(start)
    torch.testing.assert_close(found, model.weight[1][None].detach() * (x - start))


def test_one_rectifier_by_hand():
    class One(nn.Module):
        def forward(self, x):
            return torch.cat([-F.relu(x.sum(1) - 1), F.relu(x.sum(1) - 1)], 1).flatten(2).sum(2)

    x = torch.tensor([3.0, -1.0, 0.5]).view(1, 1, 3)
    start = torch.tensor([0.0, -3.0, 1.5]).view(1, 1, 1, 3)
    found = probe_of(One(), x, target=1).contributions(start)[0, 0, 0]
    # relu(2) − relu(−1) over 3, relu(−2) − relu(−4) over 2, relu(−0.5) − relu(0.5) over −1.
    torch.testing.assert_close(found, torch.tensor([2 / 3 * 3, 0.0, 0.5 * -1]))


def test_a_softmax_score_is_under_the_rule_too():
    from esegeta.engine import make_probe
    from esegeta.plugin import plugin_of

    @esegeta.wrapper()
    def softmax(output: torch.Tensor, region: esegeta.Region) -> torch.Tensor:
        """Probabilities."""
        return output.softmax(1)

    x = 3 * image()
    probe = make_probe(net().double(), x, wrapper=plugin_of(softmax), target=1)
    for start in starts(x).values():
        difference = probe.value - float(probe.score(start))
        assert float(probe.contributions(start).sum()) == pytest.approx(difference, rel=1e-9)


class TwoWays(nn.Module):
    """Goes another way for a bright image."""

    def forward(self, x):
        z = x.flatten(1)
        z = z.relu() if x.mean() > 0.5 else z.tanh().exp()
        return torch.stack([z.sum(1), -z.sum(1)], 1)


def test_another_way_for_the_baseline_is_refused():
    with pytest.raises(MethodError, match="another way for the image"):
        probe_of(TwoWays(), image() + 3).contributions(starts(image())["zero"])


def test_a_model_that_takes_one_image_at_a_time():
    class Single(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net().double()

        def forward(self, x):
            assert len(x) == 1
            return self.inner(x)

    x = image()
    both = torch.cat(list(starts(x).values()))
    found = probe_of(Single(), x, target=1).contributions(both)
    torch.testing.assert_close(found, probe_of(net().double(), x, target=1).contributions(both))


class Cubed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return 3 * ctx.saved_tensors[0] ** 2 * g


STRANGE = {
    "topk": lambda z: z.flatten(1).topk(9)[0],
    "sort": lambda z: z.flatten(2).sort(-1)[0],
    "prod": lambda z: z[:, :3].prod(1),
    "CubedBackward": lambda z: Cubed.apply(z),
    "where": lambda z: torch.where(z > 0, 1.0, 0.0) + z,
    "item": lambda z: z * float(z.mean().item() * 9),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_function_that_the_rule_does_not_know_is_named(name):
    x = image()
    with pytest.raises(MethodError, match=rf"{name} \(1 call\)"):
        probe_of(around(STRANGE[name]), x, target=1).contributions(starts(x)["random"])


def test_a_scripted_model_is_refused():
    scripted = torch.jit.trace(net("functional"), image(dtype=torch.float32)[None])
    with pytest.raises(MethodError, match="scripted or compiled"):
        run(probe_of(scripted, image(dtype=torch.float32)), "deep_lift")


def test_an_exported_model_follows_the_rule():
    x = image(dtype=torch.float32)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.InstanceNorm2d(4), nn.GELU(), nn.MaxPool2d(2), nn.ReLU(inplace=True),
        nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3), nn.Softmax(1),
    ).eval()  # fmt: skip
    exported = torch.export.unflatten(torch.export.export(model, (x[None],)))
    start = starts(x)["random"]
    found = probe_of(exported, x, target=1).contributions(start)
    expected = probe_of(model, x, target=1).contributions(start)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_a_baseline_equal_to_the_image_has_a_zero_map():
    x = torch.full((2, 7, 6), 0.5)
    with pytest.raises(CheckFailed, match="zero everywhere"):
        run(probe_of(net(), x), "deep_lift", baseline=0.5)


def test_layers_that_were_announced_cost_nothing_more():
    x = image(dtype=torch.float32)
    probe = probe_of(net(), x, layers=["a", "b"])
    for method, layer in (("deep_lift", None), ("layer_deep_lift", "a"), ("layer_deep_lift", "b")):
        run(probe, method, layer)
    assert (probe.passes.forward, probe.passes.backward) == (3, 1)


@pytest.mark.parametrize("blend", ["hann", "average", "crop"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_a_volume_in_patches_adds_up_and_so_does_its_layer(ndim, blend):
    spatial = (20, 14, 9)[:ndim]
    generator = torch.Generator().manual_seed(3)
    x, start = (torch.rand(1, *spatial, generator=generator).double() for _ in range(2))
    torch.manual_seed(4)
    model = nn.Sequential(
        Segmenter(ndim, classes=5),
        (nn.InstanceNorm2d if ndim == 2 else nn.InstanceNorm3d)(5),
        nn.GELU(),
        (nn.Conv2d if ndim == 2 else nn.Conv3d)(5, 3, 1),
    ).double()
    probe = probe_of(
        model,
        x,
        task="segmentation",
        target=1,
        mask="all",
        patches=Patches(8, 4, blend),
        layers=["2"],
    )
    for before in (torch.zeros_like(x), start):
        before = before[None]
        difference = probe.value - float(probe.score(before))
        assert float(probe.contributions(before).sum()) == pytest.approx(difference, rel=1e-9)
        layer = probe.contributions(before, probe.layer("2"))
        assert float(layer.sum()) == pytest.approx(difference, rel=1e-9)


def test_in_patches_equals_whole_where_patches_do_not_matter():
    x = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(1)).double()
    torch.manual_seed(4)
    model = nn.Sequential(nn.Conv2d(1, 6, 1), nn.SiLU(), nn.Conv2d(6, 3, 1), nn.Softmax(1)).double()
    options = {"task": "segmentation", "target": 1, "mask": "all"}
    start = torch.zeros_like(x)[None]
    whole = probe_of(model, x, **options).contributions(start)
    patched = probe_of(model, x, patches=Patches(8, 4), **options).contributions(start)
    torch.testing.assert_close(patched, whole)
    unit = probe_of(model, x, **options).unit("1", 2, (3, 4)).contributions(start)
    assert unit[0, 0, 3, 4] != 0
    assert int((unit != 0).sum()) == 1
