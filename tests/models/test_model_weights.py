import argparse

import numpy as np
import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from esegeta.errors import ModelError
from esegeta.models.weights import load_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, 2)


def net(width=4, seed=0):
    torch.manual_seed(seed)
    made = Net(width)
    made.norm.running_mean.uniform_()
    return made


def same(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def fails(module, path, **options):
    before = {k: v.clone() for k, v in module.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        load_weights(module, path, **options)
    after = module.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in before), "the network was half loaded"
    return str(caught.value)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth", "w.bin", "w.ckpt"])
def test_formats(tmp_path, name):
    path, source, target = tmp_path / name, net(seed=1), net()
    save = save_file if name.endswith("safetensors") else torch.save
    save(source.state_dict(), path)
    load_weights(target, path)
    assert same(source, target)


def test_the_content_counts_not_the_ending(tmp_path):
    path, source, target = tmp_path / "w.bin", net(seed=1), net()
    save_file(source.state_dict(), path)
    load_weights(target, path)
    assert same(source, target)


def test_a_file_from_before_zip(tmp_path):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    torch.save(source.state_dict(), path, _use_new_zipfile_serialization=False)
    load_weights(target, path)
    assert same(source, target)


CONTAINERS = [
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network_weights",
    "ema",
    "generator",
]


@pytest.mark.parametrize("key", CONTAINERS)
def test_containers(tmp_path, key):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    optimiser = torch.optim.Adam(source.parameters())
    source.head.weight.sum().backward()
    optimiser.step()
    content = {"epoch": 3, "step": torch.tensor(7), "optimizer": optimiser.state_dict()}
    torch.save({**content, key: source.state_dict()}, path)
    load_weights(target, path)
    assert same(source, target)


def test_nested_container_and_the_order_of_containers(tmp_path):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    content = {"ema": net(seed=2).state_dict(), "model": {"module": source.state_dict()}}
    torch.save(content, path)
    load_weights(target, path)
    assert same(source, target)


def test_numbers_beside_the_weights_need_no_trust(tmp_path):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    notes = {
        "best": np.float64(0.9),
        "loss": np.float32(2),
        "curve": np.arange(4),
        "n": np.int64(3),
    }
    torch.save({"network_weights": source.state_dict(), **notes}, path)
    load_weights(target, path)
    assert same(source, target)


PREFIXES = ["module.", "model.", "net.", "_orig_mod.", "module.model.", "backbone.unet.", "a."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_of_the_file(tmp_path, prefix):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    torch.save({prefix + k: v for k, v in source.state_dict().items()}, path)
    load_weights(target, path)
    assert same(source, target)


@pytest.mark.parametrize("prefix", ["", "module.", "other."])
def test_prefixes_of_the_network(tmp_path, prefix):
    path, source = tmp_path / "w.pt", net(seed=1)
    torch.save({prefix + k: v for k, v in source.state_dict().items()}, path)
    target = nn.ModuleDict({"inner": nn.ModuleDict({"net": net()})})
    load_weights(target, path)
    assert same(source, target["inner"]["net"])


def test_a_compiled_part(tmp_path):
    path = tmp_path / "w.pt"
    source, target = nn.Sequential(net(seed=1), net(seed=2)), nn.Sequential(net(), net())
    torch.save({k.replace("1.", "1._orig_mod."): v for k, v in source.state_dict().items()}, path)
    load_weights(target, path)
    assert same(source, target)


def test_what_a_training_framework_keeps_beside_the_network_is_left_out(tmp_path):
    path, source, target = tmp_path / "w.ckpt", net(seed=1), net()
    state = {f"model.{k}": v for k, v in source.state_dict().items()}
    torch.save({"state_dict": {**state, "loss.weight": torch.ones(2)}}, path)
    load_weights(target, path)
    assert same(source, target)


def test_a_part_of_another_network_is_refused(tmp_path):
    """A small network must not be found by chance inside a larger one."""
    path = tmp_path / "w.pt"
    torch.save(nn.ModuleDict({"a": nn.Linear(4, 2), "b": nn.Linear(4, 2)}).state_dict(), path)
    assert "unknown to the network" in fails(nn.Linear(4, 2), path)


def test_the_counter_of_training_steps_may_be_absent_or_in_excess(tmp_path):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    state = source.state_dict()
    count = state.pop("norm.num_batches_tracked")
    torch.save(state, path)
    load_weights(target, path)
    assert same(source, target)
    torch.save({**nn.Linear(2, 2).state_dict(), "norm.num_batches_tracked": count}, path)
    load_weights(nn.Linear(2, 2), path)


def test_tied_weights_saved_once(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(3, 3, bias=False)
            self.head = nn.Linear(3, 3, bias=False)
            self.head.weight = self.embed.weight

    path, source, target = tmp_path / "w.safetensors", Tied(), Tied()
    save_model(source, path)
    load_weights(target, path)
    assert torch.equal(source.embed.weight, target.embed.weight)
    assert target.head.weight is target.embed.weight


def test_a_network_that_renames_old_keys_itself(tmp_path):
    class Renaming(Net):
        def _load_from_state_dict(self, state, prefix, *rest):
            for old in [k for k in state if k.startswith("old_head.")]:
                state[old.replace("old_head.", "head.")] = state.pop(old)
            super()._load_from_state_dict(state, prefix, *rest)

    path, source, target = tmp_path / "w.pt", net(seed=1), Renaming()
    old = {k.replace("head.", "old_head."): v for k, v in source.state_dict().items()}
    torch.save(old, path)
    load_weights(target, path)
    assert same(source, target)
    assert "5 " not in fails(net(), path)


def test_lazy_layers_take_the_shape_of_the_file(tmp_path):
    path, source = tmp_path / "w.pt", nn.Conv2d(3, 4, 3)
    torch.save(source.state_dict(), path)
    target = nn.LazyConv2d(4, 3)
    load_weights(target, path)
    assert target.weight.shape == (4, 3, 3, 3)


def test_half_precision_becomes_the_networks(tmp_path):
    path, source, target = tmp_path / "w.safetensors", net(seed=1), net()
    save_file({k: v.half() for k, v in source.state_dict().items()}, path)
    load_weights(target, path)
    assert target.conv.weight.dtype == torch.float32
    assert torch.equal(target.conv.weight, source.conv.weight.half().float())


def test_missing_and_unexpected_keys(tmp_path):
    path = tmp_path / "w.pt"
    state = {f"module.{k}": v for k, v in net(seed=1).state_dict().items()}
    for key in ("module.head.weight", "module.head.bias"):
        del state[key]
    state |= {f"module.deep.{n}.weight": torch.ones(1) for n in range(7)}
    torch.save(state, path)
    message = fails(net(), path)
    assert "2 of the network's keys are missing in the file: head.weight, head.bias" in message
    assert "7 of the file's keys are unknown to the network: module.deep.0.weight" in message
    assert "module.deep.4.weight, and 2 more" in message


def test_shapes(tmp_path):
    path = tmp_path / "w.pt"
    torch.save(net(width=8).state_dict(), path)
    message = fails(net(width=4), path)
    assert "conv.weight: file (8, 1, 3, 3) ≠ network (4, 1, 3, 3)" in message
    assert "missing" not in message


def test_another_network_altogether(tmp_path):
    path = tmp_path / "w.pt"
    torch.save(nn.LSTM(2, 3).state_dict(), path)
    message = fails(net(), path)
    assert "8 of the network's keys are missing" in message
    assert "4 of the file's keys are unknown" in message


def test_a_pickle_needs_trust(tmp_path):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    options = argparse.Namespace(lr=1e-3)
    torch.save({"state_dict": source.state_dict(), "options": options}, path)
    message = fails(target, path)
    assert "argparse.Namespace" in message
    assert '"trust": true' in message
    assert "runs code" in message
    load_weights(target, path, trust=True)
    assert same(source, target)


def test_trust_still_runs_no_code_that_nothing_needs(tmp_path, monkeypatch):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    torch.save(source.state_dict(), path)
    asked, load = [], torch.load
    monkeypatch.setattr(
        torch, "load", lambda *a, weights_only, **k: (asked.append(weights_only), load(*a, **k))[1]
    )
    load_weights(target, path, trust=True)
    assert asked == [True]


def test_code_does_not_run_without_trust(tmp_path):
    class Evil:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    path = tmp_path / "w.pt"
    torch.save({"state_dict": net().state_dict(), "x": Evil()}, path)
    assert "the first is exec" in fails(net(), path)
    assert not (tmp_path / "ran").exists()


def test_a_whole_network_as_trusted_weights(tmp_path):
    path, source, target = tmp_path / "w.pt", net(seed=1), net()
    torch.save(source, path)
    load_weights(target, path, trust=True)
    assert same(source, target)


def test_files_that_are_whole_networks(tmp_path):
    scripted, exported = tmp_path / "s.pt", tmp_path / "e.pt2"
    line = nn.Linear(2, 2).eval()
    torch.jit.save(torch.jit.script(line), scripted)
    torch.export.save(torch.export.export(line, (torch.ones(1, 2),)), exported)
    assert 'TorchScript network, not weights; give it as "file"' in fails(line, scripted)
    assert 'torch.export network, not weights; give it as "file"' in fails(line, exported)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "old.pt"])
@pytest.mark.parametrize("part", [0, 0.02, 0.5, 0.98])
def test_truncated(tmp_path, name, part):
    path = tmp_path / name
    if name == "old.pt":
        torch.save(net().state_dict(), path, _use_new_zipfile_serialization=False)
    else:
        (save_file if name == "w.safetensors" else torch.save)(net().state_dict(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    message = fails(net(), path)
    assert "broken" in message
    assert name in message
    assert len(message) < 1200


def test_no_weights(tmp_path):
    path = tmp_path / "w.pt"
    torch.save({"epoch": 3, "lr": 0.1}, path)
    assert "holds no weights: its keys are epoch, lr" in fails(net(), path)
    torch.save(3, path)
    assert "it holds a int" in fails(net(), path)
    path.write_text("these are no weights")
    assert "valid are safetensors" in fails(net(), path)
    assert "does not exist" in fails(net(), tmp_path / "none.pt")
    assert "is a folder" in fails(net(), tmp_path)
