import json
from pathlib import Path

import pytest

from esegeta import config as cfg
from esegeta.config import loading
from esegeta.config.models import Config
from esegeta.errors import ConfigError


def problems(data, base, registry=None):
    """All problems of form, and of content where a registry is given, by path."""
    try:
        config = cfg.parse(data, base)
    except ConfigError as error:
        return {p.path: p for p in error.problems}
    found = cfg.check(config, registry) if registry else []
    assert len({p.path for p in found}) == len(found)
    return {p.path: p for p in found}


def put(data, path, value):
    """Set the value at a path given as a tuple."""
    *parents, last = path
    for key in parents:
        data = data[key]
    data[last] = value


def test_good_config(data, tmp_path, registry):
    config = cfg.parse(data, tmp_path)
    assert cfg.check(config, registry) == []
    model, image = config.models[0], config.images[0]
    assert model.factory == f"{tmp_path}/net.py:UNet"
    assert (model.weights, image.path) == (tmp_path / "net.safetensors", tmp_path / "t1.nii.gz")
    assert (config.output, config.base) == (tmp_path / "runs/brain", tmp_path)
    assert [m.name for m in config.methods] == ["saliency", "paths", "cam"]
    assert config.methods[1].with_ == {"steps": 32}


def test_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = {
        "name": "small",
        "models": [{"factory": "torchvision.models:resnet18", "task": "classification"}],
        "images": [{"path": "a.png"}],
        "methods": ["saliency"],
    }
    config = cfg.parse(small, Path("/somewhere"))
    assert config.models[0].name == "resnet18"
    assert config.output == tmp_path / "runs" / "small"
    assert config.target.class_ == "predicted"
    assert config.execution.devices == "auto"
    assert config.images[0].path == Path("/somewhere/a.png")


def test_file_gives_name_and_base(data, tmp_path):
    del data["name"]
    (tmp_path / "my run.json").write_text(json.dumps(data))
    config = cfg.load(tmp_path / "my run.json")
    assert (config.name, config.base) == ("my run", tmp_path)


def test_dump_is_json_that_parses_to_the_same(data, tmp_path):
    data["methods"].append({"use": "cam", "layers": ["x"], "target": {"mask": "border"}})
    config = cfg.parse(data, tmp_path)
    text = json.dumps(cfg.dump(config))
    again = cfg.parse(json.loads(text), Path("/elsewhere"))
    assert cfg.dump(again) == json.loads(text)
    assert again.methods == config.methods
    assert again.methods[3].target.model_fields_set == {"mask"}
    assert json.loads(text)["methods"][0] == "saliency"


BAD = [
    (("models", 0, "weihgts"), "x", "unknown key", "weights"),
    (("modles",), [], "unknown key", "models"),
    (("version",), 2, "version 1", None),
    (("name",), "a/b", "cannot be a folder's name", None),
    (("models", 0, "name"), ".hidden", "cannot be a folder's name", None),
    (("models", 0, "task"), "segmentatoin", "none of the choices", "segmentation"),
    (("models", 0, "factory"), "net.py", "names no factory", None),
    (("models", 0, "classes"), 3, "expected a list", None),
    (("models", 0, "classes", 1), 3, "expected a text", None),
    (("models", 0, "trust"), 1, "expected true or false", None),
    (("models", 0, "arguments"), [], "expected an object", None),
    (("models", 0, "output"), True, "expected a key", None),
    (("models", 0, "target"), {"clas": 1}, None, None),
    (("images", 0, "path"), 3, "expected a path", None),
    (("images", 0, "path"), "a\0b", "null", None),
    (("images", 0, "index"), 0, "npy", None),
    (("images", 0, "axes"), "HWD", "none of the choices", "HW"),
    (("images", 0, "axes"), "HW", "npy", None),
    (("images", 0, "arguments"), {"a": 1}, "belong to a factory", None),
    (("target", "class"), -1, "counted from 0", None),
    (("target", "class"), True, "expected a class", None),
    (("target", "mask"), "lable", "no such mask", "label"),
    (("target", "mask"), {"box": [[0, 4], [5, 5]]}, "no mask", None),
    (("target", "mask"), {"component": [1]}, "no mask", None),
    (("target", "contrast"), "men", "no such contrast", "mean"),
    (("target", "contrast"), 3, "no such contrast", None),
    (("methods",), [], "at least 1", None),
    (("methods", 0), 3, "expected an object", None),
    (("methods", 1, "wiht"), {}, "unknown key", "with"),
    (("methods", 1, "with"), [], "expected an object", None),
    (("methods", 2, "layers"), "enc.1", "expected a list", None),
    (("methods", 2, "models"), [], "at least 1", None),
    (("execution", "seed"), -1, "outside its bounds", None),
    (("execution", "seed"), "0", "expected a whole number", None),
    (("execution", "threads"), 0, "outside its bounds", None),
    (("execution", "memory"), "8 gigs", "no amount of memory", None),
    (("execution", "memory"), "0GB", "no amount of memory", None),
    (("execution", "amp"), "bf32", "there is no such precision", None),
    (("execution", "timeout"), "10 minutes", "this is no length of time", None),
    (("execution", "timeout"), -3, "this is no length of time", None),
    (("execution", "engine"), "rai", "", "ray"),
    (("execution", "address"), "head", "this is no address of a cluster", None),
    (("execution", "address"), "ray://head:10001", "Ray's client cannot run this", None),
    (("execution", "address"), "head:6379", "an address is Ray's", None),
    (("execution", "devices"), "cpu", "expected devices", None),
    (("execution", "devices"), ["gpu"], "'gpu' is no device", None),
    (("execution", "devices"), [], "expected devices", None),
    (("execution", "jobs_per_device"), 0, "", None),
    (("patches",), {"size": [64, 64, 64]}, "unknown key", None),
    (("evaluate",), {}, "expected a list", None),
    (
        ("preprocess",),
        ["ZNormalization"],
        'preprocess[0]: expected an object; write {"use": "ZNormalization"}',
        None,
    ),
    (("images", 0), "ü.png", 'expected an object; write {"path": "ü.png"}', None),
    (("models", 0), "a.py:B", "expected an object", None),
    (("name",), "", "cannot be a folder's name", None),
    (("name",), "a\n", "cannot be a folder's name", None),
    (("plugins",), "plugins", "expected a list", None),
]


