"""An attempt that was ended goes on from what it had found."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from esegeta.engine import make_probe, run_method
from esegeta.probe import Patches
from esegeta.registry import find
from esegeta.runs import partial
from esegeta.runs.partial import Partial
from esegeta.testing import LAYER, Case

IMAGE = torch.rand((2, 20, 16), generator=torch.Generator().manual_seed(5))


@pytest.fixture(autouse=True)
def keep_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "WORTH", 0.0)
    monkeypatch.setattr(partial, "EVERY", 0.0)


class Power(nn.Module):
    """A network whose power fails after some batches."""

    def __init__(self, left: int | None = None) -> None:
        super().__init__()
        self.net = Case(2, "segmentation").model()
        self.left = left

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return self.net(x)


def probe_of(model: nn.Module):
    wrapper = find([]).get("pixelwise", "wrapper")
    patches = Patches(8, 4, batch=1)
    return make_probe(
        model,
        IMAGE,
        wrapper=wrapper,
        patches=patches,
        layers=[f"net.{LAYER}"],
        mask="all",
        target=1,
    )


METHODS = {
    "saliency": {},
    "grad_cam": {},
    "guided_backprop": {},
    "integrated_gradients": {"steps": 3},
    "smooth_grad": {"samples": 3},
    "occlusion": {"window": 6},
    "rise": {"masks": 4, "grid": 3},
}


def explained(name: str, model: nn.Module, kept: Partial | None):
    plugin = find([]).get(name)
    probe = probe_of(model)
    found = run_method(
        probe,
        plugin,
        layer=f"net.{LAYER}" if plugin.takes_layer else None,
        parameters=plugin.validate(METHODS[name]),
        seed=4,
        checkpoint=kept,
    )
    return found, probe.network.counts


def ends() -> Iterator[int]:
    yield from (1, 12, 13, 14, 20, 30, 41)


@pytest.mark.parametrize("name", METHODS)
def test_an_attempt_goes_on_where_the_last_was_ended(name, tmp_path):
    whole, full = explained(name, Power(), None)
    for end in ends():
        folder = tmp_path / str(end)
        try:
            explained(name, Power(end), Partial(folder, "a"))
        except KeyboardInterrupt:
            pass
        else:
            continue
        resumed, counts = explained(name, Power(), Partial(folder, "a"))
        torch.testing.assert_close(resumed.map, whole.map, rtol=0, atol=0)
        # Again passes the image itself, as the target is chosen on it, and one that was on its way.
        once = len(probe_of(Power()).network.tiling)
        assert counts.forward <= full.forward - max(0, end - 2 * once - 1)
        assert ("resumed" in resumed.notes) == (counts.forward < full.forward)


def test_what_was_found_for_something_else_is_not_used(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        explained("occlusion", Power(40), Partial(tmp_path / "c", "a"))
    assert (tmp_path / "c" / "scores.jsonl").exists()
    other, _ = explained("occlusion", Power(), Partial(tmp_path / "c", "b"))
    assert "resumed" not in other.notes


def test_a_line_that_was_not_finished_counts_as_none(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        explained("occlusion", Power(40), Partial(tmp_path, "a"))
    scores = tmp_path / "scores.jsonl"
    lines = scores.read_text().splitlines(keepends=True)
    scores.write_text("".join(lines[:-1]) + lines[-1][:20])
    whole, _ = explained("occlusion", Power(), None)
    resumed, _ = explained("occlusion", Power(), Partial(tmp_path, "a"))
    assert torch.equal(resumed.map, whole.map)
    # A third finds what the second added after the broken line.
    _, counts = explained("occlusion", Power(), Partial(tmp_path, "a"))
    assert counts.forward == len(probe_of(Power()).network.tiling)


def test_short_answers_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(partial, "WORTH", 1e9)
    monkeypatch.setattr(partial, "EVERY", 1e9)
    explained("integrated_gradients", Power(), Partial(tmp_path / "c", "a"))
    assert not list((tmp_path / "c").glob("*.safetensors"))
