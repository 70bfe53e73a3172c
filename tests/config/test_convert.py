"""Configs of TorchEsegeta become valid ones of esegeta, and what was chosen is told."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from esegeta import config
from esegeta.cli import app
from esegeta.convert import KEYS, convert, write
from esegeta.convert_methods import METHODS, literal
from esegeta.errors import ConfigError, RunError
from esegeta.registry import find

REGISTRY = find()
FOUND = REGISTRY.methods()

FACTORY = "from torch import nn\nclass Net(nn.Conv2d):\n    pass\n"


def old(**changes):
    """A config as TorchEsegeta's users have them."""
    keys = {
        "model_nature": "Segmentation",
        "model_name": "UNet 3D",
        "dataset": "vessels",
        "test_run": 0,
        "is_3d": 1,
        "isDepthFirst": 1,
        "batch_dim_present": 0,
        "default": 0,
        "resize": -1,
        "centre_crop": "(64, 64, 32)",
        "mean_vec": [],
        "std_vec": [],
        "patch_size": [48, 48, 32],
        "patch_overlap": "(16, 16, 8)",
        "log_level": "INFO",
        "output_path": "out",
        "amp_enbled": 1,
        "share_gpu_threads": 2,
        "timeout_enabled": True,
        "timeout_time": 600,
        "methods": [
            {"method_name": name, "library": name.split("_")[0], "use": 1, "keywords": {}}
            for name in METHODS
            if name != "lime_segmentation"
        ],
        "explain_methods": [
            {
                "method_name": "lime_segmentation",
                "library": "lime",
                "device_id": "cuda:0",
                "use": True,
                "keywords": {"top_labels": 1, "num_samples": 300, "num_features": 10, "depth": 5},
            }
        ],
    }
    return {**keys, **changes}


@pytest.fixture
def made(tmp_path):
    (tmp_path / "net.py").write_text(FACTORY)
    (tmp_path / "scan.nii.gz").write_bytes(b"")

    def make(**changes):
        path = tmp_path / "old.json"
        path.write_text(json.dumps(old(**changes)))
        options = {"model": f"{tmp_path / 'net.py'}:Net", "images": [tmp_path / "scan.nii.gz"]}
        return convert(path, FOUND, base=tmp_path, **options)

    return make


def methods(found):
    return {one["use"]: one for one in found.config["methods"]}


def problems(found, folder):
    return config.examine(found.config, folder, REGISTRY)[1]


def test_every_id_is_a_method_of_ours():
    assert len(METHODS) == 39
    assert {one.name for one in FOUND} >= set(METHODS.values())


def test_all_39_ids_make_a_valid_config(made, tmp_path):
    found = made()
    assert not problems(found, tmp_path)
    assert {one["use"] for one in found.config["methods"]} == set(METHODS.values())
    assert methods(found)["grad_cam"]["layers"] == ["auto"]
    assert methods(found)["deep_lift"]["amp"] == "off"


def test_what_the_keys_become(made):
    found = made().config
    assert found["models"][0] | {"factory": ""} == {
        "name": "UNet 3D",
        "factory": "",
        "task": "segmentation",
        "patches": {"size": [48, 48, 32], "overlap": [16, 16, 8]},
    }
    assert found["preprocess"] == [{"use": "CropOrPad", "with": {"target_shape": [64, 64, 32]}}]
    assert found["execution"] == {
        "timeout": "600s",
        "jobs_per_device": 2,
        "log": "info",
        "amp": "fp16",
    }
    assert found["name"] == "vessels"
    assert found["output"] == "out"


def test_a_classifier_of_pictures(made, tmp_path):
    found = made(
        model_nature="Classification", is_3d=0, resize=[256, 256], centre_crop=224, patch_size=-1,
        mean_vec=[0.485, 0.456, 0.406], std_vec=[0.229, 0.224, 0.225], timeout_enabled=False,
    )  # fmt: skip
    assert found.config["models"][0]["task"] == "classification"
    assert "patches" not in found.config["models"][0]
    steps = [step["use"] for step in found.config["preprocess"]]
    assert steps == ["Resize", "CropOrPad", "ChannelNormalization"]
    assert "timeout" not in found.config["execution"]
    assert not problems(found, tmp_path)


