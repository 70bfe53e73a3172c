import inspect
import subprocess
import sys

import pytest

from esegeta.images import check_steps
from esegeta.images.steps import _NEEDED, STEPS

GOOD = [
    ("ZNormalization", {}),
    ("ZNormalization", {"masking_method": "mean"}),
    ("ZNormalization", {"masking_method": [2, 2, 2]}),
    ("RescaleIntensity", {"out_min_max": [0, 1], "percentiles": [0.5, 99.5]}),
    ("RescaleIntensity", {"out_min_max": 1, "in_min_max": [-1000, 1000]}),
    ("Clamp", {"out_min": -1000}),
    ("Mask", {"masking_method": "label", "labels": [1, 2]}),
    ("HistogramStandardization", {"landmarks": list(range(13))}),
    ("ChannelNormalization", {"mean": [0.485, 0.456, 0.406], "std": (0.229, 0.224, 0.225)}),
    ("Resample", {"target": 4}),
    ("Resample", {"target": [1, 1.5, 2], "image_interpolation": "bspline", "antialias": True}),
    ("Resize", {"target_shape": [224, 224]}),
    ("CropOrPad", {"target_shape": [64, None, 64], "padding_mode": "minimum"}),
    ("CropOrPad", {"target_shape": 51.2, "units": "mm"}),
    ("CropOrPad", {"mask_name": "label"}),
    ("Crop", {"cropping": [1, 2, 3, 4, 5, 6]}),
    ("Pad", {"padding": 3, "padding_mode": 0.5}),
    ("EnsureShapeMultiple", {"target_multiple": 8, "method": "crop"}),
    ("ToCanonical", {}),
    ("ToOrientation", {"orientation": "LPS"}),
]

BAD = [
    ("Znormalization", {}, "no preprocessing step 'Znormalization'; did you mean 'ZNormalization'"),
    ("Sharpen", {}, "no preprocessing step 'Sharpen'. There are: ZNormalization, RescaleIntens"),
    ("RandomAffine", {}, "RandomAffine is random; an explanation is of one image"),
    ("Flip", {"axes": 0}, "no preprocessing step 'Flip'"),
    ("Resample", {"targt": 4}, "no argument 'targt'; did you mean 'target'?"),
    ("Resample", {"target": 0}, "'target' must be a number above 0"),
    ("Resample", {"target": "4"}, "'target' must be a number above 0"),
    ("Resample", {"target": True}, "'target' must be a number above 0"),
    ("Resample", {"target": [1, 1, 1, 1]}, "2 or 3 of them"),
    ("Resample", {"target": "t1.nii.gz"}, "not 't1.nii.gz'"),
    ("Resample", {"p": 0.5}, "no argument 'p'"),
    ("Resample", {"image_interpolation": "cubical"}, "one of 'linear', 'nearest'"),
    ("Resample", {"antialias": 1}, "true or false, not 1"),
    ("Resize", {}, "Resize needs 'target_shape'"),
    ("Resize", {"target_shape": 22.5}, "a whole number above 0"),
    ("CropOrPad", {}, "needs 'target_shape', or 'mask_name'"),
    ("CropOrPad", {"target_shape": 64.5}, "in voxels must be whole numbers, not 64.5"),
    ("CropOrPad", {"target_shape": 64, "location": "random"}, "no argument 'location'"),
    ("CropOrPad", {"target_shape": 64, "only_crop": True, "only_pad": True}, "exclude each other"),
    ("Crop", {"cropping": -1}, "a whole number from 0"),
    ("Pad", {"padding": 1, "padding_mode": "empty"}, "'padding_mode' must be a number or one of"),
    ("ToOrientation", {"orientation": "RAL"}, "three letters"),
    ("ZNormalization", {"masking_method": "Left"}, "one of 'mean', 'label'"),
    ("RescaleIntensity", {"out_min_max": [1, 0]}, "two rising numbers"),
    ("RescaleIntensity", {"percentiles": [0, 101]}, "two rising numbers from 0 to 100"),
    ("Clamp", {}, "needs 'out_min' or 'out_max'"),
    ("Clamp", {"out_min": 2, "out_max": 1}, "must not be above"),
    ("Clamp", {"out_min": float("nan")}, "a number or null, not nan"),
    ("Mask", {"masking_method": "mean", "labels": [1]}, "'labels' needs 'masking_method'"),
    ("ChannelNormalization", {"mean": [0.5]}, "ChannelNormalization needs 'std'"),
    ("ChannelNormalization", {"mean": [0.5], "std": [0]}, "a number above 0"),
    ("ChannelNormalization", {"mean": [0.5], "std": [1, 1]}, "one per channel"),
    ("HistogramStandardization", {"landmarks": [1, 2]}, "13 of them (a number)"),
]


@pytest.mark.parametrize(("use", "arguments"), GOOD)
def test_what_is_right_passes(step, use, arguments):
    assert check_steps([step(use, **arguments)]) == []


@pytest.mark.parametrize(("use", "arguments", "message"), BAD)
def test_what_is_wrong_is_said(step, use, arguments, message):
    found = check_steps([step("ToCanonical"), step(use, **arguments)])
    assert [index for index, _ in found] == [1]
    assert message in found[0][1]


def test_all_problems_are_found_at_once(step):
    steps = [step("Resample", target=-1, antialas=True), step("Resiz"), step("Pad", padding="a")]
    assert [index for index, _ in check_steps(steps)] == [0, 0, 1, 2]


@pytest.mark.parametrize("use", [name for name in STEPS if name != "ChannelNormalization"])
def test_names_and_needed_arguments_are_torchios(use):
    import torchio

    parameters = inspect.signature(getattr(torchio, use)).parameters
    assert set(STEPS[use]) - {"orientation"} <= set(parameters)
    needed = [name for name, p in parameters.items() if p.default is p.empty and p.kind < 4]
    assert set(needed) - {"kwargs"} <= set(_NEEDED.get(use, []))


def test_checking_loads_neither_torch_nor_torchio():
    code = (
        "import sys; from esegeta.images import check_steps; check_steps([]);"
        "print(sorted({'torch', 'torchio', 'SimpleITK', 'PIL', 'nibabel'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
