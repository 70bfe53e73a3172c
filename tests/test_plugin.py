import subprocess
import sys
import textwrap
from typing import Annotated, Literal, Optional

import pytest
from pydantic import ValidationError

from esegeta import Param, Passes, attribution, explainability, layer_attribution, wrapper
from esegeta.errors import PluginError
from esegeta.plugin import plugin_of


def free(p):
    return Passes()


@attribution(paper="Nobody, 2000", passes=lambda p: Passes(forward=p.steps, backward=2))
def sample(
    probe,
    *,
    steps: Annotated[int, Param(ge=1, lt=100, help="How many")] = 8,
    level: Annotated[float, Param(gt=0, le=1, help="How much")] = 0.5,
    kind: Annotated[Literal["a", "b", 1], Param(help="Which")] = "a",
    flag: Annotated[bool, Param(help="Whether")] = False,
    cells: Annotated[Optional[int], Param(ge=2, help="Cells, or as many as fit")] = None,  # noqa: UP045
    shape: Annotated[tuple[int, ...], Param(ge=0, help="Shape")] = (1, 2),
    weights: Annotated[list[float], Param(help="Weights")] = [1.0],  # noqa: B006
    start: Annotated[Literal["zero", "mean"] | float, Param(ge=0, help="Start")] = "zero",
):
    """Sample something.

    At length.
    """


def test_everything_is_read_off_the_function():
    plugin = plugin_of(sample)
    assert sample.__esegeta__ is plugin
    assert (plugin.name, plugin.family, plugin.function) == ("sample", "attribution", sample)
    assert (plugin.summary, plugin.doc) == ("Sample something.", "Sample something.\n\nAt length.")
    assert (plugin.takes_layer, plugin.gradients, plugin.fused) == (False, True, False)
    assert str(plugin.source) == __file__
    assert plugin.passes(plugin.validate({"steps": 5})) == Passes(5, 2)


@pytest.mark.parametrize(
    "values",
    [
        {"steps": 99},
        {"level": 1},
        {"kind": 1},
        {"cells": None},
        {"cells": 2},
        {"shape": []},
        {"shape": [3, 4, 5]},
        {"shape": (3,)},
        {"weights": [1, 2.5]},
        {"weights": (1.0,)},
        {"start": 0},
        {"start": "mean"},
    ],
)
def test_good_values(values):
    (name, value), *_ = values.items()
    got = getattr(plugin_of(sample).validate(values), name)
    assert got == (tuple(value) if name == "shape" else list(value) if name == "weights" else value)


@pytest.mark.parametrize(
    "values",
    [
        {"steps": "8"},
        {"steps": True},
        {"steps": 3.0},
        {"steps": 0},
        {"steps": 100},
        {"steps": None},
        {"level": 0},
        {"level": 1.1},
        {"level": "0.5"},
        {"level": True},
        {"level": float("nan")},
        {"kind": "c"},
        {"kind": True},
        {"kind": 1.0},
        {"flag": 1},
        {"flag": "true"},
        {"cells": 1},
        {"shape": [1, -1]},
        {"shape": ["1"]},
        {"shape": "12"},
        {"weights": [True]},
        {"weights": 1.0},
        {"start": "middle"},
        {"start": -0.5},
        {"start": True},
        {"stepz": 8},
    ],
)
def test_bad_values(values):
    with pytest.raises(ValidationError):
        plugin_of(sample).validate(values)


def test_defaults_are_filled_in_and_lists_not_shared():
    one, other = plugin_of(sample).validate({}), plugin_of(sample).validate({})
    assert one.steps == 8
    one.weights.append(2.0)
    assert other.weights == [1.0]


def test_required_parameter():
    @attribution(paper="", passes=lambda p: Passes(p.steps))
    def needy(probe, *, steps: Annotated[int, Param(help="How many")]):
        """Need."""

    with pytest.raises(ValidationError, match="steps"):
        plugin_of(needy).validate({})
    assert plugin_of(needy).validate({"steps": 3}).steps == 3


def test_library_layers_and_wrappers():
    @attribution(paper="", passes=free, library="captum")
    def deep_lift(probe, layer):
        """Lift."""

    @explainability(paper="", passes=free)
    def dream(probe):
        """Dream."""

    @wrapper(tasks=("segmentation",))
    def sums(output, region):
        """Sum."""

    assert plugin_of(deep_lift).name == "captum.deep_lift"
    assert plugin_of(deep_lift).takes_layer
    assert not plugin_of(dream).takes_layer
    assert plugin_of(sums).family == "wrapper"
    assert plugin_of(sums).tasks == ("segmentation",)


def test_passes_add_and_scale():
    assert Passes(1, 2) + Passes(3) == Passes(4, 2)
    assert Passes(1, 2) * 3 == 3 * Passes(1, 2) == Passes(3, 6)


