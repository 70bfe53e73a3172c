"""What the docs say is what there is."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from esegeta import config
from esegeta.errors import ConfigError
from esegeta.registry import find
from esegeta.testing import CASES, MethodContract

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
HAND = [page for page in PAGES if page.parent.name != "methods"]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.S)


def test_generated_pages_are_up_to_date():
    sys.path.insert(0, str(ROOT))
    from docs.build import committed, pages

    assert committed() == pages(), "run `make docs`"


@pytest.mark.parametrize("page", HAND, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def entries(data):
    """Whatever a JSON block shows, as lists of methods."""
    if isinstance(data, dict) and "methods" in data:
        return data["methods"]
    if isinstance(data, dict) and "use" in data:
        return [data]
    if isinstance(data, list) and all(isinstance(d, str) or "use" in d for d in data):
        return data
    return []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_json_is_valid(page, tmp_path):
    registry = find()
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    for block in blocks(page, "json"):
        data = json.loads(block)
        for entry in entries(data):
            entry = {"use": entry} if isinstance(entry, str) else entry
            plugin = registry.get(entry["use"])
            plugin.validate(entry.get("with", {}))
            assert plugin.takes_layer == bool(entry.get("layers"))
        if isinstance(data, dict) and "version" in data:
            found = config.parse(data, tmp_path)
            wrong = [p for p in config.check(found, registry) if "no such" not in str(p)]
            assert not [p for p in wrong if "file" not in str(p)], wrong


@pytest.mark.parametrize(
    ("key", "page"), [("models", "config.md"), ("images", "config.md"), ("target", "config.md")]
)
def test_parts_of_a_config_are_valid(key, page, tmp_path):
    whole = json.loads(blocks(ROOT / "README.md", "json")[0])
    parts = [json.loads(block) for block in blocks(ROOT / "docs" / page, "json")]
    if key == "models":
        (part,) = [p for p in parts if isinstance(p, dict) and "factory" in p]
        whole |= {"models": [part], "target": {"class": "liver"}, "methods": ["saliency"]}
    elif key == "images":
        (part,) = [
            p for p in parts if isinstance(p, list) and isinstance(p[0], dict) and "path" in p[0]
        ]
        whole["images"] = part
    else:
        (part,) = [p for p in parts if isinstance(p, dict) and "class" in p]
        whole["target"] = part | {"class": "brain"}
    try:
        config.parse(whole, tmp_path)
    except ConfigError as error:
        pytest.fail(str(error))


RUNNABLE = [
    (page, code)
    for page in HAND
    for code in re.findall(r"<!-- run -->\n```python\n(.*?)```", page.read_text(), re.S)
]


@pytest.mark.parametrize(("page", "code"), RUNNABLE, ids=lambda x: getattr(x, "name", ""))
def test_python_that_says_it_runs_does(page, code, tmp_path):
    if "@attribution" in code:  # a plug-in: it registers, and keeps to the contract
        (tmp_path / "shown.py").write_text(code)
        contract = type("Shown", (MethodContract,), {"plugin": "var_grad", "folders": [tmp_path]})()
        for case in CASES:
            contract.test_map_lies_on_the_image(case)
            contract.test_costs_what_it_says(case)
        return
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def test_there_is_python_to_run():
    assert len(RUNNABLE) >= 3


def test_commands_that_are_named_exist():
    done = subprocess.run(
        [sys.executable, "-m", "esegeta.cli", "--help"], capture_output=True, text=True, check=True
    )
    known = set(re.findall(r"^  ([a-z-]+)  ", done.stdout, re.M))
    assert {"run", "plan", "validate"} <= known
    for page in HAND:
        named = re.findall(r"^(?:`)?esegeta ([a-z-]+)", page.read_text(), re.M)
        named += re.findall(r"`esegeta ([a-z][a-z-]*)", page.read_text())
        assert set(named) <= known, page
