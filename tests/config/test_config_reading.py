import json

import pytest

from esegeta import config as cfg
from esegeta.config import reading
from esegeta.config.reading import from_text, locate, read
from esegeta.errors import ConfigError


def said(text, tmp_path):
    with pytest.raises(ConfigError) as caught:
        from_text(text, tmp_path / "c.json")
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('{"a": 1, // why\n "b": 2}', "line 1, column 10", "JSON has no comments"),
        ('{\n  # why\n "b": 2}', "line 2, column 3", "JSON has no comments"),
        ('{"a": 1 /* why */}', "line 1, column 9", "JSON has no comments"),
        ('{"a": 1}\n// end', "line 2, column 1", "JSON has no comments"),
        ('{"a": [1,\n]}', "line 1, column 9", "no comma after the last item"),
        ("{'a': 1}", "line 1, column 2", "double quotes"),
        ('{"a" 1}', "line 1, column 6", "a colon is missing here"),
        ('{"a": 1 "b": 2}', "line 1, column 9", "a comma is missing here"),
        ("{\"a\": 'x'}", "line 1, column 7", "double quotes"),
        ('{"a": True}', "line 1, column 7", "true, false and null in small letters"),
        ('{"a": [1, None]}', "line 1, column 11", "true, false and null in small letters"),
        ('{"a": NULL}', "line 1, column 7", "true, false and null in small letters"),
        ("{a: 1}", "line 1, column 2", "a key in double quotes is missing here"),
        ('{"a": "x}\n', "line 1, column 10", "is the quote missing?"),
        ('{"a": 1,\n "b": "x', "line 2, column 7", "has no closing quote; is the file cut short?"),
        ('{"a": "C:\\data"}', "line 1, column 10", 'twice in JSON: "C:\\\\data"'),
        ('{"a": 1}}', "line 1, column 9", "the file should end here"),
        ('{"a": 1', "line 1, column 8", "a bracket is still open; is it cut short?"),
        ('{"NaN": 1,\n"a": NaN}', "line 2, column 6", "NaN is no JSON number"),
        ('{"a": -1e999}', "line 1, column 7", "this number is too large"),
        (f"[1,\n {'9' * 5000}]", "line 2, column 2", "this number is too long (5000 characters)"),
        ("", "line 1, column 1", "empty"),
        ('{"a": ', "line 1", "a bracket is still open; is it cut short?"),
    ],
)
def test_syntax_errors_say_line_column_and_the_line(tmp_path, text, where, what):
    problem = said(text, tmp_path)
    assert problem.message.startswith(where)
    assert what in problem.message
    if text:
        assert problem.value is not None


def test_slashes_in_texts_are_no_comments(tmp_path):
    assert from_text('{"a": "http://b # /* c"}', tmp_path) == {"a": "http://b # /* c"}


def test_keys_that_stand_twice(tmp_path):
    text = '{"a": {"x": 1, "x": 2}, "b": [0, {"y": 1, "y": 1}], "a": {"z": 1, "z": 2}}'
    with pytest.raises(ConfigError) as caught:
        from_text(text, tmp_path / "c.json")
    assert [p.path for p in caught.value.problems] == ["a", "a.z", "b[1].y"]


@pytest.mark.parametrize("text", ["[NaN]", "[-Infinity]", "[" * 100000, f"[{'9' * 5000}]"])
def test_what_json_allows_and_we_cannot(tmp_path, text):
    assert said(text, tmp_path).message


def test_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        cfg.load(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="this is a folder"):
        cfg.load(tmp_path)
    (tmp_path / "latin.json").write_bytes('{"name": "é"}'.encode("latin-1"))
    with pytest.raises(ConfigError, match="no UTF-8 text"):
        read(tmp_path / "latin.json")
    (tmp_path / "bom.json").write_bytes(b"\xef\xbb\xbf{}")
    assert read(tmp_path / "bom.json") == {}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_utf_16_is_told_so(tmp_path, encoding):
    (tmp_path / "c.json").write_bytes('{"name": "é"}'.encode(encoding))
    said = f"this looks like {encoding[:6].upper()}; save it as UTF-8"
    with pytest.raises(ConfigError, match=said):
        read(tmp_path / "c.json")


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\3\4\x14\0", bytes(range(256))]
)
def test_a_binary_file_is_no_json_file(tmp_path, content):
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(ConfigError, match="this is no JSON file"):
        read(tmp_path / "c.json")


def test_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "brain.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"did you mean 'brain\.json'"):
        locate(tmp_path / "brian.json")


def test_bare_name_is_a_config_that_esegeta_brings(tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "demo.json").write_text(json.dumps({}))
    monkeypatch.setattr(reading.resources, "files", lambda package: shipped)
    monkeypatch.chdir(tmp_path)
    assert locate(reading.Path("demo")) == shipped / "demo.json"
    (tmp_path / "demo").mkdir()
    with pytest.raises(ConfigError, match="this is a folder"):
        locate(reading.Path("demo"))
