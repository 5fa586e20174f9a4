"""Widgets that show a picture drawn off screen by VTK, and pass mouse and keys on to it."""

import numpy as np
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from .mrml_selectors import SceneHolder

REFRESH_MS = 30
USUAL_DPI = 72
"""What VTK draws texts for on a screen that is not scaled."""
BUTTONS = {QtCore.Qt.LeftButton: "Left", QtCore.Qt.RightButton: "Right", QtCore.Qt.MiddleButton: "Middle"}


class PictureWidget(SceneHolder, QtWidgets.QWidget):
    """A widget that shows what `_draw` returns, again whenever `_is_stale`."""

    mrmlSceneChanged = Signal(object)
    _pixels: np.ndarray
    _timer: QtCore.QTimer

    def __init__(self, parent=None):
        super().__init__(parent)
        self._pixels = None
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.harness_draw_if_stale)
        self._timer.start()

    def _is_stale(self) -> bool:
        raise NotImplementedError

    def _draw(self) -> np.ndarray:
        raise NotImplementedError

    def harness_draw_if_stale(self) -> None:
        """Draw when the widget is on screen and what it shows has changed."""
        if self.isVisible() and self._is_stale():
            self._draw_now()

    def harness_pixels(self) -> tuple[int, int]:
        """Width and height in pixels of the screen, as VTK counts them on a scaled one."""
        scale = self.devicePixelRatioF()
        return max(round(scale * self.width), 1), max(round(scale * self.height), 1)

    def _draw_now(self) -> None:
        self._pixels = np.ascontiguousarray(self._draw()[..., :3])
        self.update()

    def paintEvent(self, event) -> None:
        if self._pixels is None:
            return
        height, width = self._pixels.shape[:2]
        image = QtGui.QImage(self._pixels.data, width, height, self._pixels.strides[0], QtGui.QImage.Format_RGB888)
        image.setDevicePixelRatio(self.devicePixelRatioF())
        painter = QtGui.QPainter(self)
        painter.drawImage(0, 0, image)
        painter.end()


class InteractivePicture(PictureWidget):
    """A picture whose mouse and keys go to `_interactor()`; `_passed_on` is called after each event."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(QtCore.Qt.StrongFocus)

    def _interactor(self):
        raise NotImplementedError

    def _passed_on(self) -> None:
        raise NotImplementedError

    def _pass_on(self, event, name: str, key: str = "\0", symbol: str | None = None) -> None:
        modifiers = event.modifiers()
        is_control = int(bool(modifiers & QtCore.Qt.ControlModifier))
        is_shift = int(bool(modifiers & QtCore.Qt.ShiftModifier))
        interactor = self._interactor()
        if hasattr(event, "position"):
            position = self.devicePixelRatioF() * event.position()
            across, up = int(position.x()), self.harness_pixels()[1] - 1 - int(position.y())
        else:
            across, up = interactor.GetEventPosition()
        interactor.SetEventInformation(across, up, is_control, is_shift, key, 0, symbol)
        interactor.InvokeEvent(name)
        self._passed_on()

    def mousePressEvent(self, event) -> None:
        self._pass_on(event, BUTTONS[event.button()] + "ButtonPressEvent")

    def mouseReleaseEvent(self, event) -> None:
        self._pass_on(event, BUTTONS[event.button()] + "ButtonReleaseEvent")

    def mouseDoubleClickEvent(self, event) -> None:
        self._pass_on(event, BUTTONS[event.button()] + "ButtonDoubleClickEvent")

    def mouseMoveEvent(self, event) -> None:
        self._pass_on(event, "MouseMoveEvent")

    def wheelEvent(self, event) -> None:
        forward = event.angleDelta().y() > 0
        self._pass_on(event, "MouseWheelForwardEvent" if forward else "MouseWheelBackwardEvent")

    def keyPressEvent(self, event) -> None:
        symbol = QtGui.QKeySequence(event.key()).toString()
        self._pass_on(event, "KeyPressEvent", event.text() or "\0", symbol)
