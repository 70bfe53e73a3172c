"""What ``esegeta methods`` says of parameters."""

from typing import Annotated, Literal

import pytest

from esegeta import Param, Passes, attribution, catalogue
from esegeta.plugin import plugin_of
from esegeta.registry import Registry, find


@attribution(paper="", passes=lambda p: Passes(1))
def many(
    probe,
    *,
    steps: Annotated[int, Param(ge=1, le=64, help="Steps")],
    size: Annotated[int | list[int] | None, Param(ge=2, help="Size")] = None,
    share: Annotated[float | Literal["half", "all"], Param(gt=0, lt=1, help="Share")] = "half",
    ends: Annotated[tuple[int, int], Param(ge=0, help="Ends")] = (0, 1),
    flag: Annotated[bool, Param(help="Flag")] = True,
    note: Annotated[str, Param(help="Note")] = "ü",
):
    """Many parameters."""


def test_every_bound_of_every_alternative_is_told():
    registry = Registry({"many": plugin_of(many)}, [], {"many": "here"})
    page = catalogue.page(catalogue.entry(plugin_of(many), registry))
    for name, said in {
        "steps (required)": "Steps (whole number ≥ 1 and ≤ 64)",
        "size = null": "Size (whole number ≥ 2, or list of whole numbers ≥ 2, or null)",
        'share = "half"': 'Share (number > 0 and < 1, or one of "half", "all")',
        "ends = [0, 1]": "Ends (list of 2 whole numbers ≥ 0)",
        "flag = true": "Flag (true or false)",
        'note = "ü"': "Note (text)",
    }.items():
        assert f"  {name}\n      {said}" in page


def test_bounds_of_the_built_in_methods_are_told():
    registry = find()
    for method, said in {
        "occlusion": "(whole number ≥ 1, or list of whole numbers ≥ 1, or null)",
        "layer_activation": "(whole number ≥ 0, or list of 2 whole numbers ≥ 0, or null)",
    }.items():
        assert said in catalogue.page(catalogue.entry(registry.get(method), registry))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "array", "items": {"type": "number"}, "minItems": 2}, "list of 2 or more numbers"),
        ({"type": "array", "items": {"type": "number"}, "maxItems": 3}, "list of 0 to 3 numbers"),
        (
            {"prefixItems": [{"type": "integer"}, {"type": "string"}], "type": "array", "minItems": 2,
             "maxItems": 2},
            "list of 2 values: whole number, text",
        ),
        ({"const": "auto"}, '"auto"'),
        ({"type": "number", "minimum": 1e-05}, "number ≥ 1e-05"),
    ],
)  # fmt: skip
def test_words_for_schemas(schema, said):
    assert catalogue.values(schema) == said
