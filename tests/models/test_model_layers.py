import pytest
import torch
import torch.nn.functional as F
from torch import nn

from esegeta.errors import ImageError, ModelError
from esegeta.models import check_input, expected_input, layers

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class Net(nn.Module):
    """Reuses its activation, returns a dict from a part, and has a part that never runs."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, stride=2)])
        self.act = nn.ReLU(inplace=True)
        self.parts = Parts()
        self.drop = nn.Dropout()
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)
        self.spare = nn.Linear(1, 1)

    def forward(self, x):
        for block in self.blocks:
            x = self.act(block(x))
        return self.head(self.drop(self.norm(self.parts(x)["out"][0])).mean((2, 3)))


class Parts(nn.Module):
    def forward(self, x):
        return {"note": None, "out": (x * 2, x)}


class Silent3D(nn.Module):
    """Takes a 2D batch for an unbatched volume without a word."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv3d(1, 2, 3, padding=1)

    def forward(self, x):
        return F.relu(self.conv1(x)).flatten(1)


def hooks(module):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


def test_layers():
    found = {info.name: info for info in layers(Net().eval(), torch.rand(1, 1, 13, 11))}
    assert list(found) == ["blocks.0", "act", "blocks.1", "parts", "norm", "drop", "head"]
    assert found["blocks.0"].kind == "Conv2d"
    assert found["blocks.0"].shape == (1, 4, 11, 9)
    assert found["blocks.0"].parameters == 40
    assert found["blocks.1"].grid == (5, 4)
    assert found["act"].calls == 2
    assert found["act"].shape == (1, 4, 11, 9)
    assert found["parts"].shape == (1, 4, 5, 4)
    assert found["head"].grid is None
    assert found["head"].calls == 1


def test_containers_come_before_what_is_in_them():
    network = nn.Sequential(nn.Sequential(nn.Conv3d(1, 2, 3), nn.ReLU()), nn.Flatten())
    found = layers(network, torch.rand(1, 1, 5, 6, 7))
    assert [info.name for info in found] == ["0", "0.0", "0.1", "1"]
    assert found[0].parameters == found[1].parameters == 56
    assert found[0].grid == (3, 4, 5)


def test_tokens_become_a_grid():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 16, 16)
            self.block = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            return self.block(torch.cat([x[:, :1], x], 1))[:, 0]

    found = {info.name: info for info in layers(Tokens().eval(), torch.rand(1, 3, 224, 160))}
    assert found["block"].shape == (1, 141, 8)
    assert found["block"].grid == (14, 10)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_left_changed(training):
    network = Net().train(training)
    network.drop.eval()
    flags = [m.training for m in network.modules()]
    before = {k: v.clone() for k, v in network.state_dict().items()}
    image = torch.rand(1, 1, 13, 11)
    kept, state = image.clone(), torch.get_rng_state()
    layers(network, image)
    check_input(network, image)
    with pytest.raises(ImageError):
        layers(network, torch.rand(1, 2, 13, 11, generator=torch.Generator()))
    assert flags == [m.training for m in network.modules()]
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(image, kept)
    assert hooks(network) == 0


def test_random_networks_do_not_move_the_generator():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    state = torch.get_rng_state()
    layers(nn.Sequential(Noisy()), torch.ones(1, 1, 4, 4))
    assert torch.equal(torch.get_rng_state(), state)


def test_scripted_parts_show_no_layers_and_do_not_disturb():
    inner = torch.jit.script(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()))
    found = layers(nn.Sequential(inner, nn.Flatten()), torch.rand(1, 1, 5, 5))
    assert [info.name for info in found] == ["1"]
    assert layers(inner, torch.rand(1, 1, 5, 5)) == []


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)), (2, 3)),
        (lambda: nn.Conv3d(4, 8, 3, groups=4), (3, 4)),
        (lambda: nn.ConvTranspose3d(5, 2, 3), (3, 5)),
        (lambda: nn.LazyConv2d(2, 3), (2, None)),
        (lambda: nn.Linear(3, 4), (None, None)),
        (lambda: nn.DataParallel(nn.Conv2d(3, 4, 1)), (2, 3)),
        (lambda: torch.compile(nn.Conv2d(3, 4, 1)), (2, 3)),
        (lambda: torch.jit.script(nn.Sequential(nn.Conv3d(4, 8, 1, groups=2))), (3, 4)),
        (
            lambda: torch.jit.trace(nn.Sequential(nn.Conv2d(4, 8, 1)), torch.ones(1, 4, 2, 2)),
            (2, None),
        ),
        (
            lambda: torch.export.export(nn.Conv2d(4, 8, 1), (torch.ones(1, 4, 2, 2),)).module(),
            (2, 4),
        ),
    ],
)
def test_expected_input(made, expected):
    assert expected_input(made()) == expected


