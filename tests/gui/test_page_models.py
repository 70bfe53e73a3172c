"""The pages' view-models, without Qt."""

import json
import sys

import pytest
from esegeta.gui.document import Document
from esegeta.gui.models.methods import MethodsModel, pace_of
from esegeta.gui.models.network import NetworkModel, callees_of, tree_of
from esegeta.gui.models.parameters import ParametersModel
from esegeta.gui.models.problems import below, page_of, path_of, problems_from, sentence
from esegeta.gui.models.run import RunModel, rows, totals
from esegeta.gui.models.target import TargetModel, class_names

from esegeta import config
from esegeta.errors import Problem


def document(**keys):
    return Document({"version": 1, **keys})


# Problems


def test_problems_are_found_by_place():
    problems = problems_from(
        [
            {"path": "methods[1].with.steps", "message": "no", "value": None, "valid": None},
            {"path": "methods[10]", "message": "no", "value": "3", "valid": "4", "nearest": None},
        ]
    )
    assert below(problems, "methods", 1) == problems[:1]
    assert below(problems, "methods", 10) == problems[1:]
    assert below(problems, "methods", 1, "with", "step") == []
    assert path_of(("models", 0, "arguments", "a b")) == 'models[0].arguments["a b"]'


def test_a_sentence_says_what_would_be_valid():
    assert sentence(Problem("a", "this is wrong", "1", "2, 3")) == "This is wrong. Valid: 2, 3"
    assert sentence(Problem("a", "unknown", "x", "y", "y")) == "Unknown; did you mean 'y'?"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("models[0].weights", "model"),
        ("images", "images"),
        ("preprocess[0].with", "images"),
        ("target.class", "target"),
        ("methods[0]", "methods"),
        ("methods[0].use", "methods"),
        ("methods[0].with.steps", "parameters"),
        ("methods[0].layers", "parameters"),
        ("execution.devices", "run"),
        ("", "run"),
    ],
)
def test_each_problem_has_its_page(path, page):
    assert page_of(path) == page


# Methods


def test_methods_stand_in_three_families_and_are_found_by_words(plugins):
    model = MethodsModel(document(methods=[]), plugins)
    groups = model.groups()
    assert list(groups) == ["Attribution", "Layer attribution", "Explainability"]
    assert all(groups.values())
    found = {e.name for entries in model.groups("captum occlusion").values() for e in entries}
    assert "captum.occlusion" in found
    assert not any("saliency" in name for name in found)
    assert not any(model.groups("no such thing").values())


def test_choosing_keeps_the_other_entries(plugins):
    first = {"use": "rise", "with": {"masks": 3}}
    model = MethodsModel(document(methods=[first]), plugins)
    model.choose("saliency", True)
    model.choose("grad_cam", True)
    assert model.document.data["methods"] == [
        first,
        "saliency",
        {"use": "grad_cam", "layers": ["auto"]},
    ]
    model.choose("rise", True)
    assert len(model.document.data["methods"]) == 3
    model.choose("rise", False)
    assert model.uses == ["saliency", "grad_cam"]


@pytest.mark.parametrize("preset", ["quick", "thorough"])
def test_a_preset_gives_a_config_that_is_valid(plugins, served, preset, small):
    registry, _ = served
    opened = Document.open(small)
    opened.set(("methods",), [])
    model = MethodsModel(opened, plugins)
    model.preset(preset)
    assert len(model.uses) >= 4
    assert config.examine(opened.named, opened.base, registry)[1] == []
    model.preset(preset)
    assert len(model.uses) == len(set(model.uses))


def test_a_method_that_does_not_serve_the_task_or_dimension_says_so(plugins):
    model = MethodsModel(document(models=[{"task": "segmentation"}], methods=[]), plugins)
    only = next(e for e in plugins.methods.values() if e.tasks == ("classification",))
    assert "classification" in model.unfit(only)
    flat = next(e for e in plugins.methods.values() if e.ndim == (2,))
    model.document.set(("models",), [{"task": flat.tasks[0]}])
    assert "2D" in model.unfit(flat, 3)
    assert model.unfit(flat, 2) == ""


def test_the_pace_is_read_off_a_plan():
    jobs = [
        {"passes": {"forward": f, "backward": b}, "seconds": 0.2 * f + 0.5 * b}
        for f, b in ((1, 1), (100, 0), (20, 20), (3, 1))
    ]
    pace = pace_of({"groups": [{"model": "a", "jobs": jobs}]})
    assert pace.forward == pytest.approx(0.2)
    assert pace.backward == pytest.approx(0.5)
    same = [{"passes": {"forward": 2, "backward": 2}, "seconds": 2.0}]
    assert pace_of({"groups": [{"model": "a", "jobs": same}]}).forward == pytest.approx(0.5)
    assert (
        pace_of({"groups": [{"model": "a", "jobs": [{"passes": None, "seconds": None}]}]}) is None
    )
    assert pace_of({}) is None


