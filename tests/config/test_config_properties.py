import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esegeta import config as cfg
from esegeta.config.reading import from_text
from esegeta.errors import ConfigError

BASE = Path("/nowhere")
numbers = st.integers(-3, 70) | st.floats(allow_nan=False, allow_infinity=False, width=16)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=5)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,8}", fullmatch=True)
KEYS = [
    "version name models images preprocess target methods execution output plugins references",
    "factory file arguments weights trust task classes path label axes key index use with layers",
    "class wrapper mask contrast devices seed threads memory amp patches box component",
]
keys = st.sampled_from(" ".join(KEYS).split()) | st.text(max_size=4)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)


def refused(function, data):
    """The `ConfigError` a function raises, or None; any other exception fails the test."""
    try:
        function(data, BASE)
    except ConfigError as error:
        return error
    return None


def target():
    box = st.lists(
        st.tuples(st.integers(0, 3), st.integers(4, 9)).map(list), min_size=2, max_size=3
    )
    masks = st.sampled_from(["predicted", "label", "border", "all"])
    masks |= st.fixed_dictionaries({"box": box})
    given_keys = {
        "class": st.integers(0, 9) | st.text(min_size=1, max_size=3).filter(_encodable),
        "wrapper": st.sampled_from(["pixelwise", "otsu", None]),
        "mask": masks,
        "with": st.dictionaries(names, scalars, max_size=2),
    }
    return st.fixed_dictionaries({}, optional=given_keys)


def _encodable(text):
    return text.isascii()


def unique(strategy, **sizes):
    return st.lists(strategy, unique_by=lambda entry: entry["name"].casefold(), **sizes)


models = st.fixed_dictionaries(
    {
        "name": names,
        "factory": st.sampled_from(["net.py:Net", "a.b:c", "/abs/x.py:A.b"]),
        "task": st.sampled_from(["classification", "segmentation"]),
    },
    optional={
        "arguments": st.dictionaries(st.text(max_size=3).filter(_encodable), scalars, max_size=2),
        "weights": st.sampled_from(["w.pt", "../w.safetensors"]),
        "classes": st.lists(names, unique=True, max_size=3),
        "output": st.integers() | st.text(max_size=3).filter(_encodable),
        "target": target(),
        "preprocess": st.just([{"use": "Resample", "with": {"target": 4}}]),
    },
)
images = st.fixed_dictionaries(
    {"name": names, "path": st.sampled_from(["a.png", "in/*.nii.gz"])},
    optional={"label": st.just("l.nii.gz"), "models": st.lists(names, min_size=1, max_size=2)},
)
methods = st.fixed_dictionaries(
    {"name": names, "use": names},
    optional={
        "with": st.dictionaries(names, scalars, max_size=2),
        "layers": st.lists(names, max_size=2),
        "target": target(),
    },
)
configs = st.fixed_dictionaries(
    {
        "name": names,
        "models": unique(models, min_size=1, max_size=2),
        "images": unique(images, min_size=1, max_size=2),
        "methods": unique(methods, max_size=2).map(lambda found: ["saliency_", *found]),
    },
    optional={
        "version": st.just(1),
        "target": target(),
        "execution": st.fixed_dictionaries(
            {},
            optional={
                "devices": st.sampled_from(["auto", ["cpu"], ["cuda:1"]]),
                "seed": st.integers(0, 2**32 - 1),
                "threads": st.none() | st.integers(1, 64),
                "memory": st.none() | st.sampled_from(["8GB", "2GiB", "1.5MB", 77]),
            },
        ),
        "output": st.just("runs/x"),
        "plugins": st.just(["p"]),
        "references": st.just(["r/*.png"]),
    },
)


@given(anything)
def test_parse_raises_nothing_but_config_errors(data):
    with pytest.raises(ConfigError):
        cfg.parse(data, BASE)


@given(anything, st.sampled_from(["models", "images", "methods", "target", "execution", "name"]))
def test_parts_raise_nothing_but_config_errors(data, key):
    good = {
        "name": "x",
        "models": [{"factory": "a:b", "task": "classification"}],
        "images": [{"path": "a.png"}],
        "methods": ["saliency"],
    }
    for value in (data, [data]):
        error = refused(cfg.parse, good | {key: value})
        for problem in error.problems if error else ():
            assert re.match(rf"{key}([.\[]|$)", str(problem.path)), problem


@given(st.text(alphabet="{}[]\",:/#*'0a \n\\", max_size=30))
def test_text_raises_nothing_but_config_errors(text):
    error = refused(from_text, text)
    assert error is None or len(str(error).splitlines()) >= 2


@given(configs)
def test_valid_configs_round_trip(data):
    config = cfg.parse(data, BASE)
    dumped = cfg.dump(config)
    assert json.loads(json.dumps(dumped)) == dumped
    again = cfg.parse(dumped, Path("/elsewhere"))
    assert cfg.dump(again) == dumped
    for model, same in zip(config.models, again.models, strict=True):
        for method, like in zip(config.methods, again.methods, strict=True):
            assert cfg.target_of(config, model, method) == cfg.target_of(again, same, like)


