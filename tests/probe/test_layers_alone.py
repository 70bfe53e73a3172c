"""A layer that is asked alone costs what lies behind it, and no more passes than it needs."""

import pytest
import torch
from torch import nn

from tests.nets import net, probe_of, run

IMAGE = torch.randn(2, 9, 8, generator=torch.Generator().manual_seed(2))
ZERO = torch.zeros(1, 2, 9, 8)
START = torch.randn(1, 2, 9, 8, generator=torch.Generator().manual_seed(3))


def counts(probe):
    return probe.passes.forward, probe.passes.backward


def test_a_layer_s_values_alone_need_no_backward_pass():
    probe = probe_of(net(), IMAGE, layers=["b", "c"], image_gradient=False)
    run(probe, "layer_activation", "c")
    run(probe, "layer_activation", "b")
    assert counts(probe) == (1, 0)
    run(probe, "grad_cam", "c", relu=False)  # goes back where the forward pass has ended
    run(probe, "grad_cam", "b", relu=False)
    assert counts(probe) == (1, 1)


def test_a_begun_pass_does_not_keep_its_graph_while_other_images_pass():
    probe = probe_of(net(), IMAGE, layers=["b"], image_gradient=False)
    begun = probe.layer("b").activation
    probe.score(probe.image)
    forward, backward = counts(probe)
    torch.testing.assert_close(probe.layer("b").activation, begun)
    probe.layer("b").gradient()
    assert counts(probe) == (forward + 1, backward + 1)


class Beside(nn.Module):
    """What the second layer gives is gated by what the first gives, which goes beside it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.first, self.second = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        x = self.first(x)
        return (self.second(x.relu()).relu() * x.sigmoid()).mean((2, 3))


@pytest.mark.parametrize(
    ("model", "layer", "passes"), [(net(), "b", (3, 1)), (Beside(), "second", (5, 1))]
)
@pytest.mark.parametrize("start", [START, ZERO])
def test_a_layer_alone_is_answered_from_there_where_all_goes_through_it(
    model, layer, passes, start
):
    model, x, start = model.double(), IMAGE.double(), start.double()
    seen = []
    next(model.children()).register_full_backward_hook(lambda *_: seen.append(layer))
    alone = probe_of(model, x, target=1, layers=[layer], image_gradient=False)
    found = alone.contributions(start, alone.layer(layer))
    assert counts(alone) == passes
    assert (seen == []) == (passes[0] == 3)  # else what comes beside the layer differs too
    probe = probe_of(model, x, target=1, layers=[layer])
    torch.testing.assert_close(
        found, probe.contributions(start, probe.layer(layer)), rtol=1e-9, atol=1e-12
    )
    assert alone.checks[-1].value <= 1e-9
