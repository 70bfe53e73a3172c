"""Forms and their editors."""

import pytest
from esegeta.gui.editors import EDITORS, stepped
from esegeta.gui.forms import Form
from esegeta.gui.models.form import MISSING, Field, field_of
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QLineEdit

from esegeta.errors import Problem

FIELDS = [
    Field("steps", "whole", "How many", 32, bounds=(1, 40)),
    Field("noise", "number", "", 0.1),
    Field("relu", "flag", "", True),
    Field("rule", "choice", "", "plain", ("plain", "guided", None)),
    Field("baseline", "mixed", "", "zero", ("zero", "blur")),
    Field("areas", "list", "", [0.1, 0.2]),
    Field("text", "text", ""),
    Field("file", "path", ""),
    Field("odd", "json", "", required=True),
]


@pytest.fixture
def form(qtbot):
    """A form whose edits change a dict, as a page's change the document."""
    form = Form()
    qtbot.addWidget(form)
    form.values = {}
    form.set_fields(FIELDS)

    def put(key, value, typed):
        form.values[key] = value
        form.refresh(form.values)

    def reset(key):
        form.values.pop(key, None)
        form.refresh(form.values)

    form.edited.connect(put)
    form.reset.connect(reset)
    form.refresh(form.values)
    form.show()
    return form


def line(form, key):
    editor = form.editor(key)
    return editor.lineEdit() if isinstance(editor, QComboBox) else getattr(editor, "line", editor)


def test_each_kind_has_an_editor(form):
    assert {f.kind for f in FIELDS} == set(EDITORS)


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("steps", "12", 12),
        ("steps", "x", "x"),
        ("noise", "1e-3", 0.001),
        ("baseline", "blur", "blur"),
        ("baseline", "0.5", 0.5),
        ("areas", "0.3, 0.4", [0.3, 0.4]),
        ("text", "12", "12"),
        ("file", "a b.png", "a b.png"),
        ("odd", '{"a": 1}', {"a": 1}),
    ],
)
def test_typing_edits_the_value(qtbot, form, key, typed, value):
    qtbot.keyClicks(line(form, key), typed)
    assert form.values == {key: value}
    assert line(form, key).text() == typed  # what is typed is not rewritten meanwhile
    line(form, key).selectAll()
    qtbot.keyClick(line(form, key), Qt.Key.Key_Delete)
    assert form.values == {}


def test_a_list_can_be_typed_letter_by_letter(qtbot, form):
    qtbot.keyClicks(line(form, "areas"), "0.5, ")
    assert line(form, "areas").text() == "0.5, "
    qtbot.keyClicks(line(form, "areas"), "1.0")
    assert form.values == {"areas": [0.5, 1.0]}


def test_arrow_keys_step_within_the_bounds(qtbot, form):
    field = line(form, "steps")
    qtbot.keyClick(field, Qt.Key.Key_Up)
    assert form.values == {"steps": 33}
    for _ in range(20):
        qtbot.keyClick(field, Qt.Key.Key_Up)
    assert form.values == {"steps": 40}
    qtbot.keyClick(line(form, "noise"), Qt.Key.Key_Down)
    assert form.values["noise"] == 0.09


@pytest.mark.parametrize(
    ("value", "way", "new"),
    [
        (0.1, 1, 0.2),
        (0.15, 1, 0.25),
        (100.0, -1, 90.0),
        (0.0, 1, 0.1),
        (-1.0, 1, -0.9),
        (3, 1, 4.0),
    ],
)
def test_a_number_steps_by_its_leading_digit(value, way, new):
    assert stepped(value, way, Field("k", "number")) == pytest.approx(new)


def test_flags_and_choices(qtbot, form):
    assert form.editor("relu").isChecked()
    form.editor("relu").click()
    assert form.values == {"relu": False}
    rule = form.editor("rule")
    assert rule.currentText() == "plain (default)"
    qtbot.keyClick(rule, Qt.Key.Key_Down)
    assert form.values["rule"] == "guided"
    qtbot.keyClick(rule, Qt.Key.Key_Down)
    assert form.values["rule"] is None