def test_keywords_become_parameters(made):
    found = made(
        methods=[
            {"method_name": "captum_Integrated_Gradients", "keywords": {"n_steps": 33, "target": 2}},
            {"method_name": "captum_LayerGradCam", "keywords": {"layer": "enc.1", "relu_attributions": 1}},
            {
                "method_name": "captum_occlusion",
                "keywords": {"sliding_window_shapes": "(1, 8, 8, 4)", "strides": 4, "baselines": 0.5},
            },
            {"method_name": "torchray_Rise", "keywords": {"num_masks": 50, "p": 0.25}},
            {"method_name": "captum_Saliency", "keywords": {"abs": True, "perturbations_per_eval": 9}},
        ]
    )  # fmt: skip
    ours = methods(found)
    assert ours["integrated_gradients"]["with"] == {"steps": 33}
    assert ours["integrated_gradients"]["target"] == {"class": 2}
    assert ours["grad_cam"]["layers"] == ["enc.1"]
    assert "with" not in ours["grad_cam"]  # 1 is no true
    assert any("relu_attributions = 1 is no relu" in note for note in found.notes)
    assert ours["occlusion"]["with"] == {"window": [8, 8, 4], "stride": 4, "baseline": 0.5}
    assert ours["rise"]["with"] == {"masks": 50, "keep": 0.75}
    assert ours["saliency"]["with"] == {"absolute": True}


def test_a_class_by_a_name_that_no_config_gives_is_left_out(made):
    keywords = {"target": "vessel"}
    found = made(methods=[{"method_name": "captum_Saliency", "keywords": keywords}])
    assert "target" not in methods(found)["saliency"]
    assert any("target 'vessel' is no number" in note for note in found.notes)


def test_what_is_not_known_is_named_with_the_nearest(made):
    found = made(
        patch_sise=3,
        methods=[
            {"method_name": "captum_Saliencey"},
            {"method_name": "captum_Saliency", "keyword": {}, "keywords": {"n_stepps": 3}},
            "captum_Saliency",
        ],
    )
    text = "\n".join(found.notes)
    assert "unknown key 'patch_sise'; did you mean 'patch_size'?" in text
    assert (
        "there is no method 'captum_Saliencey' in TorchEsegeta; did you mean 'captum_Saliency'?"
        in text
    )
    assert "unknown key 'keyword'; did you mean 'keywords'?" in text
    assert "nothing like the keyword 'n_stepps' ('n_steps'?)" in text
    assert "'captum_Saliency' is no method" in text


def test_what_is_switched_off_stays_out(made):
    off = {"method_name": "captum_Saliency", "use": 0}
    found = made(methods=[off, {"method_name": "cnn_vis_grad_cam", "use": 1}])
    assert "saliency" not in methods(found)
    assert "captum_Saliency is switched off: left out" in found.notes


def test_gaps_are_named(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old()))
    found = convert(path, FOUND)
    assert found.config["models"][0]["factory"] == "YOUR_MODEL.py:YourModel"
    assert found.config["images"] == [{"path": "YOUR_IMAGE.nii.gz"}]
    for part in ("model", "weights", "images", "target"):
        assert any(part in note and "given in Python" in note for note in found.notes), part
    text = " ".join(map(str, problems(found, tmp_path)))
    assert "there is no such file" in text
    assert "YOUR_MODEL.py" in text


def test_paths_are_those_of_the_new_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text(json.dumps(old()))
    found = convert(
        Path("old.json"), FOUND, model="code/net.py:Net", weights=Path("net.pt"),
        images=[Path("a.png")], base=Path("new/place"),
    )  # fmt: skip
    assert found.config["models"][0]["factory"] == "../../code/net.py:Net"
    assert found.config["models"][0]["weights"] == "../../net.pt"
    assert found.config["images"] == [{"path": "../../a.png"}]


