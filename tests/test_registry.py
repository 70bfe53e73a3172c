import signal
import sys
from importlib import metadata

import pytest

from esegeta import discovery, registry
from esegeta.errors import PluginError
from esegeta.registry import find

HEAD = "from esegeta import Param, Passes, attribution, layer_attribution, wrapper\n"


def plugin(name, decorator='attribution(paper="", passes=lambda p: Passes(1))', more=""):
    return f'{HEAD}{more}\n@{decorator}\ndef {name}(probe):\n    """Do {name}."""\n'


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """Keep this machine's own plug-ins out of it."""
    monkeypatch.delenv("ESEGETA_PLUGINS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def bare(monkeypatch):
    """Look at folders only."""
    monkeypatch.setattr(registry, "built_in", list)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "mine"
    path.mkdir()
    return path


def lost(found, name):
    (one,) = [one for one in found.unavailable if one.name == name]
    return one


def test_built_in_plugins_are_ordered_and_of_their_folders_family():
    found = find()
    assert found.unavailable == []
    families = [p.family for p in found.plugins.values()]
    assert families == sorted(families, key=discovery.FAMILIES.index)
    assert {"saliency", "grad_cam", "captum.deep_lift", "pixelwise"} <= set(found.plugins)
    assert found.origin("saliency") == "built-in"
    assert "pixelwise" not in [p.name for p in found.methods()]
    for plugin in found.plugins.values():
        assert discovery.FOLDERS[plugin.source.parent.name] == plugin.family
        assert plugin.function.__module__.startswith("esegeta.plugins.")


def test_dropped_file_works_and_what_is_hidden_does_not(folder):
    (folder / "new.py").write_text(plugin("brand_new"))
    (folder / "_helper.py").write_text(plugin("helper"))
    (folder / ".hidden.py").write_text(plugin("hidden"))
    (folder / "tests").mkdir()
    (folder / "tests" / "test_new.py").write_text(plugin("testing"))
    found = find([folder])
    assert found.origin("brand_new") == str(folder)
    assert not {"helper", "hidden", "testing"} & set(found.plugins)
    assert list(folder.glob("__pycache__")) == []


def test_edit_within_the_same_second_is_seen(bare, folder):
    (folder / "new.py").write_text(plugin("first"))
    assert list(find([folder]).plugins) == ["first"]
    (folder / "new.py").write_text(plugin("again"))
    assert list(find([folder]).plugins) == ["again"]


@pytest.mark.parametrize(
    ("text", "reason", "remedy"),
    [
        ("def broken(:\n", r"SyntaxError in .*bad\.py, line 1: .*def broken\(:", "mend .*bad.py"),
        ("\nimport lime\n", r"ModuleNotFoundError: .*bad\.py, line 2", r"'esegeta\[methods\]'"),
        ("import no_such_thing.x\n", "no_such_thing", "brings the module 'no_such_thing'"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", "mend"),
        ("raise KeyboardInterrupt\n", r"KeyboardInterrupt \(.*line 1", "mend"),
        ("raise BaseException('no')\n", "BaseException: no", "mend"),
        ("1 / 0\n", r"ZeroDivisionError: .*line 1", "mend"),
        ("raise RuntimeError('operator torchvision::nms')\n", "torchvision::nms", "mend"),
        ("x = '\0'\n", "null byte", "mend"),
        (HEAD + "@attribution(paper='', passes=None)\ndef bad(x):\n  'D.'\n", "line|bad:", "mend"),
    ],
    ids=[
        "syntax",
        "extra",
        "missing",
        "exit",
        "stop",
        "base",
        "zero",
        "runtime",
        "null",
        "signature",
    ],
)
def test_broken_file_breaks_nothing_else(bare, folder, text, reason, remedy, monkeypatch):
    monkeypatch.setitem(sys.modules, "lime", None)
    before = set(sys.modules)
    (folder / "bad.py").write_text(text)
    (folder / "good.py").write_text(plugin("good"))
    found = find([folder])
    assert list(found.plugins) == ["good"]
    one = lost(found, "bad")
    assert one.source == str(folder / "bad.py")
    with pytest.raises(PluginError, match=f"'bad' is unavailable: .*(?:{reason})"):
        found.get("bad")
    with pytest.raises(PluginError, match=f"Remedy: .*{remedy}"):
        found.get("bad")
    assert [name for name in set(sys.modules) - before if name.endswith("_bad")] == []


def test_file_that_fails_tells_which_plugins_it_would_have_had(bare, folder):
    text = plugin("kernel", 'attribution(paper="", library="shap", passes=None)', "import nowhere")
    (folder / "adapters.py").write_text(text)
    found = find([folder])
    assert lost(found, "shap.kernel").family == "attribution"
    with pytest.raises(PluginError, match="nowhere"):
        found.get("shap.kernel")


def test_two_of_one_name_in_two_files(bare, folder):
    (folder / "a.py").write_text(plugin("same") + plugin("other"))
    (folder / "b.py").write_text(plugin("same"))
    found = find([folder])
    assert list(found.plugins) == ["other"]
    both = [one for one in found.unavailable if one.name == "same"]
    assert [one.source for one in both] == [str(folder / "a.py"), str(folder / "b.py")]
    assert all("a.py" in one.reason and "b.py" in one.reason for one in both)


def test_a_built_in_keeps_its_name(folder):
    (folder / "a.py").write_text(plugin("saliency") + plugin("other"))
    (folder / "b.py").write_text(plugin("saliency"))
    found = find([folder])
    assert found.origin("saliency") == "built-in"
    assert found.origin("other") == str(folder)
    both = [one for one in found.unavailable if one.name == "saliency"]
    assert [one.source for one in both] == [str(folder / "a.py"), str(folder / "b.py")]
    for one in both:
        assert one.source in one.reason
        assert "gradients.py" in one.reason
        assert f"rename the function in {one.source}" in one.remedy


PRESSED = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(1)\n"
SWALLOWED = PRESSED.replace("\nos", "\ntry:\n    os").replace("\ntime", "\n    time") + (
    "except BaseException:\n    pass\n"
)


@pytest.mark.parametrize("text", [PRESSED, SWALLOWED], ids=["raised", "swallowed"])
def test_the_users_own_ctrl_c_is_heard(bare, folder, text):
    before = signal.getsignal(signal.SIGINT)
    (folder / "a.py").write_text(text)
    with pytest.raises(KeyboardInterrupt):
        find([folder])
    assert signal.getsignal(signal.SIGINT) == before


def test_two_of_one_name_in_one_file(bare, folder):
    (folder / "a.py").write_text(plugin("same") + plugin("same") + plugin("other"))
    found = find([folder])
    assert list(found.plugins) == ["other"]
    assert "two plug-ins of this name" in lost(found, "same").reason


def test_imported_plugins_do_not_count_twice(bare, folder):
    (folder / "a.py").write_text(
        "from esegeta.plugins.attribution.gradients import saliency\n" + plugin("own")
    )
    assert list(find([folder]).plugins) == ["own"]


def test_same_folder_twice_is_one(bare, folder):
    (folder / "a.py").write_text(plugin("same"))
    found = find([folder, folder / ".." / folder.name])
    assert list(found.plugins) == ["same"]
    assert found.unavailable == []


def test_files_of_one_name_in_two_folders(bare, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plug.py").write_text(plugin(f"in_{name}"))
    found = find([tmp_path / "one", tmp_path / "two"])
    assert list(found.plugins) == ["in_one", "in_two"]
    modules = {p.function.__module__ for p in found.plugins.values()}
    assert len(modules) == 2
    assert modules <= set(sys.modules)


def test_folders(bare, folder, monkeypatch, tmp_path):
    with pytest.raises(PluginError, match="no folder"):
        find([tmp_path / "nowhere"])
    (folder / "a.py").write_text(plugin("same"))
    monkeypatch.setenv("ESEGETA_PLUGINS", str(folder))
    assert find().origin("same") == str(folder)
    monkeypatch.delenv("ESEGETA_PLUGINS")
    own = tmp_path / "home" / ".config" / "esegeta" / "plugins"
    own.mkdir(parents=True)
    (own / "b.py").write_text(plugin("mine"))
    assert list(find().plugins) == ["mine"]


def test_get_says_what_there_is(bare, folder):
    (folder / "a.py").write_text(
        plugin("grad_cam")
        + plugin("lift", 'attribution(paper="", library="captum", passes=lambda p: Passes())')
    )
    found = find([folder])
    with pytest.raises(PluginError, match="did you mean 'grad_cam'"):
        found.get("gradcam")
    with pytest.raises(PluginError, match="is no wrapper, but of the family attribution"):
        found.get("grad_cam", "wrapper")
    assert found.get("grad_cam", "attribution") is found.plugins["grad_cam"]


def test_printing_plugin_does_not_reach_stdout(bare, folder, capsys):
    (folder / "a.py").write_text(plugin("loud", more="print('hello')"))
    find([folder])
    out, err = capsys.readouterr()
    assert (out, err) == ("", "hello\n")


def test_entry_points(bare, folder, monkeypatch):
    (folder / "ep_module.py").write_text(plugin("of_module"))
    (folder / "ep_function.py").write_text(plugin("of_function") + plugin("not_this"))
    monkeypatch.syspath_prepend(str(folder))
    points = [
        metadata.EntryPoint("theirs", "ep_module", discovery.GROUP),
        metadata.EntryPoint("single", "ep_function:of_function", discovery.GROUP),
        metadata.EntryPoint("gone", "ep_nowhere", discovery.GROUP),
        metadata.EntryPoint("odd", "ep_module:Passes", discovery.GROUP),
    ]
    monkeypatch.setattr(discovery.metadata, "entry_points", lambda group: points)
    found = find()
    assert list(found.plugins) == ["of_function", "of_module"]
    assert found.origin("of_module") == "entry point theirs"
    assert lost(found, "gone").source == "entry point gone"
    assert "ep_nowhere" in lost(found, "gone").reason
    assert "is no plug-in" in lost(found, "odd").reason


def test_missing_built_ins_are_said(monkeypatch):
    monkeypatch.setattr(discovery, "PACKAGE", "esegeta.no_plugins")
    with pytest.raises(PluginError, match="not installed whole"):
        find()
