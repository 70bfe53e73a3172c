"""What a wrapper must keep to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from esegeta.probe import Region, Target
from esegeta.probe.network import Network
from esegeta.testing.cases import CASES, Case
from esegeta.testing.contract import Contract


class WrapperContract(Contract):
    """What every wrapper must keep to."""

    #: A wrapper sees the output, whichever way it was made.
    cases: ClassVar[Sequence[Case]] = [case for case in CASES if not case.patched]

    def target(self) -> Target:
        """A fresh target through the wrapper."""
        plugin = self.found()
        chosen = plugin.validate(self.parameters)
        wrapper = partial(plugin.function, **plugin.arguments(chosen))
        return Target(wrapper, "predicted", region=Region())

    def test_scores_every_class(self, case: Case) -> None:
        """Class scores have the shape (N, classes) and do not depend on the batch."""
        model, target = Network(case.model()), self.target()
        images = torch.stack([case.image(), case.image().flip(1), case.image() * 2])
        with torch.no_grad():
            target.freeze(model(images[:1]))
            together = target.scores(model(images))
            apart = torch.cat([target.scores(model(image[None])) for image in images])
        assert together.shape[0] == 3
        assert together.shape[1] >= 2
        torch.testing.assert_close(together, apart)

    def test_mask_stays(self, case: Case) -> None:
        """The score of the first image is the same after another image has been seen."""
        model, target = Network(case.model()), self.target()
        with torch.no_grad():
            output = model(case.image()[None])
            target.freeze(output)
            before = target.scores(output)
            target.scores(model(torch.randn_like(case.image())[None]))
            assert torch.equal(before, target.scores(output))

    def test_a_score_depends_on_its_mask_alone(self, case: Case) -> None:
        """Outside the region's mask of a class the output has no influence on the class's score.

        Of an image in patches only those pass again that the mask says count.
        """
        with torch.no_grad():
            prediction = Network(case.model())(case.image()[None])
        single = prediction[:, :1] - prediction[:, :1].median()  # one class, or two
        for output in (prediction, single):
            target = self.target()
            target.freeze(output)
            mask = target.region.frozen
            if mask is None or mask.shape[2:] != output.shape[2:]:
                continue  # it keeps no account of what counts, and so everything does
            other = (output + torch.randn_like(output)).requires_grad_()
            for index, score in enumerate(target.scores(other)[0]):
                (gradient,) = torch.autograd.grad(score, other, retain_graph=True)
                own = mask[0, index if mask.shape[1] > 1 else 0]
                assert not gradient[0, :, ~own].any(), f"class {index}"

    def test_gradient_is_the_scores_own(self, case: Case) -> None:
        """The gradient at the image is not zero and equals finite differences of the score."""
        model, target = Network(case.model().double()), self.target()
        image = case.image().double()[None]
        target.freeze(model(image))

        def score(x: Tensor) -> Tensor:
            return target.scores(model(x))[:, target.index].sum()

        x = image.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(score(x), x)
        assert gradient.abs().max() > 0
        generator = torch.Generator().manual_seed(1)
        for _ in range(5):
            direction = torch.randn(image.shape, generator=generator, dtype=torch.double)
            with torch.no_grad():
                difference = score(image + 1e-6 * direction) - score(image - 1e-6 * direction)
            expected = (gradient * direction).sum()
            torch.testing.assert_close(difference / 2e-6, expected, rtol=1e-4, atol=1e-6)
