"""One method on one image, from Python."""

import nibabel as nib
import numpy as np
import pytest
import torch

import esegeta
from esegeta import engine
from esegeta.checks import CheckFailed, check_map, completeness
from esegeta.errors import EsegetaError, MethodError, PluginError, TargetError
from esegeta.registry import find
from tests.nets import Segmenter, net, probe_of, run

IMAGE = torch.randn(2, 16, 12, generator=torch.Generator().manual_seed(2))


def test_explain_from_python():
    found = esegeta.explain(net(), IMAGE, "grad_cam", target=2, layer="c", relu=False)
    expected = run(probe_of(net(), IMAGE, target=2), "grad_cam", "c", relu=False)
    assert torch.equal(found.map, expected.map)
    assert found.target["class"] == "class 2"
    assert found.layer == "c"
    assert found.parameters == {"relu": False}
    assert found.passes == {"forward": 1, "backward": 1}


def test_explain_takes_arrays_batches_and_volumes():
    model = Segmenter(3).eval()
    volume = np.random.default_rng(0).normal(size=(1, 8, 8, 6)).astype("float32")
    alone = esegeta.explain(model, volume, "saliency", task="segmentation")
    batch = esegeta.explain(model, volume[None], "saliency", task="segmentation")
    assert torch.equal(alone.map, batch.map)
    flat = esegeta.explain(net(), IMAGE[None].numpy(), "saliency")
    assert torch.equal(flat.map, esegeta.explain(net(), IMAGE, "saliency").map)


@pytest.mark.parametrize(
    ("method", "options", "error", "message"),
    [
        ("grad_camm", {}, PluginError, "did you mean 'grad_cam'"),
        ("pixelwise", {}, PluginError, "is a wrapper"),
        ("pixelwse", {}, PluginError, "no method 'pixelwse'; there are: "),
        ("grad_cam", {}, MethodError, "needs a layer"),
        ("saliency", {"layer": "a"}, MethodError, "takes no layer"),
        ("rise", {"masks": 0}, MethodError, "masks: Input should be greater than or equal to 1"),
        ("rise", {"maks": 3}, MethodError, "maks: Extra inputs are not permitted"),
    ],
)
def test_what_does_not_exist_is_told(method, options, error, message):
    with pytest.raises(error, match=message):
        esegeta.explain(net(), IMAGE, method, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mask": "border"}, TargetError, "a mask is for segmentation; .*the mask 'border'"),
        ({"label": torch.zeros(16, 12)}, TargetError, "a mask is for segmentation; .*label map"),
        ({"task": "segmentaton"}, TargetError, "did you mean 'segmentation'"),
        ({"wrapper": "otsu"}, TargetError, "otsu does not serve classification.*: classification"),
        ({"wrapper": "saliency"}, PluginError, "is no wrapper"),
        ({"contrast": "weigted"}, TargetError, "no contrast 'weigted'; did you mean 'weighted'"),
        (
            {"wrapper_parameters": {"scale": "logits"}},
            MethodError,
            "'classification' refuses its parameters: scale: Extra inputs are not permitted",
        ),
    ],
)
def test_a_target_that_does_not_fit_is_told(options, error, message):
    with pytest.raises(error, match=message):
        esegeta.explain(net(), IMAGE, "saliency", **options)


WRAPPER = '''
from typing import Annotated
import torch
from esegeta import Param, Region, wrapper

@wrapper()
def heated(
    output: torch.Tensor,
    region: Region,
    *,
    heat: Annotated[float, Param(gt=0, help="Divides the logits")] = 1,
) -> torch.Tensor:
    """Logits at a temperature."""
    return output / heat
'''


def test_the_wrappers_parameters(tmp_path, monkeypatch):
    (tmp_path / "heated.py").write_text(WRAPPER)
    monkeypatch.setenv("ESEGETA_PLUGINS", str(tmp_path))
    monkeypatch.setattr(engine, "_registry", find)
    logit = esegeta.explain(net(), IMAGE, "saliency", target=1)
    found = esegeta.explain(
        net(), IMAGE, "saliency", target=1, wrapper="heated", wrapper_parameters={"heat": 4.0}
    )
    assert found.target["score"] == pytest.approx(logit.target["score"] / 4)
    torch.testing.assert_close(found.map, logit.map / 4)


def test_a_contrast():
    found = esegeta.explain(net(), IMAGE, "saliency", target=1, contrast="probability")
    assert found.target["contrast"] == "probability"
    assert found.target["score"] == pytest.approx(
        float(net()(IMAGE[None]).detach().softmax(1)[0, 1]), rel=1e-5
    )