# Parameters


def test_setting_a_parameter_makes_a_text_an_object_in_one_edit(plugins):
    model = ParametersModel(document(methods=["rise", "saliency"]), plugins)
    model.set(0, ("with", "masks"), 5)
    assert model.document.data["methods"] == [{"use": "rise", "with": {"masks": 5}}, "saliency"]
    model.set(0, ("with", "grid"), 4)
    model.reset(0, ("with", "grid"))
    model.reset(0, ("with", "masks"))
    assert model.document.data["methods"][0] == {"use": "rise"}
    for _ in range(4):
        model.document.undo()
    assert model.document.data["methods"] == ["rise", "saliency"]


def test_a_use_may_be_copied_and_has_a_name_then(plugins, served, small):
    opened = Document.open(small)
    model = ParametersModel(opened, plugins)
    assert model.duplicate(1) == 2
    assert model.duplicate(0) == 1
    assert model.titles() == ["saliency", "saliency 2 (saliency)", "rise", "rise 2 (rise)"]
    assert config.examine(opened.named, opened.base, served[0])[1] == []


def test_only_what_is_trained_takes_an_artifact(plugins):
    model = ParametersModel(document(methods=["p_tame", "saliency"]), plugins)
    assert [f.key for f in model.more(0) if f.key not in model.MORE] == ["artifact"]
    assert {f.key for f in model.more(1)} == set(model.MORE)
    model.set(0, ("artifact",), "artifacts/net")
    assert model.document.get("methods", 0) == {"use": "p_tame", "artifact": "artifacts/net"}


def test_unknown_parameters_and_methods_are_shown(plugins):
    entries = [{"use": "rise", "with": {"odd": 1}}, {"use": "gone", "with": {"a": 2}}, 7]
    model = ParametersModel(document(methods=entries), plugins)
    assert [f.key for f in model.fields(0)][-1] == "odd"
    assert [f.key for f in model.fields(1)] == ["a"]
    assert model.entry(1) is None
    assert model.titles()[2] == "?"


# Models


def test_a_file_tells_its_networks_first_without_being_run(small):
    path = small.parent / "net.py"
    callees = callees_of(path)
    assert [c.name for c in callees] == ["Block", "Net", "helper"]
    net = callees[1]
    assert [(a.key, a.kind, a.default) for a in net.arguments] == [
        ("width", "whole", 4),
        ("scale", "number", 0.5),
        ("name", "text", "net"),
        ("sizes", "mixed", [1, 2]),
    ]
    assert net.summary == "A small network."
    helper = callees[2]
    assert [(a.key, a.required) for a in helper.arguments] == [("width", True), ("depth", False)]
    assert "net" not in sys.modules


def test_the_outermost_network_comes_first(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "class Block(Module):\n  pass\nclass Net(Module):\n  def __init__(self):\n    Block()\n"
    )
    assert [c.name for c in callees_of(path)] == ["Net", "Block"]


@pytest.mark.parametrize("content", ["def (:", "\0", "", "x = 1"])
def test_a_file_without_networks_defines_none(tmp_path, content):
    (tmp_path / "net.py").write_text(content)
    assert callees_of(tmp_path / "net.py") == []
    assert callees_of(tmp_path / "gone.py") == []


def test_picking_files_fills_factory_weights_or_file(small):
    model = NetworkModel(Document.open(small))
    index = model.add()
    model.pick(index, small.parent / "net.py")
    assert model.document.data["models"][1]["factory"] == "net.py:Block"
    model.pick(index, small.parent / "w.safetensors")
    assert model.document.data["models"][1]["weights"] == "w.safetensors"
    model.pick(index, small.parent / "whole.pt2")
    assert model.document.data["models"][1].get("factory") is None
    assert model.document.data["models"][1]["file"] == "whole.pt2"


def test_arguments_that_the_factory_does_not_take_are_shown(small):
    model = NetworkModel(Document.open(small))
    model.document.set(("models", 0, "arguments", "odd"), 1)
    assert [f.key for f in model.arguments(0)] == ["width", "scale", "name", "sizes", "odd"]


def test_500_layers_become_a_tree():
    names = [f"a.{i}.b.{j}" for i in range(50) for j in range(10)]
    tree = tree_of([{"name": name} for name in names])
    assert [layer.name for layer in tree] == ["a"]
    assert len(tree[0].inner) == 50
    assert len(tree[0].inner[0].inner[0].inner) == 10


