"""Libraries of adapters: torchvision is mended, an absent one is named, torch stays as it was."""

import subprocess
import sys
import textwrap

import pytest
import torch
import torch.nn.functional as F

from esegeta import MethodError, ModelError
from esegeta.libraries import import_library, library_call
from esegeta.registry import find


def fresh(code):
    """Run code in a process of its own, where nothing has been imported."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(
    torch.version.cuda is not None, reason="this torch has CUDA, as torchvision has"
)
def test_torchvision_is_mended_beside_a_cpu_torch():
    found = fresh(
        """
        import sys
        from esegeta.libraries import mend_torchvision
        first = mend_torchvision()
        assert "torchvision" not in sys.modules, "mending imports nothing"
        assert mend_torchvision() == first, "twice is as once"
        import torch, torchvision
        net = torchvision.models.resnet18().eval()
        assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)
        if first:
            try:
                torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
            except RuntimeError as error:
                assert "custom C++ ops" in str(error)
            else:
                raise AssertionError("what was declared is no operator")
        """
    )
    assert found.returncode == 0, found.stderr


def test_a_factory_may_import_torchvision(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torchvision\n\ndef net():\n    return torchvision.models.squeezenet1_1()\n"
    )
    found = fresh(
        f"""
        from types import SimpleNamespace
        from esegeta.models.load import load
        spec = SimpleNamespace(name="net", factory={str(tmp_path / "net.py")!r} + ":net", file=None,
                               arguments={{}}, weights=None, trust=False)
        assert not load(spec).module.training
        """
    )
    assert found.returncode == 0, found.stderr


def test_operators_that_load_are_left_alone(monkeypatch):
    from esegeta import libraries

    monkeypatch.setattr(libraries, "_declared", [])
    monkeypatch.setattr(libraries, "_loads", lambda folder: True)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    assert libraries.mend_torchvision() is False
    assert not libraries._declared


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torchray", "torchray"),
        ("lime", "methods"),
        ("shap", "methods"),
        ("lucent", "lucent"),
        ("quantus", "quantus"),
    ],
)
def test_an_absent_library_is_named_with_its_extra(module, extra, monkeypatch):
    for name in [one for one in sys.modules if one.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # as Python says that there is none
    with pytest.raises(MethodError, match=rf'pip install "esegeta\[{extra}\]"'):
        import_library(module)
    # Its methods are listed all the same.
    assert any(name.startswith(f"{module}.") for name in find().plugins)


def test_a_broken_library_is_a_refused_job(monkeypatch, tmp_path):
    (tmp_path / "brokenlibrary.py").write_text("raise OSError('no such symbol')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MethodError, match="OSError: no such symbol"):
        import_library("brokenlibrary")


def test_what_a_library_raises_is_told():
    with (
        pytest.raises(MethodError, match="Captum's LRP does not work on this model: KeyError: 'x'"),
        library_call("Captum's LRP"),
    ):
        raise KeyError("x")
    with pytest.raises(ModelError, match="mine"), library_call("it"):
        raise ModelError("mine")
    with pytest.raises(torch.OutOfMemoryError), library_call("it"):
        raise torch.OutOfMemoryError


def test_functions_that_a_library_put_in_place_are_taken_back():
    before = dict(vars(F)), torch.relu

    def put_in_place():
        F.relu = F.conv2d = torch.relu = lambda *args: args
        raise RuntimeError("on the way")

    with pytest.raises(MethodError), library_call("it"):
        put_in_place()
    assert (dict(vars(F)), torch.relu) == before


def test_nothing_heavy_is_imported_to_list_methods():
    found = fresh(
        """
        import sys
        from esegeta.registry import find
        assert len(find().plugins) > 60
        heavy = {"captum", "torchray", "lime", "shap", "lucent", "torchvision", "sklearn", "quantus"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        """
    )
    assert found.returncode == 0, found.stderr
