import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from esegeta.errors import ModelError
from esegeta.models import load
from esegeta.probe.opaque import opaque

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout()

    def forward(self, x):
        return self.drop(F.relu(self.norm(self.conv(x)))).mean((2, 3))


def _swish(x):
    return x * torch.sigmoid(x)


with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    swish = torch.jit.script(_swish)


class Swishing(nn.Module):
    def forward(self, x):
        return swish(x)


X = torch.rand(1, 2, 8, 8)


def fails(spec):
    with pytest.raises(ModelError) as caught:
        load(spec)
    assert str(caught.value).startswith(f"Model {spec.name!r}: ")
    return str(caught.value)


def script(path, module, traced=False):
    made = torch.jit.trace(module, X, check_trace=False) if traced else torch.jit.script(module)
    torch.jit.save(made, path)
    return path


def export(path, module, batch=1, **options):
    torch.export.save(torch.export.export(module, (X.expand(batch, -1, -1, -1),), **options), path)
    return path


def assert_ready(loaded):
    assert not any(part.training for part in loaded.module.modules())
    assert not any(p.requires_grad for p in loaded.module.parameters())
    image = X.clone().requires_grad_()
    assert torch.autograd.grad(loaded.module(image).sum(), image)[0].abs().sum() > 0


def test_factory_and_weights(spec, nets, tmp_path):
    first = load(spec(factory=f"{nets}:Net", arguments={"channels": 2}))
    assert_ready(first)
    assert not opaque(first.module)
    assert first.batch is None
    weights = tmp_path / "w.safetensors"
    save_file({k: v + 1 for k, v in first.module.state_dict().items()}, weights)
    second = load(spec(factory=f"{nets}:Net", arguments={"channels": 2}, weights=weights))
    assert torch.equal(second.module.conv.weight, first.module.conv.weight + 1)
    assert_ready(second)


def test_the_model_is_named_in_every_error(spec, nets, tmp_path):
    assert "no class or function 'Nat'" in fails(spec(name="my net", factory=f"{nets}:Nat"))
    assert "does not exist" in fails(spec(factory=f"{nets}:Net", weights=tmp_path / "w.pt"))
    assert "neither" in fails(spec())


def test_random_weights_are_the_same_each_time_and_no_state_is_touched(spec, nets):
    state = torch.get_rng_state()
    one, two = (load(spec(factory=f"{nets}:Net")) for _ in range(2))
    assert torch.equal(one.module.conv.weight, two.module.conv.weight)
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_are_read_once(spec, nets, tmp_path, monkeypatch):
    weights = tmp_path / "w.pt"
    torch.save(load(spec(factory=f"{nets}:Net")).module.state_dict(), weights)
    read = []
    known = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or known(path))
    load(spec(factory=f"{nets}:Net", weights=weights))
    assert weights not in read


@pytest.mark.parametrize("traced", [False, True])
def test_torchscript(spec, tmp_path, traced):
    network = Small().eval()
    loaded = load(spec(file=script(tmp_path / "s.pt", network, traced)))
    assert opaque(loaded.module)
    assert torch.allclose(loaded.module(X), network(X))
    assert_ready(loaded)


def test_a_scripted_training_network_is_set_to_evaluation(spec, tmp_path):
    network = Small().train()
    loaded = load(spec(file=script(tmp_path / "s.pt", network)))
    assert torch.allclose(loaded.module(X), network.eval()(X))


def test_a_network_traced_in_training_mode_is_refused(spec, tmp_path):
    message = fails(spec(file=script(tmp_path / "s.pt", Small().train(), traced=True)))
    assert "training mode" in message
    assert "torch.jit.trace" in message
    message = fails(spec(file=export(tmp_path / "e.pt2", Small().train())))
    assert "before torch.export.export" in message


def test_norms_that_take_the_images_statistics_and_dropout_of_nothing_are_no_training(
    spec, tmp_path
):
    network = nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False), nn.Dropout(0.0)).train()
    assert load(spec(file=script(tmp_path / "s.pt", network, traced=True)))
    assert load(spec(file=export(tmp_path / "e.pt2", network)))


