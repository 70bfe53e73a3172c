"""The document: edits, undo, files."""

import json
import os

import pytest
from esegeta.gui.document import Document, text_of
from esegeta.gui.paths import absolute, written
from hypothesis import given
from hypothesis import strategies as st

from esegeta.errors import ConfigError

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3)
)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("abc"), st.sampled_from("xyz"), values),
        st.tuples(st.just("remove"), st.sampled_from("abc"), st.sampled_from("xyz"), st.none()),
        st.tuples(st.just("append"), st.just("list"), st.none(), values),
    ),
    max_size=12,
)


def apply(document, edit):
    kind, first, second, value = edit
    if kind == "set":
        document.set((first, second), value)
    elif kind == "remove":
        document.remove((first, second))
    else:
        document.append((first,), value)


@given(st.dictionaries(st.sampled_from("abq"), values, max_size=3), edits)
def test_what_is_edited_is_undone_and_done_again(data, made):
    document = Document(data)
    states = [text_of(document.data)]
    for edit in made:
        apply(document, edit)
        if text_of(document.data) != states[-1]:
            states.append(text_of(document.data))
    for state in states[-2::-1]:
        document.undo()
        assert text_of(document.data) == state
    assert not document.can_undo
    assert document.data is data
    for state in states[1:]:
        document.redo()
        assert text_of(document.data) == state
    assert not document.can_redo


def test_letters_typed_in_a_row_are_undone_together():
    document = Document({})
    for text in ("a", "ab", "abc"):
        document.set(("name",), text, typing=True)
    document.set(("output",), "x", typing=True)
    document.undo()
    assert document.data == {"name": "abc"}
    document.undo()
    assert document.data == {}


def test_typing_after_an_undo_can_itself_be_undone():
    document = Document({})
    document.set(("name",), "a", typing=True)
    document.undo()
    document.set(("name",), "b", typing=True)
    document.undo()
    assert document.data == {}


def test_removing_the_last_key_takes_the_object_with_it_but_no_entry_of_a_list():
    document = Document({"methods": [{"use": "rise", "with": {"masks": 3}}, {"with": {}}]})
    document.remove(("methods", 0, "with", "masks"))
    assert document.data["methods"] == [{"use": "rise"}, {"with": {}}]
    document.remove(("methods", 1, "with"))
    assert document.data["methods"] == [{"use": "rise"}, {}]


def test_one_and_one_point_zero_and_true_are_different():
    document = Document({"a": 1})
    for value in (1.0, True, 1):
        document.set(("a",), value)
        assert type(document.data["a"]) is type(value)
    document.undo()
    assert document.dirty


def test_listeners_hear_the_place_of_each_edit():
    document, heard = Document({"methods": ["a", "b"]}), []
    document.listeners.append(heard.append)
    document.set(("methods", 0), "a")  # nothing changes
    document.move(("methods", 0), 1)
    document.undo()
    assert heard == [("methods", 1), ("methods", 1)]
    assert document.data["methods"] == ["a", "b"]


def test_a_config_is_saved_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"name": "x",   "odd": {"kept": [1.0, 1e-3, true]}}')
    before = path.read_text()
    document = Document.open(path)
    document.save()
    assert path.read_text() == before  # nothing changed: not a byte is written
    document.set(("name",), "y")
    document.save()
    assert json.loads(path.read_text()) == {"name": "y", "odd": {"kept": [1.0, 0.001, True]}}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert not document.dirty


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_leaves_the_document_unsaved(tmp_path):
    document = Document({"name": "x"})
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="denied"):
        document.save(tmp_path / "a.json")
    assert document.file is None


def test_a_missing_folder_leaves_the_document_unsaved(tmp_path):
    document = Document({"name": "x"})
    with pytest.raises(OSError, match="No such file"):
        document.save(tmp_path / "nowhere" / "a.json")
    assert document.file is None


def test_what_is_no_json_is_refused_with_its_place(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 1,}')
    with pytest.raises(ConfigError, match="line 1"):
        Document.open(path)


def test_saving_elsewhere_makes_paths_absolute(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    data = {
        "models": [{"factory": "net.py:Net", "weights": "w.pt", "classes": ["a"]}, "odd"],
        "images": [{"path": "~/a.png", "label": "/b.png"}, {"factory": "pkg.mod:f"}],
        "references": ["r/*.png"],
        "target": {"class": "x"},
    }
    path = tmp_path / "here" / "a.json"
    path.write_text(json.dumps(data))
    document = Document.open(path)
    document.save(tmp_path / "there" / "a.json")
    here = tmp_path / "here"
    assert document.data["models"][0]["factory"] == f"{here}/net.py:Net"
    assert document.data["models"][0]["weights"] == f"{here}/w.pt"
    assert document.data["models"][0]["classes"] == ["a"]
    assert document.data["images"] == data["images"]
    assert document.data["references"] == [f"{here}/r/*.png"]
    assert json.loads((tmp_path / "there" / "a.json").read_text()) == document.data
    assert document.base == tmp_path / "there"


@given(st.dictionaries(st.sampled_from(["models", "images", "output", "plugins"]), values))
def test_odd_data_passes_where_paths_are_sought(data):
    from pathlib import Path

    assert absolute(data, Path("/base")).keys() == data.keys()


def test_the_shipped_demo_is_opened_as_a_copy():
    document = Document.open("demo")
    assert document.file is None
    assert document.name == "demo"
    assert (document.base / "demo.json").is_file()


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.json").write_text("{}")
    (tmp_path / "link.json").symlink_to("real.json")
    document = Document.open(tmp_path / "link.json")
    document.set(("name",), "x")
    document.save()
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text()) == {"name": "x"}


def test_a_picked_path_is_relative_only_below_a_saved_config(tmp_path):
    inner = tmp_path / "scans" / "a.nii"
    assert written(inner, tmp_path, saved=True) == "scans/a.nii"
    assert written(inner, tmp_path, saved=False) == str(inner)
    assert written(tmp_path / "a", tmp_path / "scans", saved=True) == str(tmp_path / "a")
