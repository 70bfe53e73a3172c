"""The trained 3D U-Net on a whole-head T1, from a JSON file."""

import json

import nibabel as nib
import numpy as np
import pytest

import esegeta

pytestmark = [pytest.mark.real, pytest.mark.slow]

METHODS = {
    "saliency": {},
    "integrated_gradients": {"steps": 8},
    "guided_backprop": {},
    "occlusion": {"window": 32, "stride": 32},
    "grad_cam@enc.1": {},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    from tests.conftest import DATA

    if not DATA.is_dir():
        pytest.skip("the real data of ../shared/data is not here")
    folder = tmp_path_factory.mktemp("brain")
    config = {
        "version": 1,
        "name": "brain",
        "models": [
            {
                "name": "unet",
                "factory": f"{DATA}/models/unet3d.py:UNet3D",
                "weights": str(DATA / "brain_t1" / "unet3d_whole.safetensors"),
                "task": "segmentation",
                "classes": ["background", "brain"],
            }
        ],
        "images": [{"path": str(DATA / "brain_t1" / "t1.nii.gz")}],
        "preprocess": [
            {"use": "Resample", "with": {"target": 4}},
            {"use": "ZNormalization", "with": {"masking_method": "mean"}},
        ],
        "target": {"class": "brain", "wrapper": "pixelwise", "mask": "predicted"},
        "methods": [
            {"use": name.partition("@")[0], "with": options}
            | ({"layers": [name.partition("@")[2]]} if "@" in name else {})
            for name, options in METHODS.items()
        ],
        "output": "run",
    }
    (folder / "brain.json").write_text(json.dumps(config))
    result = esegeta.run(folder / "brain.json", quiet=True)
    assert result.reasons == {}
    return result, nib.load(DATA / "brain_t1" / "t1.nii.gz")


def result_of(finished, name):
    folder = finished[0].folder / "t1" / "unet" / "brain" / name
    return json.loads((folder / "result.json").read_text()), nib.load(folder / "map.nii.gz")


@pytest.mark.parametrize("name", METHODS)
def test_maps_lie_in_the_t1s_own_space(finished, name):
    record, written = result_of(finished, name)
    source = finished[1]
    assert record["state"] == "done"
    assert written.shape == source.shape
    np.testing.assert_array_equal(written.affine, source.affine)
    values = written.get_fdata(dtype=np.float32)
    assert np.isfinite(values).all()
    assert values.std() > 0
    assert all(check["passed"] for check in record["checks"])


def test_grad_cam_lies_on_the_brain(finished):
    _, written = result_of(finished, "grad_cam@enc.1")
    head = finished[1].get_fdata(dtype=np.float32)
    values = written.get_fdata(dtype=np.float32)
    assert values[head > head.mean()].sum() > 0.75 * values.sum()


def test_integrated_gradients_are_complete(finished):
    record, _ = result_of(finished, "integrated_gradients")
    (check,) = [c for c in record["checks"] if c["name"] == "completeness"]
    assert check["value"] < 0.05
