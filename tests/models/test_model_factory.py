import subprocess
import sys

import pytest
import torch
from torch import nn

from esegeta.errors import ModelError
from esegeta.models.factory import build
from esegeta.models.folder import importable


def fails(factory, **arguments):
    with pytest.raises(ModelError) as caught:
        build(str(factory), arguments)
    return str(caught.value)


def test_class_function_and_path_of_a_file(nets):
    for attribute in ("Net", "make", "Zoo.small"):
        module = build(f"{nets}:{attribute}", {"width": 3})
        assert module.conv.out_channels == 3


def test_package():
    module = build(
        "torch.nn.modules:Conv2d", {"in_channels": 1, "out_channels": 2, "kernel_size": 3}
    )
    assert isinstance(module, nn.Conv2d)


def test_siblings_of_one_name_do_not_clash(tmp_path):
    modules = []
    for folder, width in (("a", 3), ("b", 5)):
        place = tmp_path / folder
        (place / "parts").mkdir(parents=True)
        (place / "blocks.py").write_text(f"WIDTH = {width}\n")
        (place / "parts" / "heads.py").write_text(f"OUT = {width}\n")
        (place / "net.py").write_text(
            "from torch import nn\nimport blocks\nfrom parts.heads import OUT\n"
            "from .blocks import WIDTH\nassert WIDTH == blocks.WIDTH\n"
            "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(WIDTH, OUT)\n"
        )
        before, path = set(sys.modules), list(sys.path)
        modules.append(build(f"{place / 'net.py'}:Net", {}))
        assert all(name.startswith("_esegeta_") for name in set(sys.modules) - before)
        assert sys.path == path
    assert [(m.in_features, m.out_features) for m in modules] == [(3, 3), (5, 5)]
    assert type(modules[0]) is not type(modules[1])


def test_a_foreign_module_of_the_siblings_name_is_hidden_and_comes_back(tmp_path, monkeypatch):
    other, mine = tmp_path / "other", tmp_path / "mine"
    other.mkdir()
    mine.mkdir()
    (other / "clashing.py").write_text("WIDTH = 1\n")
    (mine / "clashing.py").write_text("WIDTH = 7\n")
    (mine / "net.py").write_text(
        "from torch import nn\n"
        "def make():\n    from clashing import WIDTH\n    return nn.Linear(WIDTH, 1)\n"
    )
    monkeypatch.syspath_prepend(str(other))
    import clashing

    assert build(f"{mine / 'net.py'}:make", {}).in_features == 7
    assert sys.modules["clashing"] is clashing
    monkeypatch.delitem(sys.modules, "clashing")


