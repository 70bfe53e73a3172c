"""The parameters page: a form for each use of a method, generated from the method's schema."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSplitter

from ..forms import Form
from ..language import tr
from ..models.parameters import ParametersModel
from ..models.problems import below, exactly, page_of, sentence
from ..session import Session
from .layers import LayerPicker
from .page import Entries, Page, button, column, labelled, scrolled, side_by_side


class ParametersPage(Page):
    """Edits the uses of methods.

    Signals
    -------
    target_wanted : tuple
        The target of the use at this place is to be edited.
    """

    target_wanted = Signal(tuple)

    def __init__(self, session: Session) -> None:
        super().__init__(
            session,
            tr("Parameters"),
            tr("Each use of a method, with its parameters. Empty fields have the default."),
        )
        self.entries = Entries(tr("Methods of this config"), ("duplicate", "remove", "up", "down"))
        self.entries.selected.connect(lambda _: self._show())
        self.entries.wanted.connect(self._wanted)
        self.title = labelled("", "heading")
        self.about = labelled("", "quiet")
        self.wrong = labelled("", "wrong")
        self.nothing = labelled("", "quiet")
        self.form = Form()
        self.layers_title = labelled(tr("Layers"), "heading")
        self.layers = LayerPicker()
        self.more_title = labelled(tr("This use of it"), "heading")
        self.more = Form()
        self.target = button(
            tr("Own &target…"),
            tr("Explain another class, or another part of it, by this use alone"),
        )
        self.target.clicked.connect(self._own_target)
        self.no_target = button(tr("As &others"), tr("Explain what all methods do"))
        self.no_target.clicked.connect(lambda: self._reset(("target",)))
        self.form.edited.connect(lambda key, value, typed: self._set(("with", key), value, typed))
        self.form.reset.connect(lambda key: self._reset(("with", key)))
        self.more.edited.connect(lambda key, value, typed: self._set((key,), value, typed))
        self.more.reset.connect(lambda key: self._reset((key,)))
        self.layers.picked.connect(self._pick)
        self.sheet = column(
            self.title,
            self.about,
            self.wrong,
            self.nothing,
            self.form,
            self.layers_title,
            self.layers,
            self.more_title,
            self.more,
            side_by_side(labelled(tr("Target")), self.target, self.no_target),
            stretch=True,
        )
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(self.entries)
        parts.addWidget(scrolled(self.sheet))
        parts.setSizes([280, 700])
        parts.setStretchFactor(1, 1)
        self.body.addWidget(parts, 1)

    def _model(self) -> ParametersModel:
        return ParametersModel(self.session.document, self.session.catalogue)

    def refresh(self) -> None:
        """Show the uses there are, and the form of the selected one."""
        titles = self._model().titles()
        wrong = [i for i in range(len(titles)) if below(self.session.problems, "methods", i)]
        self.entries.show_entries(titles, wrong)
        self._show()

    def _show(self) -> None:
        index, model = self.entries.current, self._model()
        self.sheet.setVisible(index >= 0)
        if index < 0:
            return
        entry, problems = model.entry(index), self.session.problems
        given = self.session.document.part("methods", index)
        self.title.setText(model.titles()[index])
        self.about.setText(entry.summary if entry else "")
        here = exactly(problems, "methods", index) + exactly(problems, "methods", index, "use")
        self.wrong.setText("\n".join(map(sentence, here)))
        self.wrong.setVisible(bool(here))
        self.form.set_fields(model.fields(index))
        self.form.refresh(
            given.get("with"), lambda key: below(problems, "methods", index, "with", key)
        )
        self.form.setVisible(bool(self.form.fields))
        self.nothing.setText(self._nothing(index))
        self.nothing.setVisible(not self.form.fields)
        takes = (entry is not None and entry.takes_layer) or "layers" in given
        self.layers.setVisible(takes)
        self.layers_title.setVisible(takes)
        if takes:
            problem = below(problems, "methods", index, "layers")
            said = "\n".join(map(sentence, problem))
            self.layers.show_layers(self._layers(given.get("models")), model.layers(index), said)
        self.more.set_fields(model.more(index))
        self.more.refresh(given, lambda key: below(problems, "methods", index, key))
        own = isinstance(given.get("target"), dict)
        self.target.setText(tr("Own &target…") if not own else tr("Edit its own &target…"))
        self.no_target.setVisible(own)

    def _own_target(self) -> None:
        self.target_wanted.emit(self._model().own_target(self.entries.current))

    def _nothing(self, index: int) -> str:
        if self._model().entry(index) is not None:
            return tr("This method has no parameters.")
        if not self.session.catalogue.methods:
            return self.session.lost or tr("Reading the plug-ins…")
        return tr("There is no such method; its parameters stay as they are.")

    def _layers(self, models: object) -> list[dict[str, object]]:
        """Give the layers of the first checked model that the use is for."""
        for index, model in enumerate(self.session.document.entries("models")):
            name = model.get("name") if isinstance(model, dict) else None
            if isinstance(models, list) and name is not None and name not in models:
                continue
            found = self.session.layers(index)
            if found:
                return found
        return []

    def _set(self, keys: tuple[str, ...], value: object, typed: bool) -> None:
        self._model().set(self.entries.current, keys, value, typing=typed)

    def _reset(self, keys: tuple[str, ...]) -> None:
        self._model().reset(self.entries.current, keys)

    def _pick(self, layers: list[str], typed: bool) -> None:
        if layers:
            self._set(("layers",), layers, typed)
        else:
            self._reset(("layers",))

    def _wanted(self, what: str, index: int) -> None:
        model = self._model()
        if what == "remove":
            model.remove(index)
        elif what == "duplicate":
            self.entries.select(model.duplicate(index))
        else:
            to = index + (1 if what == "down" else -1)
            self.session.document.move(("methods", index), to)
            self.entries.select(to)

    def reveal(self, path: str) -> None:
        """Select the use that a problem is in."""
        number = path.partition("[")[2].partition("]")[0]
        if number.isdigit() and page_of(path) in ("parameters", "methods"):
            self.entries.select(int(number))