def case(decorator, source, message, identity):
    return pytest.param(decorator, source, message, id=identity)


BAD = [
    case(attribution, "def f(probe): pass", "no docstring", "docstring"),
    case(attribution, "def f(image):\n    '''D.'''", r"f\(image\).*\(probe, \*, …\)", "first"),
    case(attribution, "def f(probe, layer, x):\n    '''D.'''", "positional", "third"),
    case(layer_attribution, "def f(probe):\n    '''D.'''", r"\(probe, layer, \*, …\)", "layer"),
    case(wrapper, "def f(output):\n    '''D.'''", r"\(output, region, \*, …\)", "region"),
    case(attribution, "def f(probe, *, n=1):\n    '''D.'''", "'n' has no Param", "bare"),
    case(attribution, "def f(probe, *, n: int = 1):\n    '''D.'''", "'n' has no Param", "param"),
    case(attribution, "def f(probe, **kw):\n    '''D.'''", r"takes \*\*kw", "kwargs"),
    case(attribution, "def f(probe, *rest):\n    '''D.'''", r"takes \*rest", "args"),
    case(
        attribution,
        "def f(probe, *, n: Annotated[dict, Param(help='n')] = None):\n    '''D.'''",
        "dict is no type",
        "dict",
    ),
    case(
        attribution,
        "def f(probe, *, n: Annotated[int, Param(help='n', ge=1)] = 0):\n    '''D.'''",
        "default 0: .*greater",
        "default",
    ),
    case(
        attribution,
        "def f(probe, *, n: Annotated[str, Param(help='n', ge=1)] = 'x'):\n    '''D.'''",
        "holds no number",
        "bounds",
    ),
    case(
        attribution,
        "def f(probe, *, copy: Annotated[int, Param(help='n')] = 0):\n    '''D.'''",
        "'copy' has a name that",
        "reserved",
    ),
    case(
        attribution,
        "def f(probe, *, n: 'Annotated[Nowhere, Param()]' = 0):\n    '''D.'''",
        "cannot be resolved.*Nowhere",
        "annotation",
    ),
]


@pytest.mark.parametrize(("decorator", "source", "message"), BAD)
def test_bad_signature(decorator, source, message):
    space = {"Annotated": Annotated, "Param": Param}
    exec(compile(source, "/some/where.py", "exec"), space)
    keywords = {} if decorator is wrapper else {"paper": "", "passes": free}
    with pytest.raises(PluginError, match=message) as caught:
        decorator(**keywords)(space["f"])
    assert str(caught.value).startswith("/some/where.py:1, f: ")


def test_passes_are_tried_at_once():
    def f(probe):
        """Do."""

    with pytest.raises(PluginError, match="passes fails on the defaults: AttributeError"):
        attribution(paper="", passes=lambda p: Passes(p.masks))(f)
    with pytest.raises(PluginError, match="passes returns 3"):
        attribution(paper="", passes=lambda p: 3)(f)


def test_what_the_decorator_lacks_is_said_with_file_and_function():
    def f(probe):
        """Do."""

    for decorate, message in (
        (attribution(paper=""), r"@attribution needs passes=lambda p: Passes\(forward=1\)"),
        (layer_attribution(passes=free), "@layer_attribution needs paper="),
        (attribution, "@attribution needs paper=.*, passes="),
        (attribution(paper="", passes=3), "passes is 3; expected lambda p"),
    ):
        with pytest.raises(PluginError, match=message) as caught:
            decorate(f)
        assert str(caught.value).startswith(f"{__file__}:")
        assert ", f: " in str(caught.value)


def test_passes_may_be_a_constant():
    @attribution(paper="", passes=Passes(1, 1))
    def f(probe):
        """Do."""

    plugin = plugin_of(f)
    assert plugin.cost(plugin.validate({}), (8, 8)) == Passes(1, 1)


def test_undecorated_function_is_no_plugin():
    with pytest.raises(PluginError, match="<lambda> is no plug-in"):
        plugin_of(lambda probe: None)


def test_annotations_as_strings_with_tensor_unknown_at_run_time(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        textwrap.dedent('''
            from __future__ import annotations
            from typing import TYPE_CHECKING, Annotated
            from esegeta import Param, Passes, attribution
            if TYPE_CHECKING:
                from torch import Tensor

            @attribution(paper="", passes=lambda p: Passes())
            def mine(probe: Probe, *, n: Annotated[int, Param(help="n")] = 1) -> Tensor:
                """Mine."""
        ''')
    )
    space = {"__name__": "mine"}
    exec(compile(path.read_text(), str(path), "exec"), space)
    assert space["mine"].__esegeta__.validate({"n": 4}).n == 4


def test_light_modules_import_no_torch():
    code = "import sys, esegeta, esegeta.errors, esegeta.plugin, esegeta.registry, esegeta.config\n"
    code += "print([m for m in ('torch', 'torchio', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