values = {
    "steps": numbers | scalars,
    "rule": st.sampled_from(["gauss", "riemann", "other"]) | scalars,
    "start": st.sampled_from(["zero", "mean"]) | numbers | scalars,
    "shape": st.lists(numbers, max_size=3) | scalars,
    "flag": st.booleans() | scalars,
    "relu": st.booleans() | scalars,
    "count": st.integers(-2, 3),
    "other": scalars,
}
USES = st.sampled_from(["saliency", "paths", "cam", "captum.lift", "pixelwise", "nope"])
good_values = {
    "steps": st.integers(1, 64),
    "rule": st.sampled_from(["gauss", "riemann"]),
    "start": st.sampled_from(["zero", "mean"]) | st.floats(0.125, 9),
    "shape": st.none() | st.lists(st.integers(1, 9), max_size=3),
}
# Drawn apart, because of entries that are wrong in any place few are right in all.
mostly_good = st.fixed_dictionaries(
    {"use": st.just("paths"), "with": st.fixed_dictionaries({}, optional=good_values)},
    optional={"name": names, "target": target()},
) | st.fixed_dictionaries({"use": st.just("cam"), "layers": st.lists(names, max_size=2)})
any_entry = st.fixed_dictionaries(
    {"use": USES},
    optional={
        "with": st.fixed_dictionaries({}, optional=values)
        | st.sampled_from(list(values)).flatmap(lambda k: st.fixed_dictionaries({k: values[k]})),
        "layers": st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "name": names | st.just("a/b"),
        "target": target(),
        "extra": scalars,
    },
)
entries = USES | mostly_good | any_entry


def _whole_floats(value):
    """Whether there is a 3.0, an integer to JSON Schema and none to us."""
    if isinstance(value, dict):
        return any(_whole_floats(v) for v in value.values())
    if isinstance(value, list):
        return any(_whole_floats(v) for v in value)
    return isinstance(value, float) and value.is_integer()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries.filter(lambda entry: not _whole_floats(entry)))
def test_schema_and_check_agree_on_methods(registry, validator, entry):
    data = {
        "name": "x",
        "models": [{"factory": "a:b", "task": "segmentation"}],
        "images": [{"factory": "a:b"}],
        "methods": [entry],
    }
    error = refused(cfg.parse, data)
    problems = error.problems if error else cfg.check(cfg.parse(data, BASE), registry)
    # The tasks of models, and their classes, are beyond a schema.
    beyond = ("does not serve", "names no classes", "has no label")
    problems = [p for p in problems if not any(words in p.message for words in beyond)]
    problems = [p for p in problems if not _default_wrapper(entry, p)]
    assert validator.is_valid(data) == (not problems), problems


def _default_wrapper(entry, problem):
    """Whether the parameters are of a wrapper that only the task names."""
    named = isinstance(entry, dict) and entry.get("target", {}).get("wrapper")
    return not named and problem.path.startswith("methods[0].target.with")


def test_schema_says_what_an_editor_shows(registry, data, validator):
    schema = cfg.schema(registry)
    assert validator.is_valid(data)
    assert json.loads(json.dumps(schema)) == schema
    rules = schema["$defs"]["Method"]["allOf"]
    (paths,) = [r["then"] for r in rules if r["if"]["properties"]["use"]["const"] == "paths"]
    steps = paths["properties"]["with"]["properties"]["steps"]
    assert steps == {
        "type": "integer",
        "default": 8,
        "description": "Steps",
        "minimum": 1,
        "maximum": 64,
    }
    assert paths["properties"]["with"]["additionalProperties"] is False
    for part in (schema, *schema["$defs"].values()):
        assert all("description" in p for key, p in part["properties"].items()), part
    assert not validator.is_valid(data | {"patches": {}})
    assert not validator.is_valid(data | {"models": [{**data["models"][0], "file": "a.pt"}]})


STEPS = [
    ({"use": "ZNormalization"}, True),
    ({"use": "Resample", "with": {"target": [1, 2]}}, True),
    ({"use": "Resize", "with": {"target_shape": 8}}, True),
    ({"use": "Nope"}, False),
    ({"use": "Resample", "with": {"targt": 4}}, False),
    ({"use": "Resample", "with": {"target": 0}}, False),
    ({"use": "Resize"}, False),
    ("ZNormalization", False),
]


@pytest.mark.parametrize(("step", "right"), STEPS)
def test_schema_and_check_agree_on_steps(registry, validator, data, tmp_path, step, right):
    for part in (data, data["models"][0]):
        part["preprocess"] = [step]
        error = refused(cfg.parse, data)
        problems = error.problems if error else cfg.check(cfg.parse(data, tmp_path), registry)
        assert validator.is_valid(data) == (not problems) == right
        del part["preprocess"]


def test_dumped_configs_fit_the_schema(registry, data, validator, tmp_path):
    assert validator.is_valid(cfg.dump(cfg.parse(data, tmp_path)))
