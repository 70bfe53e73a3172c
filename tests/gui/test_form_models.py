"""From schemas to fields, and between texts and values."""

import json

import pytest
from esegeta.gui.models.form import (
    MISSING,
    Field,
    field_of,
    fields_of,
    shown,
    text_in,
    value_of,
)
from hypothesis import given
from hypothesis import strategies as st

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=4), v, max_size=3)
)


def same(one, other):
    return json.dumps(one) == json.dumps(other)


@given(values)
def test_a_mixed_field_reads_back_what_it_shows(value):
    assert same(value_of(shown(value), Field("k", "mixed", texts=True)), value)


@given(st.text())
def test_a_text_field_reads_back_what_it_shows(text):
    field = Field("k", "text")
    assert value_of(text_in(text, field), field) == text


@given(st.lists(scalars, min_size=1, max_size=4))
def test_a_list_field_reads_back_what_it_shows(value):
    field = Field("k", "list")
    assert same(value_of(text_in(value, field), field), value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("whole", "12", 12),
        ("whole", "12.5", 12.5),
        ("whole", "twelve", "twelve"),
        ("number", "1e-3", 0.001),
        ("number", "NaN", "NaN"),
        ("list", "8, 8, 4", [8, 8, 4]),
        ("list", "enc.1, dec.0", ["enc.1", "dec.0"]),
        ("list", "7", [7]),
        ("list", "[1, 2]", [1, 2]),
        ("mixed", "blur", "blur"),
        ("mixed", "0.5", 0.5),
        ("mixed", "16, 16", [16, 16]),
        ("mixed", "not set", None),
        ("mixed", '"3"', "3"),
        ("json", '{"a": 1}', {"a": 1}),
        ("json", "{", "{"),
    ],
)
def test_what_is_typed_becomes_a_value(kind, text, value):
    assert same(value_of(text, Field("k", kind, choices=("blur",))), value)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "boolean"}, "flag"),
        ({"enum": ["a", "b"], "type": "string"}, "choice"),
        ({"const": "none"}, "choice"),
        ({"type": "integer", "minimum": 1}, "whole"),
        ({"type": "number"}, "number"),
        ({"type": "string"}, "text"),
        ({"type": "array", "items": {"type": "number"}}, "list"),
        ({"type": "array", "items": {"type": "object"}}, "json"),
        ({"type": "object"}, "json"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole"),
        ({"anyOf": [{"enum": ["zero"]}, {"type": "number"}]}, "mixed"),
        (
            {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
            "mixed",
        ),
        ({}, "json"),
    ],
)
def test_each_type_has_its_kind(schema, kind):
    assert field_of("k", schema, {}).kind == kind


def test_a_field_says_what_is_valid():
    schema = {"type": "integer", "minimum": 1, "maximum": 9, "default": 3, "description": "Steps"}
    field = field_of("steps", schema, {})
    assert field.tip == "Steps\nValid: whole number ≥ 1 and ≤ 9\nDefault: 3"
    assert field.bounds == (1, 9)


def test_a_null_among_choices_can_be_chosen():
    schema = {"anyOf": [{"enum": ["off", "bf16"]}, {"type": "null"}], "default": None}
    field = field_of("amp", schema, {})
    assert field.kind == "choice"
    assert field.choices == ("off", "bf16", None)


def test_references_are_followed():
    schema = {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "boolean"}}}
    assert fields_of(schema)[0].kind == "flag"
    assert fields_of(schema)[0].default is MISSING


def test_every_parameter_of_every_plug_in_has_a_field_whose_default_reads_back(plugins):
    number = 0
    for entry in (*plugins.methods.values(), *plugins.wrappers.values()):
        for field in entry.parameters:
            number += 1
            assert field.help, (entry.name, field.key)
            untyped = field.kind in ("flag", "choice") or field.default in (MISSING, None)
            if not untyped:
                text = text_in(field.default, field)
                assert same(value_of(text, field), field.default), (entry.name, field)
    assert number > 100


def test_every_part_of_the_config_has_fields(plugins):
    assert {f.key for f in plugins.part("Execution")} >= {"engine", "devices", "timeout", "amp"}
    assert plugins.part("Patches")[0].required
    kinds = {f.key: f.kind for f in plugins.part("Execution")}
    assert kinds["retries"] == "whole"
    assert kinds["engine"] == "choice"
    assert kinds["devices"] == "mixed"
    assert {len(fields) for fields in plugins.steps.values()} > {0}
