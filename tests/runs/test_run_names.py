import pytest
from hypothesis import given
from hypothesis import strategies as st

from esegeta.runs.names import LONGEST, component, unique


@pytest.mark.parametrize("name", ["enc.1", "act#2", "T-cell", "grad_cam", "Läsion", "a b", "x@y"])
def test_usual_names_stay(name: str) -> None:
    assert component(name) == name


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("a/b", "a%2Fb"),
        ("../x", "%2E.%2Fx"),
        ("a\\b", "a%5Cb"),
        ("100%", "100%25"),
        ("*", "%2A"),
        ("x\n", "x%0A"),
        ("a ", "a%20"),
        (".x.", "%2Ex%2E"),
    ],
)
def test_others_are_written_safely(name: str, written: str) -> None:
    assert component(name) == written


def test_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        component("")


@pytest.mark.parametrize("letter", ["x", "ü", "日", "/"])
def test_long_names_are_cut_and_stay_different(letter: str) -> None:
    one, other = component(letter * 300), component(letter * 301)
    assert one != other
    assert one[:20] == other[:20]
    assert one == component(letter * 300)
    assert max(len(one.encode()), len(other.encode())) <= LONGEST
    assert component("x" * LONGEST) == "x" * LONGEST


def test_half_a_character_has_a_name_too() -> None:
    assert component("a\ud800") == "a%ED%A0%80"


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_no_name_leaves_its_folder_and_none_meets_another(one: str, other: str) -> None:
    try:
        first, second = component(one), component(other)
    except (ValueError, UnicodeEncodeError):
        return
    for written in (first, second):
        assert "/" not in written
        assert "\\" not in written
        assert "\0" not in written
        assert written not in (".", "..")
    assert (first == second) == (one == other)


def test_unique_numbers_what_is_taken() -> None:
    assert unique("a", []) == "a"
    assert unique("a", ["a"]) == "a-2"
    assert unique("a", ["a", "a-2"]) == "a-3"
