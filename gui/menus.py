"""The window's menus."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from .theme import THEMES

if TYPE_CHECKING:
    from .window import Window

Keys = QKeySequence.StandardKey


def fill(window: Window) -> None:
    """Make the menus and their shortcuts."""
    _file(window, window.menuBar().addMenu(window.tr("&File")))
    edit = window.menuBar().addMenu(window.tr("&Edit"))
    add = window.actions_.add
    add(edit, "undo", window.tr("&Undo"), window.undo, Keys.Undo)
    add(edit, "redo", window.tr("&Redo"), window.redo, Keys.Redo)
    edit.addSeparator()
    add(edit, "problem", window.tr("Go to the first &problem"), window.go_to_problem, "F8")
    _go(window, window.menuBar().addMenu(window.tr("&Go")))
    _view(window, window.menuBar().addMenu(window.tr("&View")))
    help_ = window.menuBar().addMenu(window.tr("&Help"))
    add(help_, "shortcuts", window.tr("&Shortcuts"), window.actions_.show_shortcuts, "F1")


def _file(window: Window, menu: QMenu) -> None:
    add = window.actions_.add
    add(menu, "new", window.tr("&New config"), window.files.new, Keys.New)
    add(menu, "open", window.tr("&Open…"), window.files.open, Keys.Open)
    add(menu, "open_run", window.tr("Open a &run…"), window.files.open_run, "Ctrl+Shift+O")
    recent = menu.addMenu(window.tr("Re&cent"))
    recent.aboutToShow.connect(partial(_recent, window, recent))
    menu.addSeparator()
    add(menu, "save", window.tr("&Save"), window.files.save, Keys.Save)
    save_as = partial(window.files.save, elsewhere=True)
    add(menu, "save_as", window.tr("Save &as…"), save_as, "Ctrl+Shift+S")
    menu.addSeparator()
    add(menu, "run", window.tr("R&un"), partial(_run, window), "Ctrl+R")
    add(menu, "reload", window.tr("Reload &plug-ins"), window.session.start, "F5")
    menu.addSeparator()
    add(menu, "quit", window.tr("&Quit"), window.close, "Ctrl+Q")


def _recent(window: Window, menu: QMenu) -> None:
    menu.clear()
    paths = window.settings.recent
    for path in paths:
        menu.addAction(str(path), partial(window.files.open, path))
    if not paths:
        menu.addAction(window.tr("None yet")).setEnabled(False)


def _run(window: Window) -> None:
    window.go("run")
    window.run_page.start_run()


def _go(window: Window, menu: QMenu) -> None:
    add = window.actions_.add
    add(menu, "next", window.tr("&Next step"), window.next.click, "Ctrl+PgDown")
    add(menu, "back", window.tr("&Previous step"), window.back.click, "Ctrl+PgUp")
    menu.addSeparator()
    for number, name in enumerate((*window.pages, *window.places), start=1):
        title = window.title_of(name)
        add(menu, f"go_{name}", title, partial(window.go, name), f"Ctrl+{number}")


def _view(window: Window, menu: QMenu) -> None:
    group = QActionGroup(window)
    titles = (window.tr("As the &system"), window.tr("&Light"), window.tr("&Dark"))
    for theme, title in zip(THEMES, titles, strict=True):
        name = f"theme_{theme}"
        action = window.actions_.add(menu, name, title, partial(window.set_theme, theme))
        action.setCheckable(True)
        action.setChecked(theme == window.settings.theme)
        group.addAction(action)
