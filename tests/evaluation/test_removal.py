"""Images with more and more removed."""

import torch

from esegeta.evaluation.imputing import Imputer
from esegeta.evaluation.removal import Removal
from tests.evaluation.judged import Lit, case_of

IMAGE = 1 + torch.rand((2, 4, 6), generator=torch.Generator().manual_seed(0))


def removal(order, fractions, empty=None, seed=0):
    imputer = Imputer(IMAGE[None], empty)
    return Removal(imputer, order, fractions, torch.Generator().manual_seed(seed))


def test_the_first_of_the_order_go_first():
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    images = removal(order, [0, 1 / 24, 0.5, 1], torch.zeros(1, 2, 4, 6))(0, 4)
    gone = (images == 0).all(1).flatten(1)
    assert gone.sum(1).tolist() == [0, 1, 12, 24]
    assert sorted(gone[2].nonzero()[:, 0].tolist()) == sorted(order[:12].tolist())


def test_images_do_not_depend_on_how_many_are_made_at_once():
    order, fractions = torch.arange(24), [0.1, 0.4, 0.8]
    together = removal(order, fractions)(0, 3)
    apart = torch.cat([removal(order, fractions)(n, n + 1) for n in range(3)])
    assert torch.equal(together, apart)
    assert not torch.equal(together, removal(order, fractions, seed=1)(0, 3))


def test_confidences_are_those_of_the_images():
    case = case_of(Lit(torch.ones(4, 6), slope=4.0, middle=1), IMAGE, torch.rand(1, 4, 6))
    found = case.removed([0, 0.25, 1], torch.arange(24), "zero")
    means = torch.stack([IMAGE.mean(), IMAGE.flatten(1)[:, 6:].sum() / 48, torch.tensor(0.0)])
    torch.testing.assert_close(found, torch.sigmoid(4 * means - 4), rtol=1e-4, atol=1e-5)


def test_only_as_many_images_pass_as_are_asked_for():
    case = case_of(Lit(torch.ones(4, 6)), IMAGE, torch.rand(1, 4, 6))
    case.removed([0.1, 0.2, 0.3], case.order(), "mean")
    assert case.probe.passes.forward <= 5  # the image itself, and one batch proved independent
