"""What a metric must keep to."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from torch import nn

from esegeta import evaluation
from esegeta.engine import expected, make_probe, run_method
from esegeta.evaluation import Measure
from esegeta.isolation import quarantine
from esegeta.probe import Probe
from esegeta.testing.cases import Case
from esegeta.testing.contract import Contract


class MetricContract(Contract):
    """What every metric must keep to, on maps of slopes and of shares."""

    def probe(self, case: Case, model: nn.Module | None = None) -> Probe:
        """A fresh probe of the case's network."""
        wrapper = "pixelwise" if case.task == "segmentation" else "classification"
        return make_probe(
            model or case.model(),
            case.image(),
            wrapper=self.registry().get(wrapper, "wrapper"),
            patches=case.patches,
        )

    def judged(
        self, case: Case, method: str, model: nn.Module | None = None
    ) -> tuple[Measure, Probe]:
        """Judge the map of a method; also give the probe that was asked."""
        plugin, metric = self.registry().get(method), self.found()
        made = run_method(self.probe(case), plugin).map
        probe = self.probe(case, model)
        _ = probe.value  # a job's probe has seen its image
        label = torch.zeros(case.spatial, dtype=torch.long)
        label[tuple(slice(1, 5) for _ in case.spatial)] = max(1, probe.index)
        asked = evaluation.Case(probe, made, plugin, label=label, own_seed=4)
        with quarantine(4):
            parameters = metric.validate(self.parameters)
            found: Measure = metric.function(asked, **metric.arguments(parameters))
        return found, probe

    @pytest.fixture(params=["saliency", "input_x_gradient"])
    def method(self, request: pytest.FixtureRequest) -> str:
        """A method of slopes, and one of shares."""
        return str(request.param)

    def test_gives_finite_numbers(self, case: Case, method: str) -> None:
        """The value and whatever comes with it; an error is no less than zero."""
        found, _ = self.judged(case, method)
        points = [number for curve in found.curves.values() for point in curve for number in point]
        assert all(map(math.isfinite, (found.value, *found.more.values(), *points)))
        assert found.error is None or found.error >= 0
        assert all(isinstance(number, float) for number in (found.value, *found.more.values()))

    def test_same_seed_same_measure(self, case: Case, method: str) -> None:
        """Chance comes from the case's generator, or the seeded global ones."""
        first, _ = self.judged(case, method)
        torch.rand(5)
        again, _ = self.judged(case, method)
        assert (first.value, dict(first.more)) == (again.value, dict(again.more))

    def test_leaves_everything_as_it_was(self, case: Case, method: str) -> None:
        """Weights, hooks, flags and random states are as before."""
        model = case.model().train()
        before = {k: v.clone() for k, v in model.state_dict().items()}
        states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]
        self.judged(case, method, model=model)
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
        assert all(m.training and not m._forward_hooks for m in model.modules())
        assert all(p.requires_grad and p.grad is None for p in model.parameters())
        assert torch.equal(states[0], torch.get_rng_state())
        assert np.array_equal(states[1], np.random.get_state()[1])  # type: ignore[index]
        assert states[2] == random.getstate()

    def test_costs_what_it_says(self, case: Case, method: str) -> None:
        """The passes announced for the plan are those that it takes."""
        metric, plugin = self.found(), self.registry().get(method)
        one = expected(self.probe(case), plugin, plugin.validate({}))
        announced = metric.judging(metric.validate(self.parameters), one)
        _, probe = self.judged(case, method)
        fresh = self.probe(case)
        _ = fresh.value
        for kind in ("forward", "backward"):
            said = getattr(announced, kind)
            taken = getattr(probe.passes, kind) - getattr(fresh.passes, kind)
            assert taken <= said * 1.15 + 3, kind
            # Of an image in patches only those pass that a question is about.
            assert case.patched or taken >= said * 0.85 - 3, kind