def written(path):
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


@pytest.mark.parametrize(("path", "value", "message", "near"), BAD, ids=lambda v: str(v)[:30])
def test_bad_form_is_one_problem_at_its_path(data, tmp_path, path, value, message, near):
    if isinstance(path[-1], int) and path[-1] == len(data):
        data[path[0]].append(None)
    put(data, path, value)
    found = problems(data, tmp_path)
    assert len(found) == 1
    (where, problem), *_ = found.items()
    if message is None or message.startswith("preprocess"):
        assert where.startswith(written(path))
        assert (message or "") in str(problem)
        return
    assert where == written(path)
    assert message in problem.message
    assert problem.nearest == near


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        (lambda d: d["models"][0].pop("factory"), "models[0]", "one is missing"),
        (lambda d: d["models"][0].update(file="net.pt"), "models[0]", "two are given"),
        (lambda d: d["models"][0].pop("task"), "models[0].task", "missing"),
        (lambda d: d["images"][0].pop("path"), "images[0]", "one is missing"),
        (lambda d: d.pop("methods"), "methods", "missing"),
        (lambda d: d["methods"][1].pop("use"), "methods[1].use", "missing"),
        (lambda d: d["models"].append(d["models"][0]), "models[1].name", "taken by models[0]"),
        (
            lambda d: d["models"].append({**d["models"][0], "name": "UNet"}),
            "models[1].name",
            "taken by models[0]",
        ),
        (lambda d: d["methods"].append("saliency"), "methods[3]", "taken by methods[0]"),
        (
            lambda d: d.update(execution={"engine": "ray", "devices": ["cuda:1"]}),
            "execution.devices",
            "Ray chooses each worker's device",
        ),
        (
            lambda d: d["methods"].append({"use": "cam", "layers": ["enc.1", "enc.2"]}),
            "methods[3].name",
            "taken by methods[2]",
        ),
        (
            lambda d: d["models"][0]["classes"].append("brain"),
            "models[0].classes[2]",
            "stands twice",
        ),
    ],
)
def test_what_keys_owe_each_other(data, tmp_path, change, where, message):
    change(data)
    found = problems(data, tmp_path)
    assert list(found) == [where]
    assert message in found[where].message


def test_a_missing_key_says_what_it_holds_and_not_as_a_value(data, tmp_path):
    del data["methods"]
    del data["models"][0]["task"]
    found = problems(data, tmp_path)
    assert found["methods"].message == "this key is missing; it holds: the methods"
    assert found["methods"].valid is None
    assert found["models[0].task"].valid == "'classification', 'segmentation'"


def test_both_bounds_of_a_key_are_told(data, tmp_path):
    data["execution"] = {"seed": -1, "threads": 0}
    found = problems(data, tmp_path)
    assert found["execution.seed"].valid == f"at least 0 and below {2**32}"
    assert found["execution.threads"].valid == "at least 1"