def test_reset_takes_the_value_away(qtbot, form):
    form.values = {"steps": 5, "rule": "guided"}
    form.refresh(form.values)
    for key in ("steps", "rule"):
        button = form._rows[key].reset
        assert button.isEnabled()
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert key not in form.values
        assert not button.isEnabled()
    assert line(form, "steps").text() == ""
    assert line(form, "steps").placeholderText() == "32"


@pytest.mark.parametrize(
    "values",
    [
        {
            "steps": "many",
            "relu": 3,
            "rule": "odd",
            "baseline": {"a": [1]},
            "areas": "x",
            "text": 5,
        },
        {"steps": 10**40, "noise": 1e300, "relu": None, "areas": [[1]], "odd": [None]},
        "no object",
        None,
    ],
)
def test_odd_values_are_shown_and_kept(form, values):
    told = []
    form.edited.connect(lambda *edit: told.append(edit))
    form.refresh(values)
    assert told == []
    if isinstance(values, dict) and "rule" in values:
        assert form.editor("rule").currentText() == "odd"
        assert line(form, "steps").text() == "many"


def test_problems_stand_at_their_fields(form):
    problem = Problem(
        "methods[0].with.steps", "this number is outside its bounds", "0", "at least 1"
    )
    form.refresh({"steps": 0}, lambda key: [problem] if key == "steps" else [])
    assert form.problem("steps") == "This number is outside its bounds. Valid: at least 1"
    assert line(form, "steps").property("wrong") is True
    assert "outside" in form.editor("steps").accessibleDescription()
    form.refresh({"steps": 1}, lambda key: [])
    assert form.problem("steps") == ""
    assert not line(form, "steps").property("wrong")


def test_the_wheel_changes_no_value(qtbot, form):
    for key in ("steps", "rule", "baseline"):
        place = QPointF(5, 5)
        wheel = QWheelEvent(
            place,
            place,
            QPoint(0, 0),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        form.editor(key).wheelEvent(wheel)
    assert form.values == {}


def test_rows_stay_while_the_fields_do(form):
    editor = form.editor("steps")
    form.set_fields(list(FIELDS))
    assert form.editor("steps") is editor
    form.set_fields(FIELDS[:2])
    assert [f.key for f in form.fields] == ["steps", "noise"]


def test_fields_of_nothing_make_an_empty_form(qtbot):
    form = Form()
    qtbot.addWidget(form)
    form.set_fields([])
    form.refresh({"a": 1})
    assert form.fields == []


def test_everything_has_a_name_for_screen_readers_and_a_tab_stop(form):
    for field in FIELDS:
        editor = form.editor(field.key)
        assert editor.accessibleName() == field.label
        target = editor.focusProxy() or editor
        assert target.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_every_parameter_of_every_plug_in_has_an_editor_that_shows_its_default(qtbot, plugins):
    form = Form()
    qtbot.addWidget(form)
    told = []
    form.edited.connect(lambda *edit: told.append(edit))
    for entry in (*plugins.methods.values(), *plugins.wrappers.values()):
        form.set_fields(entry.parameters)
        form.refresh({})
        given = {f.key: f.default for f in entry.parameters if f.default is not MISSING}
        form.refresh(given)
        for field in entry.parameters:
            editor = form.editor(field.key)
            if isinstance(editor, QLineEdit) and field.default not in (MISSING, None, "", []):
                assert editor.text(), (entry.name, field.key)
    assert told == []


def test_a_field_for_a_schema_of_another_day_is_a_line_of_json(qtbot):
    form = Form()
    qtbot.addWidget(form)
    form.set_fields([field_of("new", {"type": "object", "patternProperties": {}}, {})])
    form.refresh({"new": {"a": 1}})
    assert form.editor("new").text() == '{"a": 1}'
