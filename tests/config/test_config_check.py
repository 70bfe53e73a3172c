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
    assert found["methods[0].with.count"].message == "this key is missing"
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


def test_steps_are_asked_of_the_images(data, tmp_path, registry, monkeypatch):
    import esegeta.images

    def answer(steps):
        return [(i, "no") for i, step in enumerate(steps) if step.use == "Bad"]

    monkeypatch.setattr(esegeta.images, "check_steps", answer, raising=False)
    data["preprocess"] = [{"use": "Good"}, {"use": "Bad", "with": {"a": 1}}]
    data["models"][0]["preprocess"] = [{"use": "Bad"}]
    assert sorted(check(data, tmp_path, registry)) == ["models[0].preprocess[0]", "preprocess[1]"]


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