@pytest.mark.parametrize("key", ["models", "images", "methods"])
def test_nothing_is_said_of_what_stands_in_for_an_empty_list(
    data, tmp_path, registry, monkeypatch, key
):
    monkeypatch.setattr(loading, "find", lambda folders: registry)
    data[key] = []
    (tmp_path / "c.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError) as caught:
        cfg.validate(tmp_path / "c.json")
    assert [p.path for p in caught.value.problems] == [key]


@pytest.mark.parametrize("name", ["ü日本", "Größe 2", "देवनागर", "naïve-é", "日本_1"])
def test_names_may_hold_any_letters(data, tmp_path, validator, name):
    data["name"] = data["models"][0]["name"] = name
    assert cfg.parse(data, tmp_path).models[0].name == name
    assert validator.is_valid(data)


@pytest.mark.parametrize("name", ["日/本", "日*", " 日", "_日", "日\u0000", "日\u3000本", "🙂"])
def test_names_hold_no_other_signs(data, tmp_path, name):
    data["name"] = name
    assert list(problems(data, tmp_path)) == ["name"]


def test_file_of_a_whole_model_takes_no_weights(data, tmp_path):
    del data["models"][0]["factory"]
    data["models"][0]["file"] = "net.pt"
    assert sorted(problems(data, tmp_path)) == ["models[0].arguments", "models[0].weights"]


def test_same_method_on_other_layers_models_targets_or_by_another_name(data, tmp_path):
    data["methods"] += [
        {"use": "cam", "layers": ["enc.2"]},
        {"use": "cam", "layers": ["enc.1"], "target": {"class": "background"}},
        {"use": "cam", "layers": ["enc.1"], "name": "cam signed", "with": {"relu": False}},
    ]
    assert problems(data, tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GB", 8 * 10**9), ("512MB", 512 * 10**6), ("2GiB", 2**31), ("1.5 kB", None), (1024, 1024)],
)
def test_memory(data, tmp_path, text, size):
    data["execution"]["memory"] = text
    if size is None:
        assert "execution.memory" in problems(data, tmp_path)
    else:
        assert cfg.parse(data, tmp_path).execution.memory == size


def test_all_problems_at_once(data, tmp_path, registry, monkeypatch):
    """Also what only the plug-ins know is told when the form is wrong somewhere else."""
    monkeypatch.setattr(loading, "find", lambda folders: registry)
    data["modles"] = 1
    data["models"][0]["weigths"] = "x"
    data["images"].append({"path": "nothing-*.png"})
    data["target"] |= {"class": "brian", "mask": "predictd"}
    data["methods"] = [
        "salincy",
        {"use": "paths", "with": {"stepz": 3, "steps": "32"}},
        "cam",
        7,
        {"use": "paths", "name": "again", "layrs": [], "with": {"rule": "gaus"}},
    ]
    data["execution"]["seed"] = -1
    (tmp_path / "c.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError) as caught:
        cfg.validate(tmp_path / "c.json")
    assert [p.path for p in caught.value.problems] == [
        "models[0].weigths",
        "images[1].path",
        "target.mask",
        "target.class",
        "methods[0]",
        "methods[1].with.steps",
        "methods[1].with.stepz",
        "methods[2]",
        "methods[3]",
        "methods[4].layrs",
        "methods[4].with.rule",
        "execution.seed",
        "modles",
    ]
    assert str(tmp_path / "c.json") in str(caught.value)


def test_nothing_is_concluded_from_what_is_malformed(data, tmp_path, registry, monkeypatch):
    monkeypatch.setattr(loading, "find", lambda folders: registry)
    data["models"][0]["clases"] = data["models"][0].pop("classes")
    data["methods"][2]["layrs"] = data["methods"][2].pop("layers")
    (tmp_path / "c.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError) as caught:
        cfg.validate(tmp_path / "c.json")
    assert [p.path for p in caught.value.problems] == ["models[0].clases", "methods[2].layrs"]


def test_validate_finds_plugins_beside_the_config(data, tmp_path, monkeypatch):
    monkeypatch.delenv("ESEGETA_PLUGINS", raising=False)
    asked = []
    monkeypatch.setattr(loading, "find", lambda folders: asked.extend(folders) or Config)
    monkeypatch.setattr(loading, "check", lambda *rest, **more: [])
    (tmp_path / "plugins").mkdir()
    (tmp_path / "more").mkdir()
    data["plugins"] = ["more", "absent"]
    (tmp_path / "c.json").write_text(json.dumps(data))
    cfg.validate(tmp_path / "c.json", [Path("given")])
    assert asked == [tmp_path / "plugins", tmp_path / "more", Path("given")]


@pytest.mark.parametrize("data", [None, 3, "x", [], {"a": object()}, {"a": float("nan")}, {}])
def test_what_is_no_config_at_all(data, tmp_path):
    with pytest.raises(ConfigError):
        cfg.parse(data, tmp_path)


def test_dollar_schema_is_for_the_editor(data, tmp_path):
    data["$schema"] = "esegeta.schema.json"
    assert "$schema" not in cfg.dump(cfg.parse(data, tmp_path))


def test_classes_may_stand_in_a_file_of_one_name_per_line(data, tmp_path):
    (tmp_path / "labels.txt").write_text("background\ncrane\nbird\ncrane\n")
    put(data, ("models", 0, "classes"), "labels.txt")
    config = cfg.parse(data, tmp_path)
    assert config.models[0].classes == ["background", "crane", "bird", "crane (3)"]
    assert cfg.parse(cfg.dump(config), tmp_path).models == config.models
    put(data, ("models", 0, "classes"), "labls.txt")
    found = problems(data, tmp_path)["models[0].classes"]
    assert "cannot read" in found.message
    assert "labls.txt" in str(found)
