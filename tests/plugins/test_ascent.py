"""What methods that make images are made of: steps, moves, colours, directions."""

import math

import pytest
import torch
from esegeta.plugins.explainability._ascent import Adam, ascend, rolled, shaken
from esegeta.plugins.explainability._canvas import Canvas
from esegeta.plugins.explainability._units import toward
from torch import nn

from tests.nets import net, probe_of


class Filters(nn.Module):
    """A linear layer of the image's own grid, each of whose channels weighs the voxels its own way."""

    def __init__(self, spatial, channels=1, filters=3):
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        self.weight = nn.Parameter(torch.randn(filters, channels, *spatial, generator=generator))
        self.layer = nn.Identity()

    def forward(self, x):
        return self.layer(torch.einsum("kc...,nc...->nk...", self.weight, x)).flatten(2).sum(2)


def test_adam_steps_are_those_of_torch():
    values = torch.tensor([[1.0, -2.0, 0.5]])
    peer = values.clone().requires_grad_()
    optimiser = torch.optim.Adam([peer], lr=0.1, maximize=True)
    adam = Adam(0.1)
    for number in range(1, 6):
        gradient = torch.tensor([[1.0, -0.3, 0.01]]) / number
        values = adam(values, gradient)
        peer.grad = gradient
        optimiser.step()
    torch.testing.assert_close(values, peer.detach())


def test_silent_images_get_louder_and_others_do_not():
    values = torch.full((2, 3), 0.01)
    gradient = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]])
    after = Adam(0.1)(values, gradient)
    torch.testing.assert_close(after[0], 2 * values[0])
    torch.testing.assert_close(after[1], torch.tensor([0.11, 0.01, 0.01]))


@pytest.mark.parametrize("spatial", [(16, 13), (8, 9, 7)])
@pytest.mark.parametrize("kind", ["fourier", "pixel"])
def test_a_canvas_stays_within_the_range_and_its_numbers_are_free(spatial, kind):
    probe = probe_of(net(ndim=len(spatial)), torch.randn(2, *spatial))
    canvas = Canvas(probe, spatial, kind)
    numbers = 100 * canvas.start(3, torch.Generator().manual_seed(1))
    images = canvas.images(numbers.requires_grad_())
    assert images.shape == (3, 2, *spatial)
    assert (images >= canvas.low).all()
    assert (images <= canvas.high).all()
    (gradient,) = torch.autograd.grad(images.square().sum(), numbers)
    assert gradient.isfinite().all()
    assert float((gradient != 0).float().mean()) > 0.8


def test_colours_covary_as_those_of_the_image_and_the_references():
    mix = torch.tensor([[1.0, 0.0], [0.9, 0.1]])
    image, reference = (
        torch.einsum("ck,k...->c...", mix, torch.randn(2, 20, 20)) for _ in range(2)
    )
    probe = probe_of(net(), image, references=[reference])
    colours = Canvas(probe, (20, 20), "pixel").colours
    known = torch.cat([image.flatten(1), reference.flatten(1)], 1)
    covariance = known.cov(correction=0)
    found = colours @ colours.T
    torch.testing.assert_close(found / found.trace(), covariance / covariance.trace())
    assert float(colours.norm(dim=1).max()) == pytest.approx(1)


@pytest.mark.parametrize("spatial", [(20, 14), (10, 12, 8)])
def test_shaking_keeps_constants_and_turns_rigidly(spatial):
    ndim = len(spatial)
    shake = shaken(torch.Generator().manual_seed(1), 1.0)
    constant = torch.full((2, 1, *spatial), 3.0)
    torch.testing.assert_close(shake(constant), constant)
    places = torch.stack(
        torch.meshgrid(*[torch.arange(n) - (n - 1) / 2 for n in spatial], indexing="ij")
    )
    middle = tuple(slice(n // 2 - 1, n // 2 + 2) for n in spatial)
    import esegeta.plugins.explainability._ascent as module

    moved = shaken(torch.Generator().manual_seed(2), 1.0)(places[None])[0][(slice(None), *middle)]
    # The image of the coordinates tells the matrix: a turn times a zoom.
    steps = torch.stack([moved.diff(dim=axis + 1).flatten(1).mean(1) for axis in range(ndim)], 1)
    gram = steps.T @ steps
    zoom = gram.diag().mean()
    torch.testing.assert_close(gram, zoom * torch.eye(ndim), rtol=1e-2, atol=1e-2)
    assert (1 + module.ZOOM) ** -2 - 1e-3 <= float(zoom) <= (1 - module.ZOOM) ** -2 + 1e-3
    assert not torch.allclose(steps, steps.T, atol=1e-3)  # it has turned
    assert shaken(torch.Generator(), 0.0) is None


def test_rolling_loses_nothing():
    image = torch.randn(1, 2, 6, 5)
    moved = rolled(torch.Generator().manual_seed(1))(image)
    assert torch.equal(moved.flatten().sort().values, image.flatten().sort().values)
    assert not torch.equal(moved, image)


def test_each_image_of_a_batch_climbs_in_its_own_direction():
    """In one batch or one by one, and each to its own end."""
    directions = torch.eye(3)
    model = Filters((4, 4), filters=3)
    ends = []
    for memory in (None, 1):
        probe = probe_of(model, torch.randn(1, 4, 4), memory=memory)
        unit = probe.reading("layer", lambda values, images: (
            directions[images] * values.flatten(2).mean(2)
        ).sum(1, keepdim=True))  # fmt: skip
        ends.append(ascend(unit, torch.zeros(3, 1, 4, 4), lambda v, g: v + g, steps=2))
    torch.testing.assert_close(ends[0], ends[1])
    torch.testing.assert_close(ends[0], 2 * model.weight.detach() / 16)


def test_pointing_the_wanted_way_counts_more_than_being_large():
    read = toward(torch.tensor([[1.0, 0.0]]))
    straight = read(torch.tensor([[[1.0], [0.0]]]), slice(0, 1))
    skew = read(torch.tensor([[[1.0], [1.0]]]), slice(0, 1))
    assert float(straight) == pytest.approx(1)
    assert float(skew) == pytest.approx(0.5)
    zero = torch.zeros(1, 2, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(read(zero, slice(0, 1)).sum(), zero)
    assert gradient.isfinite().all()


def test_noise_does_not_depend_on_the_number_of_axes_alone():
    """Frequencies weigh one over their length, the lowest as much as one wave across the image."""
    from esegeta.plugins.explainability._canvas import _weights

    weights = _weights((8, 6))
    assert weights.shape == (8, 4)
    assert float(weights[0, 0]) == pytest.approx(math.sqrt(48) * 8)
    assert float(weights[2, 0]) == pytest.approx(math.sqrt(48) / (2 / 8))
    assert float(weights[1, 1]) == pytest.approx(math.sqrt(48) / math.hypot(1 / 8, 1 / 6))