def test_libraries_are_never_imported_twice(tmp_path):
    for name in ("torch", "numpy", "json"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not me')\n")
    (tmp_path / "net.py").write_text("import json, numpy, torch\nmake = torch.nn.Identity\n")
    assert isinstance(build(f"{tmp_path / 'net.py'}:make", {}), nn.Identity)
    assert sys.modules["torch"] is torch


def test_names_are_free_again_after_an_error(tmp_path):
    (tmp_path / "helper_of_net.py").write_text("X = 1\n")
    path = list(sys.path)
    (tmp_path / "net.py").write_text("import helper_of_net\nhelper_of_net.nothing\n")
    with pytest.raises(AttributeError), importable(tmp_path) as folder:
        folder.run(tmp_path / "net.py")
    assert "helper_of_net" not in sys.modules
    assert sys.path == path


def test_an_edited_file_is_read_again(nets):
    assert build(f"{nets}:Net", {}).conv.out_channels == 4
    nets.write_text(nets.read_text().replace("width: int = 4", "width: int = 16"))
    assert build(f"{nets}:Net", {}).conv.out_channels == 16


def test_an_edited_sibling_is_read_again(tmp_path):
    (tmp_path / "net.py").write_text("from torch import nn\nfrom .blocks import make\n")
    for width in (3, 50):
        (tmp_path / "blocks.py").write_text(
            f"from torch import nn\nmake = lambda: nn.Linear({width}, 1)\n"
        )
        assert build(f"{tmp_path / 'net.py'}:make", {}).in_features == width


def test_the_class_of_a_file_can_be_looked_up(nets):
    import inspect

    module = build(f"{nets}:Net", {})
    assert "self.head" in inspect.getsource(type(module))


def test_no_such_file(nets):
    message = fails(nets.with_name("net.py") / "x")  # no attribute either
    assert "names no factory" in message
    message = fails(f"{nets.with_name('net.py')}:Net")
    assert "There is no file" in message
    assert "Did you mean" in message
    assert "nets.py" in message


def test_no_such_attribute(nets):
    message = fails(f"{nets}:Nett")
    assert "There is no class or function 'Nett'; did you mean 'Net'?" in message
    assert "torch" not in message.partition("There are")[2].partition("(factory")[0]
    assert "no class or function 'large'" in fails(f"{nets}:Zoo.large")


def test_no_such_module():
    assert "There is no module 'no_such_package'" in fails("no_such_package.nets:Net")
    assert "There is no module 'torch.no_such'" in fails("torch.no_such:Net")


def test_arguments_that_do_not_fit(nets):
    message = fails(f"{nets}:Net", chanels=3)
    assert "'chanels' may be meant as 'channels'" in message
    assert "channels: int = 1, classes: int = 2, *, width: int = 4" in message
    assert "missing a required argument: 'in_features'" in fails("torch.nn:Linear", out_features=1)


def test_an_argument_of_the_wrong_type_shows_the_signature_and_the_line(nets):
    message = fails(f"{nets}:Net", width="4")
    assert "It takes (channels: int = 1" in message
    assert "nets.py, line 9: self.conv = nn.Conv2d(channels, width, 3)" in message


def test_what_it_returns_must_be_a_network(nets):
    assert "returned a dict" in fails(f"{nets}:nothing")
    assert "is a network already" in fails(f"{nets}:ready")
    assert "is a module" in fails(f"{nets}:torch")


def test_code_that_raises(nets):
    message = fails(f"{nets}:broken")
    assert "IndexError: list index out of range" in message
    assert "nets.py, line 33: return nn.Linear(sizes[3], 1)" in message


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = (\n", "line 1: x = ("),
        ("import no_such_thing\n", "No module named 'no_such_thing'"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("from ..above import Net\n", "install the package"),
    ],
)
def test_a_file_that_cannot_run(tmp_path, source, expected):
    file = tmp_path / "bad.py"
    file.write_text(source)
    message = fails(f"{file}:Net")
    assert "'bad.py' cannot be loaded" in message
    assert expected in message
    assert not [name for name in sys.modules if name.endswith(".bad")]


def test_a_package_that_cannot_run(tmp_path, monkeypatch):
    (tmp_path / "bad_package_of_test.py").write_text("import no_such_thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    message = fails("bad_package_of_test:Net")
    assert "'bad_package_of_test' cannot be imported" in message
    assert "bad_package_of_test.py, line 1" in message


def test_esegeta_itself_beside_the_file_is_not_loaded_twice(tmp_path):
    """A config in a checkout: the folder of the user's file holds esegeta, which is in use."""
    code = (
        "import sys, esegeta.errors as e\nfrom esegeta.models.factory import build\n"
        f"m = build({str(tmp_path / 'net.py')!r} + ':make', dict())\n"
        "assert sys.modules['esegeta.errors'] is e\n"
    )
    (tmp_path / "esegeta").mkdir()
    (tmp_path / "esegeta" / "__init__.py").write_text("raise RuntimeError('a second esegeta')\n")
    (tmp_path / "net.py").write_text(
        "from torch import nn\nimport esegeta.errors\nmake = nn.Identity\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
