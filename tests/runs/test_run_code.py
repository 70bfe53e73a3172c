"""What fingerprints know of code: users' packages, installed ones, and libraries."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from esegeta import config
from esegeta.errors import RunError
from esegeta.registry import find
from esegeta.runs import code
from esegeta.runs.fingerprint import stamp
from esegeta.runs.plan import make

NAME = "package_of_the_code_test"
OTHERS = ("saliency", {"use": "captum.deep_lift"})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's package, which ends the process where it is imported."""
    folder = tmp_path / "lib" / NAME
    (folder / "parts").mkdir(parents=True)
    for file in ("__init__.py", "nets.py", "parts/__init__.py", "parts/blocks.py"):
        (folder / file).write_text("import os\nos._exit(7)\n")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    return folder


def prints(project: Any, factory: str, **changes: Any) -> list[str]:
    model = project.data([])["models"][0] | {"factory": factory}
    data = project.data(list(OTHERS), models=[model], **changes)
    registry = find()
    settings = config.parse(data, project.folder)
    plan = stamp(make(settings, registry), settings, registry)
    assert f"{NAME}.nets" not in sys.modules
    return [job.fingerprint for _, job in sorted(plan.jobs(), key=lambda pair: pair[1].id)]


@pytest.mark.parametrize("file", ["__init__.py", "nets.py", "parts/blocks.py", "parts/new.py"])
def test_every_file_of_a_users_package_counts(project, package, file: str) -> None:
    factory = f"{NAME}.nets:Net"
    before = prints(project, factory)
    assert before == prints(project, factory)
    with (package / file).open("a") as stream:
        stream.write("# changed\n")
    assert not set(before) & set(prints(project, factory))


def test_a_package_without_init_is_a_package_too(project, package) -> None:
    (package / "__init__.py").unlink()
    (package / "parts" / "__init__.py").unlink()
    before = prints(project, f"{NAME}.nets:Net")
    (package / "parts" / "blocks.py").write_text("")
    assert not set(before) & set(prints(project, f"{NAME}.nets:Net"))


def test_a_module_without_a_package_stands_on_what_it_imports_beside_it(project, package) -> None:
    beside = package.parent / "sizes_of_the_code_test.py"
    beside.write_text("A = 1\n")
    (package.parent / "alone_of_the_code_test.py").write_text("import sizes_of_the_code_test\n")
    before = prints(project, "alone_of_the_code_test:Net")
    beside.write_text("A = 22\n")
    assert not set(before) & set(prints(project, "alone_of_the_code_test:Net"))


def test_what_is_no_code_of_the_package_does_not_count(project, package) -> None:
    before = prints(project, f"{NAME}.nets:Net")
    for file in ("notes.txt", "nets.pyc", "__pycache__/nets.py", ".git/hook.py"):
        (package / file).parent.mkdir(exist_ok=True)
        (package / file).write_text("x")
    assert before == prints(project, f"{NAME}.nets:Net")


def test_an_installed_package_counts_by_its_version(monkeypatch) -> None:
    code.forget()
    before = code.of_factory("torchio.transforms:Resample")
    assert dict(before)["torchio"] == code.version("torchio")
    assert any(name.startswith("torchio/transforms/") for name, _ in before)  # a reinstallation
    assert code.of_factory("torchio.data:Image")[1:] == before[1:]
    monkeypatch.setattr(code, "version", lambda name: "99")
    code.forget()
    assert dict(code.of_factory("torchio.transforms:Resample"))["torchio"] == "99"
    code.forget()


def test_a_factory_that_is_not_there_is_left_to_the_run() -> None:
    assert code.of_factory("no_such_package_anywhere.nets:Net") == [
        ("no_such_package_anywhere.nets:Net", None)
    ]


def test_a_folder_too_large_for_a_package_is_refused(package, monkeypatch) -> None:
    monkeypatch.setattr(code, "MOST", 2)
    code.forget()
    with pytest.raises(RunError, match="more than 2 source files; name the factory by its file"):
        code.of_factory(f"{NAME}.nets:Net")


@pytest.mark.parametrize(
    ("library", "changed"),
    [("torch", {"saliency", "deep_lift"}), ("captum", {"deep_lift"}), ("torchio", set())],
)
def test_libraries_change_the_maps_they_have_a_part_in(
    project, monkeypatch, library: str, changed: set[str]
) -> None:
    known = code.version
    before = prints(project, "nets.py:Classifier")
    monkeypatch.setattr(code, "version", lambda n: "99" if n == library else known(n))
    after = prints(project, "nets.py:Classifier")
    # In the order of their ids: captum.deep_lift, saliency.
    pairs = zip(("deep_lift", "saliency"), before, after, strict=True)
    assert {name for name, old, new in pairs if old != new} == changed


def test_preprocessing_stands_on_torchio(project, monkeypatch) -> None:
    steps = [{"use": "ZNormalization"}]
    known = code.version
    before = prints(project, "nets.py:Classifier", preprocess=steps)
    monkeypatch.setattr(code, "version", lambda n: "99" if n == "torchio" else known(n))
    assert not set(before) & set(prints(project, "nets.py:Classifier", preprocess=steps))


def test_how_a_library_was_compiled_changes_no_map(monkeypatch) -> None:
    monkeypatch.setattr(code, "version", lambda name: "2.8.0+cu128")
    assert code.release("torch") == "2.8.0"


def test_ten_thousand_jobs_are_stamped_in_no_time(project, package) -> None:
    for index in range(200):
        (package / f"more{index}.py").write_text(f"x = {index}\n")
    factory = f"{NAME}.nets:Net"
    model = project.data([])["models"][0] | {"factory": factory}
    images = [{"factory": factory, "name": f"i{n}", "arguments": {"n": n}} for n in range(5000)]
    settings = config.parse(
        project.data(list(OTHERS), models=[model], images=images), project.folder
    )
    registry = find()
    began = time.perf_counter()
    plan = stamp(make(settings, registry), settings, registry)
    assert len({job.fingerprint for _, job in plan.jobs()}) == 10_000
    assert time.perf_counter() - began < 10  # on a busy machine; alone it takes about two seconds


def test_a_plugin_stands_on_what_it_imports_relatively(tmp_path) -> None:
    (tmp_path / "inner").mkdir()
    files = {
        "method.py": "from . import _one\nfrom ._two import f\nfrom .inner._three import g\n",
        "_one.py": "x = 1\n",
        "_two.py": "from .method import f\n",  # each other
        "inner/_three.py": "from .._four import g\nfrom .absent import h\n",
        "_four.py": "import json\n",
        "_five.py": "y = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = {str(path.relative_to(tmp_path)) for path in code.beside(tmp_path / "method.py")}
    assert found == set(files) - {"_five.py"}


def test_a_helper_of_built_in_plugins_counts() -> None:
    registry = find()
    assert {"_ascent.py", "_canvas.py", "_units.py"} <= {
        path.name for path in code.beside(registry.get("feature_visualisation").source)
    }
    assert "groups.py" in {path.name for path in code.beside(registry.get("lime").source)}