def test_wrong_channels():
    with pytest.raises(ImageError) as caught:
        check_input(Net(), torch.rand(1, 3, 13, 11), name="ct")
    assert (
        str(caught.value)
        == "The model's first convolution 'blocks.0' takes 1 channel, the image 'ct' has 3."
    )


def test_the_first_convolution_is_the_first_that_runs():
    class Reversed(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Conv2d(8, 2, 1)
            self.first = nn.Conv2d(3, 8, 1)

        def forward(self, x):
            return self.last(self.first(x))

    check_input(Reversed(), torch.rand(1, 3, 4, 4))
    with pytest.raises(ImageError, match="'first' takes 3 channels, the image has 1"):
        check_input(Reversed(), torch.rand(1, 1, 4, 4))


def test_a_network_that_adds_channels_itself():
    class Coordinates(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return self.conv(torch.cat([x, torch.zeros_like(x[:, :1]).expand(-1, 2, -1, -1)], 1))

    check_input(Coordinates(), torch.rand(1, 1, 4, 4))
    with pytest.raises(ImageError, match="takes 3 channels and was given 5, the image has 3"):
        check_input(Coordinates(), torch.rand(1, 3, 4, 4))


def test_an_error_deeper_down_is_not_blamed_on_the_image():
    network = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(3, 4, 1))
    with pytest.raises(ModelError, match=r"shape \(1, 1, 4, 4\).*Given groups=1"):
        check_input(network, torch.rand(1, 1, 4, 4))


@pytest.mark.parametrize("shape", [(1, 1, 9, 9), (1, 2, 9, 9)])
def test_a_2d_image_for_a_3d_network_that_would_raise_nothing(shape):
    network = Silent3D()
    if shape[1] == 1:
        assert network(torch.rand(shape)).shape  # it really does not
    for ask in (check_input, layers):
        with pytest.raises(ImageError) as caught:
            ask(network, torch.rand(shape), name="photo")
        assert (
            str(caught.value)
            == "The model's first convolution 'conv1' is 3D, the image 'photo' is 2D."
        )


def test_a_3d_image_for_a_2d_network():
    with pytest.raises(ImageError, match=r"'blocks.0' is 2D, the image 'ct' is 3D"):
        check_input(Net(), torch.rand(1, 1, 5, 13, 11), name="ct")


def test_a_network_that_slices_volumes_itself_is_right():
    class Slices(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return self.conv(x.flatten(0, 2)[:, None]).mean((2, 3)).mean(0, keepdim=True)

    check_input(Slices(), torch.rand(1, 1, 5, 6, 7))


def test_an_image_of_the_wrong_size():
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(16, 2))
    check_input(network, torch.rand(1, 1, 6, 6))
    with pytest.raises(
        ModelError, match=r"'2' takes 16 features and was given 36: was the network"
    ):
        check_input(network, torch.rand(1, 1, 8, 8))


def test_a_model_that_raises():
    class Raising(nn.Module):
        def forward(self, x):
            return x[self.nothing]

    with pytest.raises(ModelError) as caught:
        check_input(Raising(), torch.rand(1, 1, 4, 4), name="ct")
    message = str(caught.value)
    assert "for the image 'ct' of shape (1, 1, 4, 4): AttributeError" in message
    assert "return x[self.nothing]" in message
    assert "test_model_layers.py" in message


def test_scripted_models_that_raise():
    scripted = torch.jit.script(nn.Sequential(nn.Conv2d(3, 2, 3)))
    with pytest.raises(ModelError, match="to have 3 channels, but got 1 channels"):
        check_input(scripted, torch.rand(1, 1, 5, 5))


@pytest.mark.parametrize("ask", [check_input, layers])
def test_the_image_is_as_before_although_the_network_works_in_place(ask):
    class InPlace(nn.Conv2d):
        def forward(self, x):
            x -= 0.5
            return super().forward(x)

    image = torch.rand(1, 1, 4, 4)
    before = image.clone()
    ask(nn.Sequential(InPlace(1, 1, 3)), image)
    assert torch.equal(image, before)


@pytest.mark.parametrize(("code", "said"), [("3", "3"), ("", ""), ("'no'", "'no'")])
def test_a_network_that_ends_the_process_is_told(code, said):
    class Leaves(nn.Module):
        def forward(self, x):
            exec(f"import sys; sys.exit({code})")

    with pytest.raises(ModelError, match=rf"the model called sys\.exit\({said}\)"):
        check_input(Leaves(), torch.rand(1, 1, 4, 4))
