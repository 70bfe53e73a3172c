"""What a method must keep to."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from esegeta.engine import expected, make_probe, require_task, run_method
from esegeta.errors import EsegetaError
from esegeta.explanation import Explanation
from esegeta.learning import Artifact
from esegeta.probe import Probe
from esegeta.testing.cases import LAYER, Case
from esegeta.testing.contract import Contract
from esegeta.testing.training import trained

_PLAIN: dict[type, dict[Case, Explanation]] = {}
_TRAINED: dict[tuple[str, int, str], Artifact] = {}


class MethodContract(Contract):
    """What every attribution, layer-attribution and explainability method must keep to."""

    #: Settings that make a method's training, where it has one, cheap enough to test.
    training: ClassVar[Mapping[str, Any]] = {}
    #: The same of what that training builds on, where it builds on another.
    base: ClassVar[Mapping[str, Any]] = {}

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

    def artifact(self, case: Case) -> Artifact | None:
        """What the method is trained to for the case's network; made once."""
        if not self.found().takes_artifact:
            return None
        key = self.plugin, case.ndim, case.task
        if key not in _TRAINED:
            _TRAINED[key] = trained(self.plugin, case, self.folders, self.training, self.base)
        return _TRAINED[key]

    def explanation(self, probe: Probe, case: Case) -> Explanation:
        """Run the method with the class's parameters."""
        plugin = self.found()
        return run_method(
            probe,
            plugin,
            layer=LAYER if plugin.takes_layer else None,
            artifact=self.artifact(case),
            parameters=plugin.validate(self.parameters),
        )

    def plain(self, case: Case) -> Explanation:
        """What the method gives of a case, which several tests compare with; made once."""
        known = _PLAIN.setdefault(type(self), {})
        if case not in known:
            known[case] = self.explanation(self.probe(case), case)
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
        assert torch.equal(first, self.explanation(self.probe(case), case).map)

    def test_independent_of_the_batch(self, case: Case) -> None:
        """One image at a time gives the same map as many at once."""
        many = self.plain(case).map
        one = self.explanation(self.probe(case, memory=1), case).map
        torch.testing.assert_close(one, many, rtol=1e-3, atol=1e-4 * float(many.abs().max()))

    def test_in_double_precision(self, case: Case) -> None:
        """A model in float64 gives the same map, so nothing is tied to float32."""
        single = self.plain(case).map
        double = self.explanation(self.probe(case, case.model().double()), case).map
        torch.testing.assert_close(single, double, rtol=1e-2, atol=1e-3 * float(double.abs().max()))

    def test_leaves_everything_as_it_was(self, case: Case) -> None:
        """Weights, hooks, flags, gradients, random states and the image are as before."""
        model = case.model().train()
        before = {k: v.clone() for k, v in model.state_dict().items()}
        states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]
        image = case.image()
        self.explanation(self.probe(case, model, image=image), case)
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
        self.explanation(self.probe(case), case)

    def test_costs_what_it_says(self, case: Case) -> None:
        """The passes announced for the plan are those that a fresh probe takes."""
        plugin = self.found()
        announced = expected(self.probe(case), plugin, plugin.validate(self.parameters))
        taken = self.plain(case).passes
        for kind, said in (("forward", announced.forward), ("backward", announced.backward)):
            assert taken[kind] <= said * 1.1 + 1, kind
            # Of an image in patches only those pass that a question is about.
            assert case.patched or taken[kind] >= said * 0.9 - 1, kind
