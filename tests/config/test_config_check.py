import pytest

from esegeta import config as cfg


def check(data, base, registry):
    return {p.path: p for p in cfg.check(cfg.parse(data, base), registry)}


@pytest.mark.parametrize(
    ("method", "where", "message", "near"),
    [
        ("salency", "methods[0]", "no such method", "saliency"),
        ({"use": "lift"}, "methods[0].use", "no such method", "captum.lift"),
        ({"use": "pixelwise"}, "methods[0].use", "of the family wrapper", None),
        ("shap.kernel", "methods[0]", "unavailable: no shap", None),
        ("cam", "methods[0]", "cam needs layers", None),
        ({"use": "cam", "layers": []}, "methods[0].layers", "cam needs layers", None),
        ({"use": "saliency", "layers": ["a"]}, "methods[0].layers", "takes no layers", None),
        (
            {"use": "captum.lift", "with": {"count": 1}},
            "methods[0].use",
            "does not serve segmentation",
            None,
        ),
        ({"use": "paths", "with": {"stepz": 1}}, "methods[0].with.stepz", "unknown key", "steps"),
        ({"use": "paths", "with": {"steps": "8"}}, "methods[0].with.steps", "whole number", None),
        ({"use": "paths", "with": {"steps": 65}}, "methods[0].with.steps", "bounds", None),
        ({"use": "paths", "with": {"rule": "gaus"}}, "methods[0].with.rule", "choices", "gauss"),
        (
            {"use": "paths", "with": {"start": "zer"}},
            "methods[0].with.start",
            "expected 'zero', 'mean' or a number",
            "zero",
        ),
        ({"use": "paths", "with": {"start": -1}}, "methods[0].with.start", "bounds", None),
        ({"use": "paths", "with": {"shape": [1, 0]}}, "methods[0].with.shape[1]", "bounds", None),
        ({"use": "saliency", "models": ["unte"]}, "methods[0].models[0]", "no such model", "unet"),
        (
            {"use": "saliency", "target": {"class": "brian"}},
            "methods[0].target.class",
            "no such class",
            "brain",
        ),
        (
            {"use": "saliency", "target": {"wrapper": "pixlwise"}},
            "methods[0].target.wrapper",
            "no such wrapper",
            "pixelwise",
        ),
    ],
)
def test_method(data, tmp_path, registry, method, where, message, near):
    data["methods"] = [method]
    found = check(data, tmp_path, registry)
    assert list(found) == [where]
    assert message in found[where].message
    assert found[where].nearest == near


def test_required_parameter_and_remedy(data, tmp_path, registry):
    data["models"][0] |= {"task": "classification"}
    data["target"] = {}
    data["methods"] = ["captum.lift", "shap.kernel"]
    found = check(data, tmp_path, registry)
    assert found["methods[0].with.count"].message == "this key is missing; it holds: count"
    assert found["methods[0].with.count"].valid is None
    assert found["methods[1]"].valid == "pip install shap"


@pytest.mark.parametrize(
    ("target", "where", "message"),
    [
        ({"class": 2}, "target.class", "no such class"),
        ({"class": "brian"}, "target.class", "no such class"),
        ({"wrapper": "classification"}, "target.wrapper", "does not serve segmentation"),
        ({"wrapper": "otsu", "with": {"bins": 1}}, "target.with.bins", "bounds"),
        ({"wrapper": "pixelwise", "with": {"bins": 9}}, "target.with.bins", "unknown key"),
        ({"with": {"bins": 9}}, "target.with.bins", "unknown key"),
    ],
)
def test_target(data, tmp_path, registry, target, where, message):
    data["target"] = target
    found = check(data, tmp_path, registry)
    assert list(found) == [where]
    assert message in found[where].message


def test_one_name_stands_for_a_single_logit_and_two_classes(data, tmp_path, registry):
    data["models"][0]["classes"] = ["vessel"]
    for class_ in ("vessel", "not vessel", 0, 1):
        data["target"]["class"] = class_
        assert check(data, tmp_path, registry) == {}
    data["target"]["class"] = 2
    assert check(data, tmp_path, registry)["target.class"].valid == "0 to 1"


def test_a_misspelt_name_is_no_wrappers_among_methods_and_no_methods_among_wrappers(
    data, tmp_path, registry
):
    data["methods"] = ["pixelwse"]
    data["target"]["wrapper"] = "salieny"
    found = check(data, tmp_path, registry)
    for where in ("methods[0]", "target.wrapper"):
        assert found[where].nearest is None
    assert "pixelwise" not in found["methods[0]"].valid
    assert "saliency" not in found["target.wrapper"].valid


def test_model_without_class_names(data, tmp_path, registry):
    del data["models"][0]["classes"]
    assert "names no classes" in check(data, tmp_path, registry)["target.class"].message
    data["target"]["class"] = 7
    assert check(data, tmp_path, registry) == {}


