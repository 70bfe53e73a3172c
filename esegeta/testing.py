"""The conformance tests that every plug-in passes; an author inherits them.

A test file of one class is enough::

    from esegeta.testing import MethodContract

    class TestRise(MethodContract):
        plugin = "rise"
        parameters = {"masks": 20}  # what makes it cheap

It needs pytest (extra ``test``).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esegeta.engine import expected, make_probe, require_task, run_method
from esegeta.errors import EsegetaError
from esegeta.explanation import Explanation
from esegeta.plugin import Plugin
from esegeta.probe import Patches, Probe, Region, Target
from esegeta.probe.network import Network
from esegeta.registry import Registry, find

#: The layer of the test networks that layer methods are asked about.
LAYER = "middle"


class TinyNet(nn.Module):
    """A small network of either task, written in the ways that users write.

    It works on its input in place, has module, in-place and functional rectifiers, and a shortcut
    that returns its input.

    Parameters
    ----------
    ndim : int
        2 or 3.
    task : {"classification", "segmentation"}
    """

    def __init__(self, ndim: int, task: str) -> None:
        super().__init__()
        conv: Any = nn.Conv2d if ndim == 2 else nn.Conv3d
        norm: Any = nn.BatchNorm2d if ndim == 2 else nn.BatchNorm3d
        self.task = task
        self.first = conv(2, 6, 3, padding=1)
        self.norm = norm(6)
        self.act = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        self.middle = conv(6, 8, 3, padding=1, stride=2)
        self.head: nn.Module = nn.Linear(8, 3) if task == "classification" else conv(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 3), or (N, 3, *spatial)."""
        spatial = x.shape[2:]
        x -= 0.1
        x = self.act(self.norm(self.first(x)))
        x = F.relu(self.middle(x + self.shortcut(x)))
        if self.task == "classification":
            scores: Tensor = self.head(x.flatten(2).mean(2))
            return scores
        return F.interpolate(self.head(x), size=spatial, mode="nearest")


@dataclass(frozen=True)
class Case:
    """A network and an image of one task and dimension, the same every time.

    Parameters
    ----------
    ndim : int
        2 or 3.
    task : {"classification", "segmentation"}
    patched : bool
        Whether the image passes in patches.
    """

    ndim: int
    task: str
    patched: bool = False

    def __str__(self) -> str:
        return f"{self.ndim}d-{self.task}" + ("-patched" if self.patched else "")

    @property
    def patches(self) -> Patches | None:
        """How the image is cut, where it is."""
        return Patches(8, 4) if self.patched else None

    def model(self) -> nn.Module:
        """A fresh network with random weights and running statistics."""
        with torch.random.fork_rng():
            torch.manual_seed(1)
            net = TinyNet(self.ndim, self.task)
            for _ in range(3):
                net(torch.randn(4, 2, *self.spatial))
        return net.eval()

    @property
    def spatial(self) -> tuple[int, ...]:
        """Even and odd sides, all different."""
        return (16, 12) if self.ndim == 2 else (12, 8, 9)

    def image(self) -> Tensor:
        """(2, *spatial)."""
        return torch.rand((2, *self.spatial), generator=torch.Generator().manual_seed(3))


CASES = [Case(ndim, task) for ndim in (2, 3) for task in ("classification", "segmentation")]
CASES += [Case(ndim, "segmentation", patched=True) for ndim in (2, 3)]


@cache
def _found(folders: tuple[Path, ...]) -> Registry:
    return find(folders)


