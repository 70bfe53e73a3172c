"""What the book shows is what there is."""

import ast
import inspect
import json
import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import typer

from esegeta import cli, config
from esegeta.engine import make_probe
from esegeta.images.steps import STEPS
from esegeta.probe import Layer, Probe, Region
from esegeta.probe.perturbed import Perturbed
from esegeta.registry import find
from esegeta.testing import CASES
from tests.docs import configs
from tests.docs.book import GENERATED, HAND, PAGES, ROOT, anchors, blocks, data, links
from tests.forked import forked


def name(page):
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def registry():
    return find()


# Generated pages


def test_generated_pages_are_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from docs.build import committed, pages

    there, made = committed(), pages()
    stale = [path for path in made if there.get(path) != made[path]]
    left = [path for path in there if path not in made]
    assert not stale + left, (
        f"docs/{', docs/'.join(stale + left)}: run `make docs`, and commit them"
    )


def test_pages_do_not_depend_on_the_users_own_plugins(monkeypatch, tmp_path):
    from esegeta.scaffold import new_plugin

    new_plugin("my_own", "attribution", tmp_path)
    monkeypatch.setenv("ESEGETA_PLUGINS", str(tmp_path))
    monkeypatch.syspath_prepend(str(ROOT))
    from docs.build import committed, pages

    assert "my_own" in find().plugins
    assert set(pages()) == set(committed())


def test_a_new_plugin_has_a_page_and_a_row(monkeypatch, tmp_path):
    from esegeta.scaffold import new_plugin

    monkeypatch.syspath_prepend(str(ROOT))
    from docs import plugin_pages

    new_plugin("my_own", "layer_attribution", tmp_path)
    plugin = find([tmp_path]).get("my_own")
    page = plugin_pages.page(plugin)
    assert "| `absolute` | true or false |  | `false` | Whether opposite" in page
    assert "| needs a layer | yes |" in page
    assert '{"use": "my_own", "with": {"absolute": false}, "layers": ["layer4"]}' in page
    assert "[my_own](my_own.md)" in plugin_pages.table([plugin])


