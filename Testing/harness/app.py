"""Starts the harness and drives it: loads modules, clicks, types, waits, takes screenshots, collects problems."""

import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import slicer

from liverpair.mrml.headless import boot

from . import dialogs, problems

PUBLISHED = {
    "qt": "qt",
    "ctk": "ctk",
    "slicer.i18n": "slicer_python.i18n",
    "slicer.packaging": "slicer_python.packaging",
    "slicer.ScriptedLoadableModule": "slicer_python.ScriptedLoadableModule",
    "slicer.parameterNodeWrapper": "slicer_python.parameterNodeWrapper",
    "SampleData": "slicer_python.SampleData",
}
"""Modules that Slicer offers to scripts, and where the harness has them."""

_running: "Harness | None" = None


def start() -> "Harness":
    """Start the harness in this process, or return the one that runs. Draws off screen unless told otherwise."""
    global _running
    if _running is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _running = Harness()
    return _running


class Harness:
    """One application with a main window. Made by `start`."""

    def __init__(self):
        headless = boot()
        qt = _publish("qt")
        qt.install()
        problems.install_hooks()
        dialogs.install()
        _publish("ctk")
        from . import mrml_selectors, mrml_tables, mrml_views
        from .application import Application
        from .modules import publish_namespaces

        for widgets in (mrml_selectors.WIDGETS, mrml_tables.WIDGETS, mrml_views.WIDGETS):
            for widget in widgets:
                setattr(slicer, widget.__name__, widget)
        publish_namespaces()
        self.app = Application(headless)
        slicer.app = self.app
        for name in PUBLISHED:
            _publish(name)
        self.app.start()
        self._mouse = importlib.import_module("PySide6.QtTest").QTest
        self._is_started = False
        self.main_window.show()
        self.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    @property
    def main_window(self):
        """The window with the module's panel and the views."""
        return self.app.mainWindow()

    @property
    def packaging(self):
        """The stand-in of slicer.packaging, with `requests` and `set_outcome`."""
        return slicer.packaging

    # Modules

    def load_module(self, path: str | Path, show: bool = True):
        """Load a scripted module as Slicer does at its start, and select it; returns its module object."""
        name = Path(path).stem
        if self.app.moduleManager().isLoaded(name):
            self.app.moduleManager().unload(name)
        module = self.app.moduleManager().load(path)
        self.app.startupCompleted.emit()
        if show:
            self.select(name)
        return module

    def select(self, name: str) -> None:
        """Select a module, as in the tool bar."""
        slicer.util.selectModule(name)
        self.wait()

    def panel(self, name: str):
        """The Python widget object of a loaded module."""
        return slicer.util.getModuleWidget(name)

    def widget(self, name: str):
        """The widget of that object name in the selected module's panel.

        Raises:
            LookupError: when there is none.
        """
        panel = slicer.util.getModule(slicer.util.selectedModule()).widgetRepresentation()
        found = slicer.util.findChildren(panel, name=name)
        if not found:
            raise LookupError(f"the panel has no widget called '{name}'")
        return found[0]

    # Hands

    def click(self, widget, position: tuple[int, int] | None = None) -> None:
        """Press and release the left button over a widget (its middle, or x, y from its upper left corner).

        Raises:
            AssertionError: when a user could not click there: the widget is hidden or disabled.
        """
        name = widget.objectName or type(widget).__name__
        assert widget.isVisible(), f"'{name}' is not visible"
        assert widget.isEnabled(), f"'{name}' is disabled"
        self.reveal(widget)
        from PySide6.QtCore import QPoint, Qt

        if position is None and widget.inherits("QCheckBox"):
            position = (10, widget.height // 2)
        point = QPoint(*position) if position else widget.rect.center()
        self._mouse.mouseClick(widget, Qt.LeftButton, Qt.NoModifier, point)
        self.wait()

    def reveal(self, widget) -> None:
        """Scroll the panel until a widget is in sight."""
        self.main_window._scroll.ensureWidgetVisible(widget)
        self.wait()

    def type_text(self, widget, text: str, replace: bool = True) -> None:
        """Type into a widget and press Enter; what it holds is replaced unless told otherwise."""
        from PySide6.QtCore import Qt

        assert widget.isEnabled(), f"'{widget.objectName}' is disabled"
        widget.setFocus()
        if replace:
            widget.selectAll()
        self._mouse.keyClicks(widget, text)
        self._mouse.keyClick(widget, Qt.Key_Return)
        self.wait()

    def press(self, key: str, widget=None) -> None:
        """Press a key or chord ("Ctrl+Z", "A") over a widget, the main window when None."""
        from PySide6.QtGui import QKeySequence

        chord = QKeySequence(key)[0]
        self._mouse.keyClick(widget or self.main_window, chord.key(), chord.keyboardModifiers())
        self.wait()

    def choose(self, widget, text: str) -> None:
        """Pick an entry of a combo box or node selector by its text.

        Raises:
            LookupError: when it has no such entry.
        """
        assert widget.isEnabled(), f"'{widget.objectName}' is disabled"
        combo = widget if widget.inherits("QComboBox") else widget._combo
        row = combo.findText(text)
        if row < 0:
            raise LookupError(f"no entry '{text}', only {[combo.itemText(i) for i in range(combo.count)]}")
        from PySide6.QtCore import Qt

        combo.setFocus()
        self._mouse.keyClick(combo, Qt.Key_Home)
        for _ in range(row):
            self._mouse.keyClick(combo, Qt.Key_Down)
        self.wait()

    def drag(self, widget, start: tuple[float, float], end: tuple[float, float], steps: int = 6, button="left") -> None:
        """Drag with a mouse button from x, y to x, y (pixels from the widget's upper left corner)."""
        from PySide6.QtCore import QPoint, Qt

        buttons = {"left": Qt.LeftButton, "right": Qt.RightButton, "middle": Qt.MiddleButton}
        places = [
            QPoint(*(round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True)))
            for step in range(steps + 1)
        ]
        self._mouse.mouseMove(widget, places[0])
        self.wait(seconds=0.05)
        self._mouse.mousePress(widget, buttons[button], Qt.NoModifier, places[0])
        for place in places[1:]:
            self._mouse.mouseMove(widget, place)
            self.wait(seconds=0.02)
        self._mouse.mouseRelease(widget, buttons[button], Qt.NoModifier, places[-1])
        self.wait(seconds=0.05)

    def slice_position(self, view_name: str, ras) -> tuple[float, float]:
        """Where a world point (RAS, mm) lies in a slice view: x, y in pixels from the upper left corner."""
        import vtk

        widget = self.app.layoutManager().sliceWidget(view_name)
        ras_to_xy = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(widget.mrmlSliceNode().GetXYToRAS(), ras_to_xy)
        across, up, _, _ = ras_to_xy.MultiplyPoint((*ras, 1))
        return across, widget.sliceView().height - 1 - up

    def wait(self, until: Callable[[], bool] | None = None, seconds: float = 5.0) -> None:
        """Let the application run: once through its events, for `seconds`, or until something is true.

        Raises:
            TimeoutError: when it is not true after `seconds`.
        """
        if until is None:
            self.app.processEvents()
            if seconds != 5.0:
                self._mouse.qWait(round(1000 * seconds))
            return
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"still not true after {seconds} s")
            self._mouse.qWait(10)

    # Eyes

    def screenshot(self, path: str | Path):
        """Save a picture of the main window as PNG; returns its pixels (height, width, 3)."""
        import numpy as np
        from PySide6.QtGui import QImage

        from .mrml_views import PictureWidget

        self.wait(seconds=0.1)
        for view in self.main_window.findChildren(PictureWidget):
            view._draw_if_stale()
        picture = self.main_window.grab()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if not picture.save(str(path)):
            raise OSError(f"could not write {path}")
        image = picture.toImage().convertToFormat(QImage.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    def problems(self) -> list[problems.Problem]:
        """Exceptions in slots, unknown signals, unanswered dialogs: what the user would not see, but the log would."""
        return problems.recorded()

    def expecting(self, text: str):
        """Context manager: a problem containing `text` is expected in the block, and required."""
        return problems.expecting(text)

    def dialogs(self) -> list[dialogs.Dialog]:
        """The dialogs that came up since the last reset."""
        return dialogs.shown()

    def answer(self, *values) -> None:
        """Queue answers for the next dialogs; see `dialogs.answer`."""
        dialogs.answer(*values)

    # Isolation

    def reset(self) -> None:
        """Back to an empty application: no scripted module, empty scene, no problems, dialogs or settings."""
        manager = self.app.moduleManager()
        self.main_window.show_panel(None)
        self.main_window.moduleSelector().forget()
        for module in manager.scripted():
            manager.unload(module.name)
        slicer.mrmlScene.Clear(0)
        slicer.modules.sampleDataSources.clear()
        self.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self.app.set_testing(False)
        self.app.settings().clear()
        from PySide6.QtCore import QEvent

        self.app.sendPostedEvents(None, QEvent.DeferredDelete)
        self.wait()
        slicer.packaging.reset()
        dialogs.forget()
        problems.forget()


def _publish(name: str):
    """Import a stand-in and put it where scripts import it from."""
    imported = importlib.import_module(f".{PUBLISHED[name]}", __package__)
    sys.modules[name] = imported
    if name.startswith("slicer."):
        setattr(slicer, name.removeprefix("slicer."), imported)
    return imported
