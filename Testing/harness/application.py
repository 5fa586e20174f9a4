"""`slicer.app` over a QApplication, and the main window."""

import os
import sys
import tempfile

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .file_io import IOManager
from .layout import LayoutManager
from .modules import Module, ModuleManager
from .mrml_sequences import SequencePlayer
from .standins import stands_for

PANEL_WIDTH = 420


@stands_for("qSlicerApplication")
class Application(QtWidgets.QApplication):
    """The part of qSlicerApplication that scripts use."""

    startupCompleted = Signal()

    def __init__(self, headless):
        super().__init__(sys.argv[:1])
        self.setApplicationName("Harness")
        self.setApplicationVersion("5.12.0")
        self.setOrganizationName("Harness")
        self.setQuitOnLastWindowClosed(False)
        self._folder = tempfile.TemporaryDirectory(prefix="harness-")
        self._headless = headless
        self._is_testing = False
        settings_format = QtCore.QSettings.IniFormat
        QtCore.QSettings.setDefaultFormat(settings_format)
        QtCore.QSettings.setPath(settings_format, QtCore.QSettings.UserScope, self._folder.name)

    def harness_start(self) -> None:
        """Make what needs `slicer.app`: the modules, the layout, the main window."""
        self._io_manager = IOManager(self._headless.logics)
        self._module_manager = ModuleManager(self._headless.logics)
        self._layout_manager = LayoutManager(self._headless.application_logic)
        self._main_window = MainWindow(self._layout_manager.viewport())
        self._sequence_player = SequencePlayer(self._module_manager.module("Sequences"))

    def testingEnabled(self) -> bool:
        return self._is_testing

    def harness_set_testing(self, testing: bool) -> None:
        """Behave as if started with `--testing`: message boxes are skipped."""
        self._is_testing = testing

    def coreIOManager(self) -> IOManager:
        return self._io_manager

    def ioManager(self) -> IOManager:
        return self._io_manager

    def moduleManager(self) -> ModuleManager:
        return self._module_manager

    def layoutManager(self) -> LayoutManager:
        return self._layout_manager

    def applicationLogic(self):
        return self._headless.application_logic

    def mrmlApplicationLogic(self):
        return self._headless.application_logic

    def mrmlScene(self):
        return self._headless.scene

    def mainWindow(self) -> "MainWindow":
        return self._main_window

    def settings(self) -> QtCore.QSettings:
        return QtCore.QSettings()

    userSettings = revisionUserSettings = settings

    def translate(self, context: str, text: str) -> str:
        return text

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def startupEnvironment(self) -> dict[str, str]:
        """The environment that Slicer itself was started in, before it changed it."""
        return dict(os.environ)

    def pythonConsole(self) -> None:
        return None

    def pauseRender(self) -> None:
        """Views draw by themselves."""

    def resumeRender(self) -> None:
        """Views draw by themselves."""

    def restart(self) -> None:
        raise RuntimeError("the harness does not restart")

    def _constant(kind, value):  # noqa: N805 (used in the class body only)
        return Property(kind, lambda self: value)

    temporaryPath = Property(str, lambda self: self._folder.name)
    slicerHome = Property(str, lambda self: self._folder.name)
    slicerUserSettingsFilePath = Property(str, lambda self: QtCore.QSettings().fileName())
    documentationBaseUrl = _constant(str, "https://slicer.readthedocs.io/en/latest/")
    revision = _constant(str, "harness")
    majorVersion = _constant(int, 5)
    minorVersion = _constant(int, 12)
    os = _constant(str, {"linux": "linux", "darwin": "macosx"}.get(sys.platform, "win"))
    del _constant


@stands_for("qSlicerModuleSelectorToolBar")
class ModuleSelector(QtWidgets.QToolBar):
    """The module selector of the tool bar."""

    def __init__(self):
        super().__init__()
        self._selected: Module | None = None
        self._combo = QtWidgets.QComboBox()
        self._combo.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToContents)
        self.addWidget(self._combo)

    selectedModule = Property(str, lambda self: self._selected.name if self._selected else "")

    def selectModule(self, name: str) -> None:
        """Leave the module shown now and enter another.

        Raises:
            RuntimeError: when there is no such module.
        """
        module = slicer.app.moduleManager().module(name)
        if module is None:
            raise RuntimeError(f"there is no module '{name}'")
        if self._selected is not None and self._selected.widgetRepresentation() is not None:
            self._selected.widgetRepresentation().exit()
        self._selected = module
        self._combo.clear()
        self._combo.addItem(module.title)
        panel = module.widgetRepresentation()
        slicer.app.mainWindow().harness_show_panel(panel)
        if panel is not None:
            panel.enter()

    def harness_forget(self) -> None:
        """No module is shown."""
        self._selected = None
        self._combo.clear()


@stands_for("qSlicerMainWindow")
class MainWindow(QtWidgets.QMainWindow):
    """The panel of the selected module at the left, the views of the layout at the right."""

    def __init__(self, viewport: QtWidgets.QWidget):
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self.setWindowTitle("Harness (not Slicer)")
        self._selector = ModuleSelector()
        self._scroll = QtWidgets.QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        left = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(left)
        column.addWidget(self._selector)
        column.addWidget(self._scroll)
        splitter = self._splitter = QtWidgets.QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(viewport)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([PANEL_WIDTH, 900])
        self.setCentralWidget(splitter)
        self.statusBar()
        self.resize(1320, 860)

    def moduleSelector(self) -> ModuleSelector:
        return self._selector

    def harness_show_panel(self, panel: QtWidgets.QWidget | None) -> None:
        """Put a module's panel at the left; the one shown before is kept, hidden."""
        previous = self._scroll.takeWidget()
        if previous is not None and previous is not panel:
            previous.hide()
        if panel is not None:
            self._scroll.setWidget(panel)
            panel.installEventFilter(self)
            panel.show()
            self._make_room(panel)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """As Slicer does, make the column as wide as the panel has to be, whatever that does to the views."""
        if event.type() == QtCore.QEvent.LayoutRequest and watched is self._scroll.widget():
            self._make_room(watched)
        return False

    def _make_room(self, panel: QtWidgets.QWidget) -> None:
        self._scroll.setMinimumWidth(
            panel.minimumSizeHint().width() + self._scroll.verticalScrollBar().sizeHint().width()
        )

    def harness_panel(self) -> QtWidgets.QWidget | None:
        """The module's panel that is shown."""
        return self._scroll.widget()

    def harness_reveal(self, widget: QtWidgets.QWidget) -> None:
        """Scroll the panel until a widget is in sight."""
        panel = self.harness_panel()
        if panel is not None and panel.isAncestorOf(widget):
            self._scroll.ensureWidgetVisible(widget)

    def harness_set_panel_width(self, width: int) -> None:
        """Drag the line between the panel and the views."""
        self._splitter.setSizes([width, self.width - width])

    def harness_sees_top(self, widget: QtWidgets.QWidget) -> bool:
        """Whether a widget of the panel begins at the upper edge of what is in sight."""
        return abs(widget.mapTo(self._scroll.viewport(), QtCore.QPoint(0, 0)).y()) <= 1

    def harness_sees(self, widget: QtWidgets.QWidget) -> bool:
        """Whether a widget of the panel is in sight as a whole, without scrolling."""
        room = self._scroll.viewport()
        return room.rect.contains(QtCore.QRect(widget.mapTo(room, QtCore.QPoint(0, 0)), widget.size))
