"""Mixed precision: float32 sums, the error stated, refused where it is wrong."""

import pytest
import torch

from esegeta.errors import MethodError
from tests.nets import Segmenter, net, probe_of, run

IMAGE = torch.randn(2, 24, 20, generator=torch.Generator().manual_seed(2))
METHODS = {
    "saliency": (None, {}), "integrated_gradients": (None, {"steps": 8}), "grad_cam": ("c", {"relu": False}),
    "occlusion": (None, {"window": 6}), "rise": (None, {"masks": 60, "grid": 4}),
    "guided_backprop": (None, {}), "layer_activation": ("b", {}),
}  # fmt: skip


def error(check):
    return next(c for c in check if c.name == "amp error").value


@pytest.mark.parametrize("name", METHODS)
def test_bf16_maps_correlate_and_carry_their_error(name):
    layer, options = METHODS[name]
    exact = run(probe_of(net(), IMAGE, target=1), name, layer, **options)
    found = run(probe_of(net(), IMAGE, target=1, amp=torch.bfloat16), name, layer, **options)
    both = torch.stack([exact.map.flatten(), found.map.flatten()])
    flagged = not next(c for c in found.checks if c.name == "amp error").passed
    assert float(torch.corrcoef(both)[0, 1]) > (0.6 if flagged else 0.95)
    assert flagged == (name in ("occlusion", "rise"))  # differences of scores lose most
    assert found.map.dtype == torch.float32
    assert error(found.checks) > 0
    assert not [c for c in exact.checks if c.name == "amp error"]


def test_the_error_is_that_of_the_gradient_and_flagged_when_large():
    probe = probe_of(net(), IMAGE, target=1, amp=torch.bfloat16)
    found = run(probe, "saliency")
    exact = run(probe_of(net(), IMAGE, target=1), "saliency").map
    assert error(found.checks) == pytest.approx(
        float((found.map - exact).norm() / exact.norm()), rel=1e-4
    )


def test_the_error_of_small_differences_of_large_numbers_is_flagged():
    class Fragile(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(2, 3, 3)

        def forward(self, x):
            offset = 50.0 * torch.eye(2)  # a product that autocast takes to half precision
            both = torch.stack([self.conv(x).flatten(2).mean(2), torch.ones(len(x), 3)], 2) @ offset
            return both[..., 0] + both[..., 1]

    probe = probe_of(Fragile(), IMAGE, target=1, amp=torch.bfloat16)
    assert not run(probe, "occlusion", window=8).checks[-1].passed


def test_the_spot_is_shared_by_the_methods_of_a_group():
    probe = probe_of(net(), IMAGE, amp=torch.bfloat16)
    first = run(probe, "saliency")
    again = run(probe, "input_x_gradient")
    assert error(first.checks) == error(again.checks)
    assert again.passes == {"forward": 0, "backward": 0}


def test_class_and_mask_are_the_same_in_both_precisions():
    probe = probe_of(Segmenter().eval(), IMAGE[:1], task="segmentation", amp=torch.bfloat16)
    found = run(probe, "saliency")
    full = probe.in_full_precision()
    assert full.target is probe.target
    assert full.value == pytest.approx(probe.value, rel=0.05)
    assert error(found.checks) < 0.2


def test_it_is_refused_where_it_is_wrong_or_endless():
    with pytest.raises(MethodError, match="needs full precision"):
        run(probe_of(net(), IMAGE, amp=torch.bfloat16), "captum.deep_lift")
    with pytest.raises(MethodError, match="fp16 on a CPU"):
        run(probe_of(net(), IMAGE, amp=torch.float16), "saliency")