@pytest.mark.parametrize("mask", ["label", {"label": 3}])
def test_label_mask_needs_labels(data, tmp_path, registry, mask):
    data["target"]["mask"] = mask
    assert check(data, tmp_path, registry) == {}
    del data["images"][0]["label"]
    assert "'t1.nii.gz' has no label" in check(data, tmp_path, registry)["target.mask"].message


def test_missing_files(data, tmp_path, registry):
    for name in ("net.py", "net.safetensors", "t1.nii.gz", "brain.nii.gz"):
        (tmp_path / name).unlink()
    (tmp_path / "net.safetensor").touch()
    data |= {"plugins": ["plugs"], "references": ["refs/*.nii"]}
    found = check(data, tmp_path, registry)
    assert sorted(found) == [
        "images[0].label",
        "images[0].path",
        "models[0].factory",
        "models[0].weights",
        "plugins[0]",
        "references[0]",
    ]
    assert found["models[0].weights"].nearest == "net.safetensor"


def test_steps_are_asked_of_the_images(data, tmp_path, registry):
    data["preprocess"] = [{"use": "ToCanonical"}, {"use": "Resample", "with": {"targt": 1}}]
    data["models"][0]["preprocess"] = [{"use": "Bad"}]
    found = check(data, tmp_path, registry)
    assert sorted(found) == ["models[0].preprocess[0].use", "preprocess[1].with.targt"]
    assert found["preprocess[1].with.targt"].nearest == "target"


@pytest.mark.parametrize("mask", ["border", "label", {"box": [[0, 4], [0, 4]]}])
@pytest.mark.parametrize(
    ("place", "where"),
    [
        (("target",), "target.mask"),
        (("models", 0, "target"), "models[0].target.mask"),
        (("methods", 1, "target"), "methods[1].target.mask"),
    ],
)
def test_a_mask_is_for_segmentation(data, tmp_path, registry, mask, place, where):
    data["models"][0]["task"] = "classification"
    data["target"] = {}
    del data["images"][0]["label"]
    *parents, last = place
    part = data
    for key in parents:
        part = part[key]
    part[last] = {"mask": mask}
    found = check(data, tmp_path, registry)
    assert list(found) == [where]
    assert found[where].message == "a mask is for segmentation; 'unet' does classification"
    part[last] = {"mask": "predicted"}
    assert check(data, tmp_path, registry) == {}


def test_a_mask_for_one_of_two_models_is_no_problem(data, tmp_path, registry):
    data["models"].append({**data["models"][0], "name": "net", "task": "classification"})
    data["target"] = {"mask": "label"}
    data["methods"][1]["target"] = {"mask": "border"}
    assert check(data, tmp_path, registry) == {}
    data["methods"][1]["models"] = ["net"]
    assert list(check(data, tmp_path, registry)) == ["methods[1].target.mask"]
    config = cfg.parse(data, tmp_path)
    assert list(cfg.check(config, registry, doubtful=frozenset({1}))) == []


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("steps", 0, "at least 1 and at most 64"),
        ("steps", 65, "at least 1 and at most 64"),
        ("start", -1, "at least 0"),
        ("shape", [1, 0], "at least 1"),
    ],
)
def test_both_bounds_are_told(data, tmp_path, registry, name, value, valid):
    data["methods"] = [{"use": "paths", "with": {name: value}}]
    ((_, problem),) = check(data, tmp_path, registry).items()
    assert problem.valid == valid


def test_target_is_inherited_by_key(data, tmp_path):
    data["target"] = {"class": "brain", "wrapper": "otsu", "with": {"bins": 8}}
    data["models"][0]["target"] = {"mask": "border"}
    data["methods"] = [
        "saliency",
        {"use": "paths", "target": {"class": 0}},
        {"use": "cam", "layers": ["a"], "target": {"wrapper": "pixelwise"}},
    ]
    config = cfg.parse(data, tmp_path)
    (model,), methods = config.models, config.methods
    one = cfg.target_of(config, model, methods[0])
    assert (one.class_, one.wrapper, one.mask, one.with_) == (
        "brain",
        "otsu",
        "border",
        {"bins": 8},
    )
    two = cfg.target_of(config, model, methods[1])
    assert (two.class_, two.wrapper, two.mask) == (0, "otsu", "border")
    three = cfg.target_of(config, model, methods[2])
    assert (three.class_, three.wrapper, three.with_) == ("brain", "pixelwise", {})


def test_default_wrapper_goes_by_the_task(data, tmp_path):
    data["target"] = {}
    data["models"].append({**data["models"][0], "name": "net", "task": "classification"})
    config = cfg.parse(data, tmp_path)
    wrappers = [cfg.target_of(config, model).wrapper for model in config.models]
    assert wrappers == ["pixelwise", "classification"]