class _Contract:
    """Finds the plug-in and makes a test per case that it says it serves."""

    plugin: ClassVar[str]
    #: Folders with plug-ins beside the built-in ones.
    folders: ClassVar[Sequence[Path]] = ()
    #: Settings that make the method cheap enough to test.
    parameters: ClassVar[Mapping[str, Any]] = {}
    #: What it is tried on, where it serves that.
    cases: ClassVar[Sequence[Case]] = CASES

    @classmethod
    def registry(cls) -> Registry:
        """The registry that knows the plug-in."""
        return _found(tuple(Path(folder) for folder in cls.folders))

    @classmethod
    def found(cls) -> Plugin:
        """The plug-in itself."""
        return cls.registry().get(cls.plugin)

    @classmethod
    def served(cls) -> list[Case]:
        """What it is tried on."""
        plugin = cls.found()
        return [c for c in cls.cases if c.ndim in plugin.ndim and c.task in plugin.tasks]

    @classmethod
    def refused(cls) -> list[Case]:
        """What it has to refuse: what the others serve and it does not."""
        served = set(map(str, cls.served()))
        return [case for case in CASES if str(case) not in served]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test per dimension and task that the plug-in serves."""
        if "case" in metafunc.fixturenames:
            metafunc.parametrize("case", self.served(), ids=str)

    def test_is_described(self) -> None:
        """Its docstring, its paper and the help of every parameter are there for people to read."""
        plugin = self.found()
        assert plugin.summary
        assert plugin.family == "wrapper" or plugin.paper
        for name, schema in plugin.parameters.model_json_schema().get("properties", {}).items():
            assert schema.get("description"), f"parameter {name} has no help"


_PLAIN: dict[type, dict[Case, Explanation]] = {}


class MethodContract(_Contract):
    """What every attribution, layer-attribution and explainability method must keep to."""

    def probe(self, case: Case, model: nn.Module | None = None, **options: Any) -> Probe:
        """A fresh probe of the case's network."""
        wrapper = "pixelwise" if case.task == "segmentation" else "classification"
        return make_probe(
            model or case.model(),
            options.pop("image", case.image()),
            wrapper=self.registry().get(wrapper, "wrapper"),
            layers=[LAYER] if self.found().takes_layer else [],
            patches=case.patches,
            **options,
        )

    def explanation(self, probe: Probe) -> Explanation:
        """Run the method with the class's parameters."""
        plugin = self.found()
        return run_method(
            probe,
            plugin,
            layer=LAYER if plugin.takes_layer else None,
            parameters=plugin.validate(self.parameters),
        )

    def plain(self, case: Case) -> Explanation:
        """What the method gives of a case, which several tests compare with; made once."""
        known = _PLAIN.setdefault(type(self), {})
        if case not in known:
            known[case] = self.explanation(self.probe(case))
        return known[case]

    def test_map_lies_on_the_image(self, case: Case) -> None:
        """Shape, type, device; finite, and neither zero nor constant (or the run itself raises)."""
        found = self.plain(case)
        if found.kind == "sheet":
            assert found.map.dim() == 3
            assert len(found.map) in (1, 3)
        else:
            assert found.map.shape[1:] == case.spatial
            assert len(found.map) in (1, 2)
        assert found.map.dtype == torch.float32
        assert found.map.device.type == "cpu"
        assert found.map.isfinite().all()
        assert found.map.std() > 0
        assert all(check.passed for check in found.checks), found.checks

    def test_same_seed_same_map(self, case: Case) -> None:
        """Chance comes from the probe's generator or the seeded global ones alone."""
        first = self.plain(case).map
        torch.rand(5)
        assert torch.equal(first, self.explanation(self.probe(case)).map)

    def test_independent_of_the_batch(self, case: Case) -> None:
        """One image at a time gives the same map as many at once."""
        many = self.plain(case).map
        one = self.explanation(self.probe(case, memory=1)).map
        torch.testing.assert_close(one, many, rtol=1e-3, atol=1e-4 * float(many.abs().max()))

    def test_in_double_precision(self, case: Case) -> None:
        """A model in float64 gives the same map, so nothing is tied to float32."""
        single = self.plain(case).map
        double = self.explanation(self.probe(case, case.model().double())).map
        torch.testing.assert_close(single, double, rtol=1e-2, atol=1e-3 * float(double.abs().max()))

    def test_leaves_everything_as_it_was(self, case: Case) -> None:
        """Weights, hooks, flags, gradients, random states and the image are as before."""
        model = case.model().train()
        before = {k: v.clone() for k, v in model.state_dict().items()}
        states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]
        image = case.image()
        self.explanation(self.probe(case, model, image=image))
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
        for module in model.modules():
            assert module.training
            assert not module._forward_hooks
            assert not module._forward_pre_hooks
            assert not module._backward_hooks
            assert not module._backward_pre_hooks
        assert all(p.requires_grad and p.grad is None for p in model.parameters())
        assert torch.equal(image, case.image())
        assert torch.equal(states[0], torch.get_rng_state())
        assert np.array_equal(states[1], np.random.get_state()[1])  # type: ignore[index]
        assert states[2] == random.getstate()

    def test_refuses_the_rest_with_a_reason(
        self, record_property: Callable[[str, object], None]
    ) -> None:
        """What it does not serve fails with a sentence, not with a picture or a traceback."""
        reasons = {}
        for case in self.refused():
            with pytest.raises(EsegetaError) as caught:
                self._try(case)
            reasons[str(case)] = str(caught.value)
        record_property("refused", reasons)

    def _try(self, case: Case) -> None:
        require_task(self.found(), case.task)
        self.explanation(self.probe(case))

    def test_costs_what_it_says(self, case: Case) -> None:
        """The passes announced for the plan are those that a fresh probe takes."""
        plugin = self.found()
        announced = expected(self.probe(case), plugin, plugin.validate(self.parameters))
        taken = self.plain(case).passes
        for kind, said in (("forward", announced.forward), ("backward", announced.backward)):
            assert taken[kind] <= said * 1.1 + 1, kind
            # Of an image in patches only those pass that a question is about.
            assert case.patched or taken[kind] >= said * 0.9 - 1, kind


class WrapperContract(_Contract):
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