# Form


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_are_short(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    long = [
        number
        for number, line in enumerate(lines, start=1)
        if len(line) > (120 if page.name == "README.md" and page.parent == ROOT else 110)
        and not (page in GENERATED and line.startswith("|"))
    ]
    assert not long, f"{name(page)}: lines {long}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index():
    found = {(ROOT / "docs" / link).resolve() for link in links(ROOT / "docs" / "README.md")}
    pages = [p for p in PAGES if p.parent == ROOT / "docs" and p.name != "README.md"]
    assert set(pages) <= found


# JSON


@pytest.mark.parametrize("block", blocks(PAGES, "json"), ids=str)
def test_json_is_a_valid_config_or_part_of_one(block, registry, tmp_path):
    made = configs.whole(data(block), set(STEPS))
    assert made is not None, "this is no part of a config"
    configs.write_files(made, tmp_path)
    # What a training makes is not there yet.
    assert config.check(config.parse(made, tmp_path), registry, training=True) == []


def test_inline_entries_of_methods_are_valid(registry):
    found = 0
    for page in HAND:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for entry in map(json.loads, re.findall(r'`(\{"use".*?\})`', text)):
            if entry["use"] in registry.plugins:
                registry.get(entry["use"]).validate(entry.get("with", {}))
            found += 1
    assert found


# Python


SCRIPTS = [block for block in blocks(HAND, "python") if block.mark == "run"]
WRITTEN = [block for block in blocks(HAND, "python") if block.mark == "file"]


@pytest.mark.parametrize("block", blocks(PAGES, "python"), ids=str)
def test_python_is_python(block):
    ast.parse(block.text)


def test_there_is_python_to_run():
    assert len(SCRIPTS) >= 3
    assert len(WRITTEN) >= 4


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_python_that_says_it_runs_does(block, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(block.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr


def test_plugins_that_are_shown_pass_their_tests(tmp_path):
    for block in WRITTEN:
        path = tmp_path / block.argument
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    done = forked("pytest", "-q", "-p", "no:cacheprovider", "plugins", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    tests = [block for block in WRITTEN if "/tests/" in block.argument]
    assert len(list(tmp_path.rglob("test_*.py"))) == len(tests)
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 10 * len(tests)


ASKED = re.compile(r"`(probe|layer|region)\.(\w+)(?:\((.*?)\))?`")


def test_what_one_may_ask_is_written_as_it_is(tmp_path):
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    probe = make_probe(
        CASES[0].model(), CASES[0].image(), wrapper=find().get("classification"), layers=["middle"]
    )
    owners = {"probe": (Probe, probe), "layer": (Layer, probe.layer("middle"))}
    owners["region"] = (Region, Region())
    asked = ASKED.findall(text)
    assert len(asked) > 20
    for owner, question, arguments in asked:
        kind, instance = owners[owner]
        method = getattr(kind, question, None)
        if not inspect.isfunction(method):
            assert not arguments
            assert hasattr(instance, question), question
            continue
        real = list(inspect.signature(method).parameters.values())[1:]
        shown = [f"{p.name}" + ("" if p.default is p.empty else f"={p.default!r}") for p in real]
        written = [part.strip().replace('"', "'") for part in arguments.split(",") if part.strip()]
        # In running text a call may be shown without arguments.
        assert written in (shown, []), question
    questions = {question for owner, question, _ in asked if owner == "probe"}
    public = {n for kind in (Probe, Perturbed) for n in vars(kind) if n[0] != "_"} - {
        "begin",
        "passes",
        "one_by_one",
        "in_full_precision",
    }
    assert public <= questions, "the table of questions lacks some"


# The command line


def commands():
    """Every ``esegeta …`` in the book, as words."""
    for page in HAND:
        text = page.read_text(encoding="utf-8")
        spans = re.findall(r"`(esegeta\s[^`]+)`", text)
        for block in blocks([page], "sh"):
            spans += [line.partition("#")[0] for line in block.text.splitlines()]
        for span in spans:
            words = shlex.split(span)
            if words[:1] == ["esegeta"]:
                yield page, words[1:]


def test_commands_and_options_that_are_named_exist():
    app = typer.main.get_command(cli.app)
    own = {option for parameter in app.params for option in parameter.opts}
    checked = set()
    for page, words in commands():
        words = [word for word in words if word not in own | {"--help"}]
        if not words or words == ["COMMAND"]:
            continue
        first, *rest = words[0].rstrip(",").split("|")
        assert first in app.commands, f"{name(page)}: esegeta {' '.join(words)}"
        options = {o for parameter in app.commands[first].params for o in parameter.opts}
        for word in [*rest, *words[1:]]:
            assert not word.startswith("--") or word in options, f"{name(page)}: {word}"
        checked.add(first)
    assert checked == set(app.commands), "a command is not in the book"


# Results


def test_fields_of_a_result_are_those_in_the_book(tmp_path):
    import esegeta

    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    table = text.partition("## result.json")[2].partition("## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    shown = {field for row in rows for field in re.findall(r"`(\w+)`", row)}
    failed = re.search(r"A job that failed has (.*?)\.\n", table, re.DOTALL)[1]
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef build():\n    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), "
        "nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
    )
    np.save(tmp_path / "image.npy", np.random.default_rng(0).random((9, 9), dtype=np.float32))
    result = esegeta.run(
        {
            "models": [{"factory": f"{tmp_path / 'net.py'}:build", "task": "classification"}],
            "images": [{"path": str(tmp_path / "image.npy")}],
            "methods": ["saliency", {"use": "grad_cam", "layers": ["none"]}],
            "name": "shown",
        },
        output=tmp_path / "run",
        quiet=True,
    )
    records = [
        json.loads((result.folder / job / "result.json").read_text())
        for job in (*result.done, *result.failed)
    ]
    assert set(records[0]) == shown
    assert set(records[1]) == set(re.findall(r"`(\w+)`", failed))
    there = {path.name for path in (result.folder / result.done[0]).iterdir()}
    assert there == {"map.npy", "overlay.png", "result.json", "job.log"}
    names = {path.name for path in result.folder.iterdir()}
    assert names - {"image"} <= set(re.findall(r"^  (\S+)", text, re.MULTILINE))