def test_export(spec, tmp_path):
    network = Small().eval()
    loaded = load(spec(file=export(tmp_path / "e.pt2", network)))
    assert not opaque(loaded.module)  # its graph calls functions that rules know
    assert loaded.batch == 1
    assert torch.allclose(loaded.module(X), network(X))
    assert_ready(loaded)
    assert [name for name, _ in loaded.module.named_modules()] == ["", "conv", "norm", "drop"]


def test_export_of_batches(spec, tmp_path):
    network, shapes = Small().eval(), ({0: torch.export.Dim("batch")},)
    path = export(tmp_path / "e.pt2", network, batch=2, dynamic_shapes=shapes)
    loaded = load(spec(file=path))
    assert loaded.batch is None
    assert loaded.module(X.expand(5, -1, -1, -1)).shape == (5, 3)
    assert "exactly 2 images" in fails(spec(file=export(tmp_path / "two.pt2", network, batch=2)))


def test_a_pickle_inside_an_export_needs_trust(spec, tmp_path):
    import io
    import zipfile

    class Evil:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    path = export(tmp_path / "e.pt2", Small().eval())
    evil, stream = tmp_path / "evil.pt2", io.BytesIO()
    torch.save(((Evil(),), {}), stream)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            new.writestr(name, stream.getvalue() if name.endswith(".pt") else old.read(name))
    assert '"trust": true' in fails(spec(file=evil))
    assert not (tmp_path / "ran").exists()


def test_what_is_no_network(spec, tmp_path):
    weights, plain = tmp_path / "w.pt", tmp_path / "w.safetensors"
    torch.save(Small().state_dict(), weights)
    save_file(Small().state_dict(), plain)
    for path in (weights, plain):
        assert 'give the network as "factory"' in fails(spec(file=path))
    junk = tmp_path / "junk.pt"
    junk.write_text("no network")
    assert "valid are TorchScript" in fails(spec(file=junk))


def test_a_pickled_network(spec, tmp_path):
    path = tmp_path / "m.pt"
    torch.save(nn.Sequential(nn.Conv2d(2, 1, 3), nn.Flatten()), path)
    message = fails(spec(file=path))
    assert '"trust": true' in message
    assert '"factory"' in message
    assert_ready(load(spec(file=path, trust=True)))


def test_a_pickled_network_whose_class_is_gone(spec, tmp_path):
    code = (
        "import sys, types, torch\nfrom torch import nn\n"
        "m = types.ModuleType('gone'); sys.modules['gone'] = m\n"
        "class Gone(nn.Module): pass\nGone.__module__ = 'gone'; m.Gone = Gone\n"
        "torch.save(Gone(), sys.argv[1])\n"
    )
    path = tmp_path / "m.pt"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code, path], check=True, env=environment, timeout=120)
    message = fails(spec(file=path, trust=True))
    assert "No module named 'gone'" in message
    assert "factory" in message


@pytest.mark.parametrize("make", [script, export])
def test_truncated_file(spec, tmp_path, make):
    path = make(tmp_path / "m.pt2", Small().eval())
    data = path.read_bytes()
    for part in (0, 0.3, 0.9):
        path.write_bytes(data[: int(len(data) * part)])
        assert "broken" in fails(spec(file=path))


def test_lazy_layers_without_weights(spec, nets):
    nets.write_text(nets.read_text() + "\nlazy = lambda: nn.LazyConv2d(2, 3)\n")
    assert "lazy layers" in fails(spec(factory=f"{nets}:lazy"))


@pytest.mark.parametrize(
    ("made", "hidden"),
    [
        (lambda: Small(), False),
        (lambda: nn.Sequential(nn.Linear(1, 1), torch.jit.script(nn.ReLU())), True),
        (lambda: nn.Sequential(torch.compile(nn.Linear(1, 1))), True),
        (lambda: torch.export.export(Small().eval(), (X,)).module(), False),
        (lambda: torch.fx.symbolic_trace(Small()), False),
        (lambda: nn.Sequential(Swishing()), True),
    ],
)
def test_scripted(made, hidden):
    assert opaque(made()) is hidden


def test_scripted_by_compile_in_place():
    network = Small()
    network.compile()
    assert opaque(network)