def test_save_and_plot(tmp_path):
    flat = esegeta.explain(net(), IMAGE, "saliency")
    np.testing.assert_array_equal(np.load(flat.save(tmp_path / "a" / "m.npy")), flat.map)
    assert flat.save(tmp_path / "m.png").read_bytes()[:4] == b"\x89PNG"
    assert flat.plot().axes
    deep = esegeta.explain(
        Segmenter(3).eval(), torch.randn(1, 8, 8, 6), "saliency", task="segmentation"
    )
    saved = nib.load(deep.save(tmp_path / "m.nii.gz"))
    np.testing.assert_array_equal(saved.get_fdata(dtype="float32"), deep.map[0])
    dream = esegeta.explain(net(), IMAGE, "deep_dream", layer="b", steps=1, octaves=1)
    assert dream.plot().axes
    with pytest.raises(ValueError, match="must end in"):
        flat.save(tmp_path / "m.tiff")


def test_the_record_is_json():
    import json

    found = run(probe_of(net(), IMAGE), "integrated_gradients", steps=32)
    record = json.loads(json.dumps(found.record()))
    assert record["checks"][-1]["name"] == "completeness"
    assert record["range"] == [float(found.map.min()), float(found.map.max())]
    assert record["memory"] is None or record["memory"] > 1e6


def test_maps_that_say_nothing_are_no_results():
    assert [c.name for c in check_map(torch.tensor([0.0, 1.0]))] == ["finite", "range"]
    for values, message in [
        (torch.zeros(4), "zero everywhere"),
        (torch.full((4,), 0.3), "constant"),
        (torch.tensor([1.0, float("nan")]), "in 1 of 2 places"),
        (torch.tensor([1.0, float("inf")]), "NaN or infinite"),
    ]:
        with pytest.raises(CheckFailed, match=message):
            check_map(values)


def test_completeness_is_relative_to_the_difference_of_scores():
    assert completeness(1.05, 1.0).value == pytest.approx(0.05)
    assert completeness(1.05, 1.0).passed
    assert not completeness(0.0, 1.0).passed
    assert not completeness(1.0, 0.0).passed


def test_a_relu_that_leaves_nothing_is_a_failure_not_a_picture():
    class Negative(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.ReLU())

        def forward(self, x):
            return torch.stack([-self.a(x).sum((1, 2, 3)), torch.ones(len(x))], 1)

    with pytest.raises(CheckFailed, match="zero everywhere"):
        esegeta.explain(Negative(), IMAGE, "grad_cam", target=0, layer="a")
    found = esegeta.explain(Negative(), IMAGE, "grad_cam", target=0, layer="a", relu=False)
    assert found.map.max() <= 0


def test_captum_deep_lift_is_refused_where_it_is_wrong():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(2, 6, 3), torch.nn.GroupNorm(2, 6), torch.nn.GELU(),
        torch.nn.Conv2d(6, 6, 3), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(576, 3),
    )  # fmt: skip
    with pytest.raises(EsegetaError, match="Captum's DeepLift"):
        esegeta.explain(model, IMAGE, "captum.deep_lift")


def test_deep_dream_makes_the_layer_more_active_within_the_images_range():
    model = net()
    probe = probe_of(model, IMAGE)
    for channel in (None, 2):
        dream = run(probe, "deep_dream", "b", steps=8, octaves=2, channel=channel)
        assert dream.kind == "image"
        assert dream.map.min() >= IMAGE.min()
        assert dream.map.max() <= IMAGE.max()
        unit = probe.unit("b", channel)
        assert float(unit.score(dream.map[None])[0]) > 1.2 * unit.value


def test_public_names():
    for name in esegeta.__all__:
        assert getattr(esegeta, name) is not None
    assert set(esegeta.__all__) <= set(dir(esegeta))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = esegeta.nonsense


def test_explain_takes_patches_of_a_segmentation():
    model = Segmenter(2).eval()
    image = torch.rand(1, 20, 12)
    patches = esegeta.Patches(8, 4)
    found = esegeta.explain(model, image, "saliency", task="segmentation", patches=patches)
    assert found.map.shape == (1, 20, 12)
    assert found.patches["number"] == 8
    assert found.patches["backward"] == 8
    with pytest.raises(TargetError, match="patches are for segmentation"):
        esegeta.explain(net(), torch.rand(2, 12, 12), "saliency", patches=patches)
