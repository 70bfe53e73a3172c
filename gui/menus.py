"""The window's menus."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from .language import tr
from .theme import THEMES
from .translations import LANGUAGES

if TYPE_CHECKING:
    from .window import Window

Keys = QKeySequence.StandardKey


def fill(window: Window) -> None:
    """Make the menus and their shortcuts."""
    _file(window, window.menuBar().addMenu(tr("&File")))
    edit = window.menuBar().addMenu(tr("&Edit"))
    add = window.actions_.add
    add(edit, "undo", tr("&Undo"), window.undo, Keys.Undo)
    add(edit, "redo", tr("&Redo"), window.redo, Keys.Redo)
    edit.addSeparator()
    add(edit, "problem", tr("Go to the first &problem"), window.go_to_problem, "F8")
    _go(window, window.menuBar().addMenu(tr("&Go")))
    _view(window, window.menuBar().addMenu(tr("&View")))
    help_ = window.menuBar().addMenu(tr("&Help"))
    add(help_, "shortcuts", tr("&Shortcuts"), window.actions_.show_shortcuts, "F1")


def _file(window: Window, menu: QMenu) -> None:
    add = window.actions_.add
    add(menu, "new", tr("&New config"), window.files.new, Keys.New)
    add(menu, "open", tr("&Open…"), window.files.open, Keys.Open)
    add(menu, "open_run", tr("Open a &run…"), window.files.open_run, "Ctrl+Shift+O")
    recent = menu.addMenu(tr("Re&cent"))
    recent.aboutToShow.connect(partial(_recent, window, recent))
    menu.addSeparator()
    add(menu, "save", tr("&Save"), window.files.save, Keys.Save)
    save_as = partial(window.files.save, elsewhere=True)
    add(menu, "save_as", tr("Save &as…"), save_as, "Ctrl+Shift+S")
    menu.addSeparator()
    add(menu, "run", tr("R&un"), partial(_run, window), "Ctrl+R")
    add(menu, "reload", tr("Reload &plug-ins"), window.session.start, "F5")
    menu.addSeparator()
    add(menu, "quit", tr("&Quit"), window.close, "Ctrl+Q")


def _recent(window: Window, menu: QMenu) -> None:
    menu.clear()
    paths = window.settings.recent
    for path in paths:
        menu.addAction(str(path), partial(window.files.open, path))
    if not paths:
        menu.addAction(tr("None yet")).setEnabled(False)


def _run(window: Window) -> None:
    window.go("run")
    window.run_page.start_run()


def _go(window: Window, menu: QMenu) -> None:
    add = window.actions_.add
    add(menu, "next", tr("&Next step"), window.next.click, "Ctrl+PgDown")
    add(menu, "back", tr("&Previous step"), window.back.click, "Ctrl+PgUp")
    menu.addSeparator()
    for number, name in enumerate((*window.pages, *window.places), start=1):
        title = window.title_of(name)
        add(menu, f"go_{name}", title, partial(window.go, name), f"Ctrl+{number}")


def _view(window: Window, menu: QMenu) -> None:
    group = QActionGroup(window)
    titles = (tr("As the &system"), tr("&Light"), tr("&Dark"))
    for theme, title in zip(THEMES, titles, strict=True):
        name = f"theme_{theme}"
        action = window.actions_.add(menu, name, title, partial(window.set_theme, theme))
        action.setCheckable(True)
        action.setChecked(theme == window.settings.theme)
        group.addAction(action)
    _languages(window, menu.addMenu(tr("Lan&guage")))


def _languages(window: Window, menu: QMenu) -> None:
    group = QActionGroup(window)
    for code, title in {"system": tr("As the &system"), **LANGUAGES}.items():
        choose = partial(window.set_language, code)
        action = window.actions_.add(menu, f"language_{code}", title, choose)
        action.setCheckable(True)
        action.setChecked(code == window.settings.language)
        group.addAction(action)
