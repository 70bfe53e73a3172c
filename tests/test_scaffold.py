import ast
import subprocess
import sys

import pytest

from esegeta.errors import PluginError
from esegeta.plugin import FAMILIES
from esegeta.registry import find
from esegeta.scaffold import new_plugin
from tests.forked import forked


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.delenv("ESEGETA_PLUGINS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_written_registers(tmp_path, family):
    folder = tmp_path / "new" / "folder"
    code, test = new_plugin("my_own", family, folder)
    assert (code, test) == (folder / "my_own.py", folder / "tests" / "test_my_own.py")
    found = find([folder])
    plugin = found.training("my_own") if family == "training" else found.get("my_own", family)
    assert (plugin.source, found.origin("my_own")) == (code, str(folder))
    assert [one for one in found.unavailable if one.source == str(code)] == []
    assert len(plugin.parameters.model_fields) >= 1
    (case,) = [n for n in ast.parse(test.read_text()).body if isinstance(n, ast.ClassDef)]
    assert case.name == "TestMyOwn"
    clean = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "100"]
    lint = subprocess.run([*clean, str(folder)], capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout
    form = [sys.executable, "-m", "ruff", "format", "--isolated", "--check", "--line-length", "100"]
    done = subprocess.run([*form, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_contract_test_passes_as_written(tmp_path, family):
    new_plugin("my_own", family, tmp_path)
    done = forked("pytest", "-q", "-p", "no:cacheprovider", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize(
    ("name", "family", "message"),
    [
        ("two words", "attribution", "no name for a function"),
        ("class", "attribution", "no name for a function"),
        ("_mine", "attribution", "no name for a function"),
        ("../mine", "attribution", "no name for a function"),
        ("mine", "atribution", "did you mean 'attribution'"),
        ("saliency", "attribution", "there is a plug-in 'saliency' already"),
    ],
)
def test_refused(tmp_path, name, family, message):
    with pytest.raises(PluginError, match=message):
        new_plugin(name, family, tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_nothing_is_overwritten(tmp_path):
    new_plugin("mine", "attribution", tmp_path)
    with pytest.raises(PluginError, match=r"mine\.py exists already"):
        new_plugin("mine", "wrapper", tmp_path)
    (tmp_path / "mine.py").unlink()
    before = (tmp_path / "tests" / "test_mine.py").read_text()
    with pytest.raises(PluginError, match=r"test_mine\.py exists already"):
        new_plugin("mine", "wrapper", tmp_path)
    assert (tmp_path / "tests" / "test_mine.py").read_text() == before
    assert not (tmp_path / "mine.py").exists()


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PluginError, match="cannot be written"):
        new_plugin("mine", "attribution", tmp_path / "file" / "below")
