"""Patches in a config: what they may be, whose hold, and where a mistake stands."""

import pytest

from esegeta import config as cfg
from esegeta.errors import ConfigError

PATCHES = {"size": [64, 64, 32], "overlap": 16, "blend": "crop", "batch": 2}


@pytest.mark.parametrize(
    ("patches", "where", "message"),
    [
        ({}, "size", "this key is missing"),
        ({"size": "64"}, "size", "expected voxels"),
        ({"size": [64]}, "size", "expected voxels"),
        ({"size": [6.5, 64]}, "size", "expected voxels"),
        ({"size": True}, "size", "expected voxels"),
        ({"size": 0}, "size", "too small"),
        ({"size": [8, 0]}, "size", "too small"),
        ({"size": 8, "overlap": -1}, "overlap", "expected voxels"),
        ({"size": 8, "blend": "han"}, "blend", "choices"),
        ({"size": 8, "batch": 0}, "batch", "no number of patches"),
        ({"size": 8, "batch": "all"}, "batch", "no number of patches"),
        ({"size": 8, "stride": 2}, "stride", "unknown key"),
        ({"size": 8, "overlap": 8}, "", "overlap by their whole size"),
        ({"size": [64, 8], "overlap": 16}, "", "overlap by their whole size"),
        ({"size": 8, "overlap": [2, 8]}, "", "overlap by their whole size"),
        ({"size": [8, 8], "overlap": [2, 2, 2]}, "", "different numbers of axes"),
    ],
    ids=str,
)
@pytest.mark.parametrize("place", ["models[0]", "target", "models[0].target", "methods[0].target"])
def test_a_mistake_says_where_it_stands_and_what_is_valid(
    data, tmp_path, validator, patches, where, message, place
):
    put(data, place, patches)
    with pytest.raises(ConfigError) as caught:
        cfg.parse(data, tmp_path)
    (problem,) = caught.value.problems
    assert problem.path == f"{place}.patches" + (f".{where}" if where else "")
    assert message in problem.message
    assert problem.valid or "missing" in message
    if where:  # what relates two keys a schema cannot say
        assert not validator.is_valid(data)


@pytest.mark.parametrize(
    "patches",
    [
        PATCHES,
        {"size": 1},
        {"size": [9, 9]},
        {"size": 64, "overlap": 0},
        {"size": 8, "batch": "auto"},
    ],
    ids=str,
)
def test_what_is_valid_passes_the_schema_and_comes_back_as_it_was_written(
    data, tmp_path, validator, registry, patches
):
    for place in ("models[0]", "target", "methods[0].target"):
        put(data, place, patches)
    assert validator.is_valid(data)
    config = cfg.parse(data, tmp_path)
    assert cfg.check(config, registry) == []
    again = cfg.parse(cfg.dump(config), tmp_path)
    assert again == config
    assert again.models[0].patches == again.methods[0].target.patches
    assert again.models[0].patches.model_dump(exclude_unset=True).items() >= patches.items()


def test_the_nearest_target_decides_and_the_model_where_none_does(data, tmp_path):
    levels = ["models[0]", "target", "models[0].target", "methods[1].target"]
    data["methods"][1]["target"] = {"class": 0}
    found = [size_of(data, tmp_path, 1)]
    for size, place in enumerate(levels, start=10):
        put(data, place, {"size": size})
        found.append(size_of(data, tmp_path, 1))
        assert size_of(data, tmp_path, 0) == min(size, 12)
    assert found == [None, 10, 11, 12, 13]


def size_of(data, base, method):
    config = cfg.parse(data, base)
    patches = cfg.target_of(config, config.models[0], config.methods[method]).patches
    return patches and patches.size


@pytest.mark.parametrize("place", ["models[0]", "target", "models[0].target", "methods[0].target"])
def test_patches_are_for_segmentation(data, tmp_path, registry, place):
    data["models"][0]["task"] = "classification"
    data["target"] = {}
    put(data, place, {"size": 8})
    problems = cfg.check(cfg.parse(data, tmp_path), registry)
    assert [problem.path for problem in problems] == [f"{place}.patches"]
    assert problems[0].message == "patches are for segmentation; 'unet' does classification"


def put(data, place, patches):
    """Write patches into a part of the config, named by its path."""
    part = data
    for key in place.replace("]", "").replace("[", ".").split("."):
        if key.isdigit():
            if isinstance(part[int(key)], str):
                part[int(key)] = {"use": part[int(key)]}
            part = part[int(key)]
        else:
            part = part.setdefault(key, {})
    part["patches"] = patches
