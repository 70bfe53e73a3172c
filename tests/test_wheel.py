"""A wheel, installed into a fresh environment, finds its plug-ins and runs the demo."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def call(*command, cwd):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A fresh environment that holds the wheel; the libraries come from the one the tests run in."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    kept = [
        "esegeta",
        "gui",
        "plugins",
        "configs",
        "setup.cfg",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ]
    for name in kept:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            tree.mkdir(exist_ok=True)
            shutil.copy(source, tree / name)
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, tree, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    home = folder / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    site = Path(
        call(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).strip()
    )
    shutil.unpack_archive(wheel, site, "zip")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # Appended by a line of code, not as a site folder, whose editable finder would shadow the wheel.
    (site / "libraries.pth").write_text(
        "".join(f"import sys; sys.path.append({path!r})\n" for path in libraries)
    )
    return python, site


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_runs_the_demo_from_an_empty_folder(installed, tmp_path):
    python, site = installed
    where = call(python, "-c", "import esegeta; print(esegeta.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(site)
    listed = json.loads(call(python, "-m", "esegeta.cli", "methods", "--json", cwd=tmp_path))
    assert listed["unavailable"] == []
    assert {"saliency", "grad_cam", "rise", "pixelwise"} <= {p["name"] for p in listed["plugins"]}
    assert all(Path(p["source"]).is_relative_to(site) for p in listed["plugins"])
    config = json.loads((site / "esegeta" / "configs" / "demo.json").read_text())
    assert "is valid" in call(python, "-m", "esegeta.cli", "validate", "demo", cwd=tmp_path)
    # The whole demo runs in test_configs; here two methods on every image prove the wheel.
    config["methods"] = ["saliency", "guided_backprop"]
    for image in config["images"]:
        if "path" in image:
            image["path"] = str(site / "esegeta" / "configs" / image["path"])
    (tmp_path / "short.json").write_text(json.dumps(config))
    said = call(python, "-m", "esegeta.cli", "run", "short.json", cwd=tmp_path)
    assert "10 done, 0 failed" in said
    assert (tmp_path / "runs" / "demo" / "report.html").stat().st_size > 100_000