# Target


def test_a_class_is_a_name_before_it_is_a_number():
    models = [{"factory": "a:b", "classes": ["cat", "7"]}]
    model = TargetModel(document(models=models))
    model.set_class("7")
    assert model.document.data["target"] == {"class": "7"}
    model.set_class("1")
    assert model.document.data["target"] == {"class": 1}
    model.set_class("predicted")
    assert "target" not in model.document.data
    assert model.classes() == ["cat", "7"]


def test_a_single_class_has_a_counterpart_and_1000_come_from_a_file(tmp_path):
    assert class_names({"classes": ["tumour"]}, tmp_path) == ["not tumour", "tumour"]
    (tmp_path / "names.txt").write_text("\n".join(f"class {i}" for i in range(1000)))
    assert len(class_names({"classes": "names.txt"}, tmp_path)) == 1000
    assert class_names({"classes": "gone.txt"}, tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "numbers", "mask"),
    [
        ("border", "", "border"),
        ("label value", "4", {"label": 4}),
        ("component", "1, 2, 3", {"component": [1, 2, 3]}),
        ("box", "0 to 9, 4 to 20", {"box": [[0, 9], [4, 20]]}),
        ("box", "0 to x", {"box": [[0, "x"]]}),
        ("component", "", {"component": []}),
    ],
)
def test_masks_are_written_and_read_back(kind, numbers, mask):
    model = TargetModel(document(models=[]))
    model.set_mask(kind, numbers)
    assert model.document.data["target"]["mask"] == mask
    assert model.mask() == (kind, numbers)


def test_another_wrapper_takes_the_parameters_of_the_last_along(plugins):
    model = TargetModel(document(models=[{"task": "classification"}]), plugins)
    model.put("with", {"heat": 2})
    assert [f.key for f in model.wrapper_fields()] == ["heat"]
    model.set_wrapper("classification")
    assert model.document.data["target"] == {"wrapper": "classification"}
    model.set_wrapper(None)
    assert "target" not in model.document.data


def test_a_model_has_a_target_of_its_own(plugins):
    models = [{"name": "a", "factory": "x:y"}, {"name": "b", "factory": "x:y"}]
    whole = document(models=models, target={"class": 2}, images=[{"models": ["b"]}, {}])
    model = TargetModel(whole, plugins, level=("models", 1))
    assert model.class_text() == "2"
    model.set_class("predicted")
    assert whole.data["models"][1]["target"] == {"class": "predicted"}
    assert TargetModel(whole).others() == ["b"]
    assert [text for text, _ in model.levels()] == ["All models", "a only", "b only"]
    assert model.images_for(0) == [1]
    assert model.images_for(1) == [0, 1]


# Run


def test_the_plan_is_told_in_words():
    plan = {
        "groups": 2,
        "jobs": 12,
        "passes": {"forward": 1200, "backward": 3},
        "run_seconds": 61.0,
        "workers": 2,
        "memory": 2e9,
    }
    assert totals(plan) == (
        "12 jobs in 2 groups · 1,200 forward, 3 backward passes · about 1 min 1 s with 2 workers · "
        "2.0 GB of memory per worker"
    )
    assert totals(None) == ""
    failed = {"groups": 1, "jobs": 1, "passes": None, "run_seconds": None, "memory": None}
    assert totals(failed) == "1 jobs in 1 groups"


def test_the_plans_rows_say_what_would_fail():
    job = {"id": "i/m/t/rise", "passes": None, "seconds": None, "error": "no such layer"}
    group = {"image": "i", "model": "m", "target": "t", "jobs": [job], "error": None}
    assert rows({"groups": [group]}) == [("i / m / t", [("rise", "", "", "no such layer")])]


def test_a_config_for_elsewhere_is_whole_and_valid(small, plugins, served, tmp_path):
    (small.parent / "plugins").mkdir()
    model = RunModel(Document.open(small), plugins)
    data = model.self_contained()
    assert data["plugins"] == [str(small.parent / "plugins")]
    assert data["models"][0]["factory"] == f"{small.parent}/net.py:Net"
    assert data["output"] == str(small.parent / "runs" / "small")
    assert data["name"] == "small"
    assert config.examine(data, "/", served[0])[1] == []
    json.dumps(data)
    model.document.set(("models",), 3)
    assert model.self_contained() is None


def test_the_run_page_shows_whatever_the_schema_holds(plugins):
    model = RunModel(document(), plugins)
    assert {f.key for f in model.fields()} == set(
        plugins.schema["$defs"]["Execution"]["properties"]
    )
    assert [f.key for f in model.top_fields()] == ["name", "output", "plugins", "references"]
