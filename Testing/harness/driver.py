"""Hands and eyes of a test: clicks, keys, drags, waiting, screenshots. Everything goes through real Qt events."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import vtk
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QKeySequence, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest

from .ctk_controls import HEADER_HEIGHT
from .picture_widgets import PictureWidget

MODIFIERS = {"": Qt.NoModifier, "shift": Qt.ShiftModifier, "control": Qt.ControlModifier}
BUTTONS = {"left": Qt.LeftButton, "right": Qt.RightButton, "middle": Qt.MiddleButton}
TIMEOUT_S = 5.0
CHECK_BOX_MIDDLE = 10
WHEEL_STEP = 120


class Driver:
    """Acts on the widgets of an application as a user would; refuses what a user could not do."""

    def __init__(self, app):
        self.app = app

    @property
    def main_window(self):
        """The window with the module's panel and the views."""
        return self.app.mainWindow()

    # Hands

    def click(self, widget, position: tuple[int, int] | None = None) -> None:
        """Press and release the left mouse button on a widget (where it reacts, or x, y from its upper left corner).

        Raises:
            AssertionError: when a user could not click there: the widget is hidden or disabled.
        """
        self._check_reachable(widget)
        self.main_window.harness_reveal(widget)
        self.wait()
        QTest.mouseClick(widget, Qt.LeftButton, Qt.NoModifier, QPoint(*(position or _sensitive_place(widget))))
        self.wait()

    def click_row(self, table, row: int, column: int = 0) -> None:
        """Click a cell of a table or tree view."""
        self._check_reachable(table)
        index = table.model().index(row, column)
        table.scrollTo(index)
        QTest.mouseClick(table.viewport(), Qt.LeftButton, Qt.NoModifier, table.visualRect(index).center())
        self.wait()

    def click_heading(self, table, column: int) -> None:
        """Click the heading of a table's column."""
        self._check_reachable(table)
        header = table.horizontalHeader()
        table.scrollTo(table.model().index(0, column))
        place = QPoint(header.sectionViewportPosition(column) + header.sectionSize(column) // 2, header.height // 2)
        QTest.mouseClick(header.viewport(), Qt.LeftButton, Qt.NoModifier, place)
        self.wait()

    def click_slice(self, name: str, ras, modifier: str = "") -> None:
        """Click at a world point (RAS, mm) in a slice view."""
        place = QPoint(*(round(v) for v in self.slice_position(name, ras)))
        view = self.slice_view(name)
        assert view.rect.contains(place), f"{ras} lies outside the view '{name}'"
        QTest.mouseClick(view, Qt.LeftButton, MODIFIERS[modifier], place)
        self.wait()

    def move_in_slice(self, name: str, ras, modifier: str = "") -> None:
        """Move the mouse to a world point (RAS, mm) in a slice view, with "shift" held on request: Slicer's crosshair
        then follows."""
        place = QPointF(*self.slice_position(name, ras))
        view = self.slice_view(name)
        event = QMouseEvent(
            QEvent.MouseMove, place, view.mapToGlobal(place), Qt.NoButton, Qt.NoButton, MODIFIERS[modifier]
        )
        self.app.sendEvent(view, event)
        self.wait()

    def click_plot(self, x: float, y: float, index: int = 0) -> None:
        """Click at a value in a plot view of the layout."""
        view = self.plot_view(index)
        QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, QPoint(*(round(v) for v in view.harness_place_of(x, y))))
        self.wait()

    def select_in_plot(self, low: tuple[float, float], high: tuple[float, float], index: int = 0) -> None:
        """Drag from one value (x, y) to another in a plot view of the layout."""
        view = self.plot_view(index)
        self.drag(view, view.harness_place_of(*low), view.harness_place_of(*high))

    def hover_plot(self, x: float, y: float, index: int = 0) -> str:
        """Move the mouse to a value in a plot view of the layout; what the tooltip of the chart says there."""
        view = self.plot_view(index)
        place = QPointF(*(round(v) for v in view.harness_place_of(x, y)))
        event = QMouseEvent(QEvent.MouseMove, place, view.mapToGlobal(place), Qt.NoButton, Qt.NoButton, Qt.NoModifier)
        self.app.sendEvent(view, event)
        self.wait()
        tooltip = view.chart().GetTooltip()
        return tooltip.GetText() if tooltip.GetVisible() else ""

    def type_text(self, widget, text: str, replace: bool = True) -> None:
        """Type into a field and press Enter; what it holds is replaced unless told otherwise."""
        self._check_reachable(widget)
        editor = _part(widget, "_spinbox", "_edit")
        editor.setFocus()
        if replace:
            editor.selectAll()
        QTest.keyClicks(editor, text)
        QTest.keyClick(editor, Qt.Key_Return)
        self.wait()

    def press(self, keys: str, widget=None) -> None:
        """Press a key or chord ("Ctrl+Z", "A") in a widget, in the main window when None."""
        self.main_window.activateWindow()
        self.wait(until=lambda: self.main_window.isActiveWindow)
        chord = QKeySequence(keys)[0]
        QTest.keyClick(widget or self.main_window, chord.key(), chord.keyboardModifiers())
        self.wait()

    def choose(self, widget, text: str) -> None:
        """Pick an entry of a combo box or node selector by its text, with the keyboard.

        Raises:
            LookupError: when it has no such entry.
        """
        self._check_reachable(widget)
        combo = _part(widget, "_combo")
        row = combo.findText(text)
        if row < 0:
            raise LookupError(f"no entry '{text}', only {[combo.itemText(index) for index in range(combo.count)]}")
        combo.setFocus()
        combo.showPopup()
        self.wait()
        combo.view().setCurrentIndex(combo.model().index(row, combo.modelColumn))
        QTest.keyClick(combo.view(), Qt.Key_Return)
        self.wait()

    def drag(self, widget, start: tuple[float, float], end: tuple[float, float], button: str = "left") -> None:
        """Drag with a mouse button from x, y to x, y (pixels from the widget's upper left corner)."""
        steps = 6
        places = [
            QPoint(*(round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True)))
            for step in range(steps + 1)
        ]
        QTest.mouseMove(widget, places[0])
        self.wait(seconds=0.05)
        QTest.mousePress(widget, BUTTONS[button], Qt.NoModifier, places[0])
        for place in places[1:]:
            QTest.mouseMove(widget, place)
            self.wait(seconds=0.02)
        QTest.mouseRelease(widget, BUTTONS[button], Qt.NoModifier, places[-1])
        self.wait(seconds=0.05)

    def scroll(self, widget, steps: int) -> None:
        """Turn the mouse wheel over the middle of a widget, away from the user for positive steps."""
        middle = QPointF(widget.rect.center())
        event = QWheelEvent(
            middle,
            QPointF(widget.mapToGlobal(widget.rect.center())),
            QPoint(),
            QPoint(0, WHEEL_STEP * (1 if steps > 0 else -1)),
            Qt.NoButton,
            Qt.NoModifier,
            Qt.NoScrollPhase,
            False,
        )
        for _ in range(abs(steps)):
            self.app.sendEvent(widget, event)
            self.wait()

    def _check_reachable(self, widget) -> None:
        name = widget.objectName or widget.className()
        assert widget.isVisible(), f"'{name}' is not visible"
        assert widget.isEnabled(), f"'{name}' is disabled"

    # Time

    def wait(self, until: Callable[[], bool] | None = None, seconds: float | None = None) -> None:
        """Let the application run: through the events at hand, for some seconds, or until something is true.

        Raises:
            TimeoutError: when `until` is not true after `seconds` (5 when not given).
        """
        if until is None:
            self.app.processEvents()
            if seconds:
                QTest.qWait(round(1000 * seconds))
            return
        limit = TIMEOUT_S if seconds is None else seconds
        end = time.monotonic() + limit
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"still not true after {limit} s")
            QTest.qWait(10)

    # Eyes

    def slice_view(self, name: str):
        """The slice view of that name in the layout, to click and drag in."""
        return self.app.layoutManager().sliceWidget(name).sliceView()

    def plot_view(self, index: int = 0):
        """A plot view of the layout."""
        return self.app.layoutManager().plotWidget(index).plotView()

    def slice_position(self, name: str, ras) -> tuple[float, float]:
        """Where a world point (RAS, mm) lies in a slice view: x, y from its upper left corner, as widgets count."""
        view = self.slice_view(name)
        ras_to_xy = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(view.mrmlSliceNode().GetXYToRAS(), ras_to_xy)
        across, up, _, _ = ras_to_xy.MultiplyPoint((*ras, 1))
        scale = view.devicePixelRatioF()
        return across / scale, (view.harness_pixels()[1] - 1 - up) / scale

    def screenshot(self, path: str | Path, widget=None) -> np.ndarray:
        """Save a picture of the main window (or of one widget) as PNG; returns its pixels (height, width, 3)."""
        self.wait(seconds=0.1)
        for view in self.main_window.findChildren(PictureWidget):
            view.harness_draw_if_stale()
        picture = (widget or self.main_window).grab()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if not picture.save(str(path)):
            raise OSError(f"could not write {path}")
        image = picture.toImage().convertToFormat(QImage.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def _part(widget, *names: str):
    """The part of a composite stand-in that takes the keyboard, or the widget itself."""
    return next((getattr(widget, name) for name in names if hasattr(widget, name)), widget)


def _sensitive_place(widget) -> tuple[int, int]:
    if widget.inherits("QCheckBox") or widget.inherits("QRadioButton"):
        return CHECK_BOX_MIDDLE, widget.height // 2
    if widget.inherits("ctkCollapsibleButton"):
        return widget.width // 2, HEADER_HEIGHT // 2
    return widget.width // 2, widget.height // 2
