"""The main window: the six steps, the monitor and the viewer; files, undo, and what is wrong."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QProcess, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QMainWindow,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from . import theme
from .actions import Actions
from .banner import Banner
from .document import Place
from .files import Files
from .helpers import Helper
from .language import tr
from .menus import fill
from .models.problems import page_of, path_of, sentence
from .pages.images import ImagesPage
from .pages.methods import MethodsPage
from .pages.model import ModelPage
from .pages.page import button
from .pages.parameters import ParametersPage
from .pages.run import RunPage
from .pages.target import TargetPage
from .places import PANELS
from .places import Place as Panel
from .recent import Settings
from .session import Session
from .translations import LANGUAGES, install

STEPS = ("model", "images", "target", "methods", "parameters", "run")
SOURCES = (".py", ".pt", ".pt2", ".ts", ".pth", ".safetensors")


class Window(QMainWindow):
    """The wizard."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.session = Session(parent=self)
        session = self.session
        methods, parameters = MethodsPage(session), ParametersPage(session)
        self.pages = {
            "model": ModelPage(session),
            "images": ImagesPage(session),
            "target": TargetPage(session),
            "methods": methods,
            "parameters": parameters,
            "run": RunPage(session),
        }
        self.places = {
            "monitor": Panel(PANELS["monitor"], "MonitorPanel", self.settings.store),
            "viewer": Panel(PANELS["viewer"], "ViewerPanel"),
        }
        self.actions_ = Actions(self)
        self._build()
        self.files = Files(self, session, self.settings)
        self.files.opened.connect(self._opened)
        fill(self)
        self.places["monitor"].made.connect(lambda panel: panel.view_requested.connect(self.view))
        self.run_page.save_wanted.connect(self.files.save)
        self.run_page.run_wanted.connect(self.start)
        parameters.target_wanted.connect(self._show_target)
        methods.estimate_wanted.connect(self.run_page.start_plan)
        session.said.connect(self.banner.say)
        for signal in (session.changed, session.checked, session.replaced, session.learnt):
            signal.connect(self._renew)
        self.setAcceptDrops(True)
        if self.settings.geometry is not None:
            self.restoreGeometry(self.settings.geometry)
        self._dress()
        self.go("model")
        self._renew()

    @property
    def run_page(self) -> RunPage:
        """The page that starts runs."""
        page = self.pages["run"]
        assert isinstance(page, RunPage)
        return page

    def _build(self) -> None:
        self.steps = QListWidget()
        self.steps.setObjectName("steps")
        self.steps.setAccessibleName(tr("Steps"))
        self.steps.setFixedWidth(150)
        self.steps.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.stack = QStackedWidget()
        for widget in (*self.pages.values(), *self.places.values()):
            self.steps.addItem("")
            self.stack.addWidget(widget)
        self.steps.currentRowChanged.connect(self._turned)
        self.banner = Banner()
        self.back, self.next = button(tr("‹ &Back")), button(tr("&Next ›"))
        self.back.clicked.connect(lambda: self._turn(-1))
        self.next.clicked.connect(lambda: self._turn(1))
        self.wrong = QToolButton(autoRaise=True)
        self.wrong.setToolTip(tr("Go to the first problem (F8)"))
        self.wrong.clicked.connect(self.go_to_problem)
        self.note = QLabel()
        self.note.setProperty("role", "quiet")
        self.foot = QWidget()
        foot = QHBoxLayout(self.foot)
        foot.setContentsMargins(14, 2, 14, 8)
        foot.addWidget(self.wrong)
        foot.addWidget(self.note)
        foot.addStretch(1)
        foot.addWidget(self.back)
        foot.addWidget(self.next)
        right = QVBoxLayout()
        right.setSpacing(4)
        right.addWidget(self.banner)
        right.addWidget(self.stack, 1)
        right.addWidget(self.foot)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(8, 8, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.steps)
        row.addLayout(right, 1)
        self.setCentralWidget(whole)
        self.resize(1180, 720)
        self.setMinimumSize(QSize(760, 480))

    def title_of(self, name: str) -> str:
        """Give a step's name for people."""
        titles = {
            "model": tr("Model"),
            "images": tr("Images"),
            "target": tr("Target"),
            "methods": tr("Methods"),
            "parameters": tr("Parameters"),
            "run": tr("Run"),
            "monitor": tr("Monitor"),
            "viewer": tr("Viewer"),
        }
        return titles[name]

    def go(self, name: str) -> None:
        """Show a step or place."""
        self.steps.setCurrentRow((*STEPS, *self.places).index(name))

    def _turn(self, by: int) -> None:
        self.steps.setCurrentRow(min(max(self.steps.currentRow() + by, 0), len(STEPS) - 1))

    def _turned(self, row: int) -> None:
        name = (*STEPS, *self.places)[row]
        if name in self.places:
            self.places[name].make()
        self.stack.setCurrentIndex(row)
        self.actions_.leave(self.places[name].keys if name in self.places else ())
        for turn in (self.back, self.next):
            turn.setVisible(row < len(STEPS))
        self.back.setEnabled(row > 0)
        self.next.setEnabled(row < len(STEPS) - 1)

    def _renew(self) -> None:
        document, problems = self.session.document, self.session.problems
        self.setWindowTitle(f"{document.name}[*] — esegeta")
        self.setWindowModified(document.dirty)
        number = dict.fromkeys(STEPS, 0)
        for problem in problems:
            number[page_of(problem.path)] += 1
        for row, name in enumerate((*STEPS, *self.places)):
            count = f"  ⚠ {number[name]}" if number.get(name) else ""
            place = f"{row + 1}  " if name in STEPS else "     "
            self.steps.item(row).setText(f"{place}{self.title_of(name)}{count}")
        self.wrong.setVisible(bool(problems))
        if problems:
            first = problems[0]
            said = f"{first.path}: {sentence(first)}" if first.path else sentence(first)
            short = said if len(said) <= 110 else f"{said[:110]}…"
            count = tr("%d problems") % len(problems) if len(problems) > 1 else ""
            self.wrong.setText(f"⚠ {count + ' · ' if count else ''}{short}")
            self.wrong.setAccessibleName(said)
        waits = not self.session.server.serves and not self.session.lost
        valid = "" if self.session.plan is None or problems else tr("The config is valid.")
        self.note.setText(tr("Reading the plug-ins…") if waits else valid)
        self.actions_.made["undo"].setEnabled(document.can_undo)
        self.actions_.made["redo"].setEnabled(document.can_redo)

    def go_to_problem(self) -> None:
        """Show the page where the first problem can be mended."""
        if self.session.problems:
            self.reveal(self.session.problems[0].path)

    def reveal(self, path: str) -> None:
        """Show the page where the value at a path is edited."""
        name = page_of(path)
        self.go(name)
        page = self.pages[name]
        if isinstance(page, ParametersPage | RunPage):
            page.reveal(path)

    def _show_target(self, level: Place) -> None:
        """Edit the target of a single use of a method."""
        page = self.pages["target"]
        assert isinstance(page, TargetPage)
        self.go("target")
        page.show_level(level)

    def undo(self) -> None:
        """Take back the last edit, and show where it was."""
        self._show_edit(self.session.document.undo())

    def redo(self) -> None:
        """Do again what was taken back, and show where."""
        self._show_edit(self.session.document.redo())

    def _show_edit(self, place: Place | None) -> None:
        current = self.steps.currentRow()
        if place and current < len(STEPS):
            wanted = page_of(path_of(place))
            # Methods and parameters edit the same entries: stay where one can see it.
            if {wanted, STEPS[current]} != {"methods", "parameters"}:
                self.go(wanted)

    def _opened(self, run: Path | None) -> None:
        """Show what was opened: a run where it stands, a config from its first step."""
        self.banner.hide()
        if run is not None:
            self.watch(run)
        else:
            self.go("model")

    def start(self, folder: Path, arguments: list[str]) -> None:
        """Start a run in a process that survives the window, and show how far it is."""
        self.places["monitor"].make().start_run(folder, arguments, self.session.document.base)
        self.watch(folder)

    def watch(self, folder: Path) -> None:
        """Show how far a run is."""
        self.settings.opened(folder)
        self.places["monitor"].open_run(folder)
        self.go("monitor")

    def view(self, folder: Path, job: str) -> None:
        """Show the map of a job."""
        self.places["viewer"].open_run(Path(folder), *([job] if job else []))
        self.go("viewer")

    def set_theme(self, name: theme.Theme) -> None:
        """Draw light or dark, and remember it."""
        self.settings.theme = name
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, name)
        self._dress()
        for page in self.pages.values():
            page.renew()
        for place in self.places.values():
            place.renew()

    def set_language(self, name: str) -> None:
        """Remember a language; what is there already keeps its own until the wizard starts again."""
        self.settings.language = name
        app = QApplication.instance()
        assert app is not None
        code = install(app, name)
        text = tr("The wizard speaks %s when it is started the next time.")
        self.banner.say(text % LANGUAGES[code])

    def _dress(self) -> None:
        """Draw what stands around the pages by the theme; they do so themselves when they are seen."""
        for part in (self.steps, self.banner, self.foot):
            theme.dress(part)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Take configs, runs, networks and images, wherever in the window they are dropped."""
        urls = event.mimeData().urls()
        self.take([Path(url.toLocalFile()) for url in urls if url.isLocalFile()])

    def take(self, paths: list[Path]) -> None:
        """Open a config or a run, or add a network or images."""
        opens = [p for p in paths if p.suffix == ".json" or (p / "plan.json").is_file()]
        networks = [p for p in paths if p.suffix in SOURCES]
        images = [p for p in paths if p not in opens and p not in networks]
        if opens:
            self.files.open(opens[0])
        model, page = self.pages["model"], self.pages["images"]
        assert isinstance(model, ModelPage)
        assert isinstance(page, ImagesPage)
        for path in networks:
            self.go("model")
            model.take(path)
        if images:
            self.go("images")
            page.take(images)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Ask about unsaved changes; then end the helper processes, but no run."""
        if not self.files.ask():
            event.ignore()
            return
        self.settings.geometry = self.saveGeometry()
        for helper in self.findChildren(Helper):
            helper.stop()
        self.session.close()
        for process in self.findChildren(QProcess):  # killed, which takes no time
            process.waitForFinished(1000)
        super().closeEvent(event)
