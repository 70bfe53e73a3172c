import inspect
import subprocess
import sys

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esegeta.images import check_steps
from esegeta.images.steps import _NEEDED, STEPS, step_schemas

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
    ("Znormalization", {}, "use", "there is no such preprocessing step (here: 'Znormalization')"),
    ("Znormalization", {}, "use", "did you mean 'ZNormalization'? · valid: ZNormalization, Resc"),
    ("Sharpen", {}, "use", "    valid: ZNormalization, RescaleIntens"),
    ("RandomAffine", {}, "use", "this step is random; an explanation is of one image"),
    ("Flip", {"axes": 0}, "use", "there is no such preprocessing step"),
    ("Resample", {"targt": 4}, "with.targt", "has no such argument"),
    ("Resample", {"targt": 4}, "with.targt", "did you mean 'target'? · valid: target, image_"),
    ("Resample", {"a b": 4}, 'with["a b"]', "has no such argument"),
    ("ToCanonical", {"p": 4}, "with.p", "valid: no arguments at all"),
    ("Resample", {"target": 0}, "with.target", "(here: 0)\n    valid: a number above 0"),
    ("Resample", {"target": "4"}, "with.target", "valid: a number above 0"),
    ("Resample", {"target": True}, "with.target", "valid: a number above 0"),
    ("Resample", {"target": [1, 1, 1, 1]}, "with.target", "2 or 3 of them"),
    ("Resample", {"target": "t1.nii.gz"}, "with.target", "(here: 't1.nii.gz')"),
    ("Resample", {"p": 0.5}, "with.p", "has no such argument"),
    ("Resample", {"image_interpolation": "no"}, "with.image_interpolation", "one of 'linear', 'n"),
    ("Resample", {"antialias": 1}, "with.antialias", "valid: true or false"),
    ("Resize", {}, "with.target_shape", "Resize needs this argument\n    valid: a whole number"),
    ("Resize", {"target_shape": 22.5}, "with.target_shape", "a whole number above 0"),
    ("CropOrPad", {}, "with", "needs 'target_shape', or 'mask_name'"),
    ("CropOrPad", {"target_shape": 64.5}, "with", "in voxels must be whole numbers, not 64.5"),
    ("CropOrPad", {"location": "random"}, "with.location", "has no such argument"),
    (
        "CropOrPad",
        {"target_shape": 64, "only_crop": True, "only_pad": True},
        "with",
        "exclude each",
    ),
    ("Crop", {"cropping": -1}, "with.cropping", "a whole number from 0"),
    ("Pad", {"padding": 1, "padding_mode": "x"}, "with.padding_mode", "a number or one of"),
    ("ToOrientation", {"orientation": "RAL"}, "with.orientation", "three letters"),
    ("ZNormalization", {"masking_method": "Left"}, "with.masking_method", "one of 'mean', 'label'"),
    ("RescaleIntensity", {"out_min_max": [1, 0]}, "with.out_min_max", "two rising numbers"),
    ("RescaleIntensity", {"percentiles": [0, 101]}, "with.percentiles", "from 0 to 100"),
    ("Clamp", {}, "with", "needs 'out_min' or 'out_max'"),
    ("Clamp", {"out_min": 2, "out_max": 1}, "with", "must not be above"),
    ("Clamp", {"out_min": float("nan")}, "with.out_min", "(here: nan)"),
    ("Mask", {"masking_method": "mean", "labels": [1]}, "with", "'labels' needs 'masking_method'"),
    ("ChannelNormalization", {"mean": [0.5]}, "with.std", "ChannelNormalization needs this"),
    ("ChannelNormalization", {"mean": [0.5], "std": [0]}, "with.std", "a number above 0"),
    ("ChannelNormalization", {"mean": [1], "std": [1, 1]}, "with", "'mean' has 1 number, 'std' 2;"),
    ("HistogramStandardization", {"landmarks": [1, 2]}, "with.landmarks", "13 of them (a number)"),
]


@pytest.mark.parametrize(("use", "arguments"), GOOD)
def test_what_is_right_passes(step, use, arguments):
    assert check_steps([step(use, **arguments)]) == []


@pytest.mark.parametrize(("use", "arguments", "where", "message"), BAD)
def test_what_is_wrong_is_said_where_it_stands(step, use, arguments, where, message):
    (found,) = check_steps([step("ToCanonical"), step(use, **arguments)])
    assert found.path == f"preprocess[1].{where}"
    assert message in str(found)


def test_all_problems_are_found_at_once(step):
    steps = [step("Resample", target=-1, antialas=True), step("Resiz"), step("Pad", padding="a")]
    assert [problem.path for problem in check_steps(steps, "models[2].preprocess")] == [
        "models[2].preprocess[0].with.target",
        "models[2].preprocess[0].with.antialas",
        "models[2].preprocess[1].use",
        "models[2].preprocess[2].with.padding",
    ]


@pytest.mark.parametrize(("use", "arguments"), GOOD)
def test_the_schema_takes_what_is_right_and_no_other_name(use, arguments):
    validator = jsonschema.Draft202012Validator(step_schemas()[use])
    data = {key: list(v) if isinstance(v, tuple) else v for key, v in arguments.items()}
    assert validator.is_valid(data)
    assert not validator.is_valid(data | {"targt": 4})
    assert validator.is_valid({}) == (use not in _NEEDED)


@given(use=st.sampled_from(sorted(STEPS)), data=st.data())
def test_schema_and_check_agree_on_any_value(use, data):
    numbers = st.integers(-2, 9) | st.sampled_from([0.5, -1.5, 99.5])
    scalars = st.sampled_from([None, True, "", "mean", "label", "RAS", "LPs", "RLA"]) | numbers
    value = data.draw(scalars | st.lists(scalars | numbers, max_size=7))
    for name, kind in STEPS[use].items():
        fits = jsonschema.Draft202012Validator(step_schemas()[use]["properties"][name])
        rising = "rising" in kind.says and isinstance(value, list)  # beyond a schema
        assert rising or fits.is_valid(value) == kind.accepts(value), (name, value)


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