def test_nothing_is_overwritten_unasked(made, tmp_path):
    new = tmp_path / "new.json"
    write(made(), new)
    first = new.read_text()
    with pytest.raises(RunError, match="--force"):
        write(made(dataset="other"), new)
    assert new.read_text() == first
    write(made(dataset="other"), new, force=True)
    assert json.loads(new.read_text())["name"] == "other"


@pytest.mark.parametrize("content", ["[]", "3", '{"version": 1}', '{"methods": 3}', "{", ""])
def test_other_files_are_refused(content, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(content)
    with pytest.raises(ConfigError):
        convert(path, FOUND)


def test_no_code_is_run(made, tmp_path):
    trap = tmp_path / "trap"
    code = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    made(centre_crop=code, patch_size=code, methods=[
        {"method_name": "captum_occlusion", "use": code, "keywords": {"strides": code}}
    ])  # fmt: skip
    assert literal(code) == code
    assert not trap.exists()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(0, 2) | st.text(max_size=8)
    | st.sampled_from(["(16, 16)", "[8]", "-1", "(1,)", "Segmentation", "DEBUG"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip
KEYWORDS = st.dictionaries(
    st.sampled_from(
        ["n_steps", "layer", "baselines", "strides", "target", "p", "channel", "abs", "x"]
    ),
    VALUES,
    max_size=4,
)
ENTRIES = st.fixed_dictionaries(
    {"method_name": st.sampled_from(sorted(METHODS))},
    optional={"use": VALUES, "keywords": KEYWORDS | VALUES, "title": VALUES},
)


@given(
    st.dictionaries(st.sampled_from(sorted(KEYS - {"methods"})), VALUES, max_size=8),
    st.lists(ENTRIES | VALUES, max_size=5),
)
def test_whatever_stands_in_it_a_config_of_the_right_form_comes_out(
    tmp_path_factory, keys, entries
):
    path = tmp_path_factory.mktemp("old") / "old.json"
    path.write_text(json.dumps({**keys, "methods": entries}))
    found = convert(path, FOUND)
    # All that may be wrong is that the model and the image that were not named are not there.
    wrong = problems(found, path.parent)
    assert all("YOUR_" in str(problem) for problem in wrong), [str(problem) for problem in wrong]


def test_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text(json.dumps(old()))
    (tmp_path / "net.py").write_text(FACTORY)
    (tmp_path / "scan.nii.gz").write_bytes(b"")
    given = ["convert", "old.json", "--model", "net.py:Net", "--image", "scan.nii.gz"]
    printed = CliRunner().invoke(app, given)
    assert printed.exit_code == 0
    assert "the weights were given in Python" in printed.stderr
    written = CliRunner().invoke(app, [*given, "-o", "new.json"])
    assert written.exit_code == 0
    assert json.loads(printed.stdout) == json.loads(Path("new.json").read_text())
    assert "esegeta validate new.json" in written.stdout
    assert config.validate(Path("new.json"))[0].models[0].name == "UNet 3D"
    assert isinstance(CliRunner().invoke(app, [*given, "-o", "new.json"]).exception, RunError)
    assert CliRunner().invoke(app, [*given, "-o", "new.json", "--force"]).exit_code == 0


def test_metrics_become_those_of_every_method(tmp_path):
    data = {
        "methods": [
            {"method_name": "captum_Saliency", "library": "captum", "uncertainity_metrics": 1},
            {"method_name": "cnn_vis_grad_cam", "uncertainity_cascading": "True"},
            {"method_name": "torchray_Rise", "use": 0, "uncertainity_metrics": 1},
        ]
    }
    path = tmp_path / "old.json"
    path.write_text(json.dumps(data))
    made = convert(path, FOUND)
    assert made.config["evaluate"] == ["infidelity", "sensitivity", "randomisation"]
    assert any("judge the maps of every method" in note for note in made.notes)
