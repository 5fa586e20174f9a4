"""Stand-ins for the qMRML widgets of slice and 3D views: the real slice logic and displayable managers behind Qt."""

import numpy as np
import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from liverpair.mrml.pictures import SliceView

from .ctk_values import ctkSliderWidget
from .mrml_selectors import qMRMLWidget
from .observing import Observers
from .picture_widgets import USUAL_DPI, InteractivePicture
from .standins import stand_in

USUAL_SCREEN_SCALE = 0.2
"""Of a view node."""


@stand_in
class qMRMLSliceView(InteractivePicture):
    """One slice: the real slice logic, displayable managers and interactor style behind a Qt widget."""

    _view: SliceView

    def __init__(self, parent=None):
        super().__init__(parent)
        self._view = None

    def setMRMLSliceNode(self, node) -> None:
        name, pixels = node.GetSingletonTag(), self.harness_pixels()
        self._view = SliceView(name, node.GetOrientation(), pixels, node.GetViewGroup(), node.GetLayoutColor())
        self._fit_screen()

    def mrmlSliceNode(self):
        return self._view.node if self._view else None

    def harness_slice_logic(self):
        """For the widget around it, which tells it to scripts."""
        return self._view.logic if self._view else None

    def renderWindow(self) -> vtk.vtkRenderWindow:
        return self._view.window

    def interactor(self) -> vtk.vtkRenderWindowInteractor:
        return self._view.interactor

    def interactorStyle(self):
        return self._view.style

    _interactor = interactor

    def forceRender(self) -> None:
        self._draw_now()

    def scheduleRender(self) -> None:
        self._draw_now()

    def _is_stale(self) -> bool:
        return self._view is not None and self._view.changed

    def _draw(self) -> np.ndarray:
        return self._view.grab()

    def resizeEvent(self, event) -> None:
        if self._view:
            self._fit_screen()
            self._view.resize(*self.harness_pixels())
            self._view.changed = True

    def _fit_screen(self) -> None:
        """Slicer sizes the marks of markups by the screen, which VTK always takes for one of 1920 x 1080 off screen:
        this one is as large as the window, at least so large."""
        window, scale = self.window(), self.devicePixelRatioF()
        times = max(1.0, scale * np.hypot(window.width, window.height) / np.hypot(*self._view.window.GetScreenSize()))
        self._view.node.SetScreenScaleFactor(USUAL_SCREEN_SCALE * times)
        self._view.window.SetDPI(round(USUAL_DPI * scale))

    def _passed_on(self) -> None:
        self._view.changed = True

    def harness_close(self) -> None:
        """Stop drawing and let go of the VTK window."""
        self._timer.stop()
        if self._view:
            self._view.close()
            self._view = None


@stand_in
class qMRMLSliceControllerWidget(qMRMLWidget):
    """The bar above a slice: its label in its color, and the offset slider."""

    _logic: object
    _label: QtWidgets.QLabel
    _slider: ctkSliderWidget
    _observers: Observers
    _is_updating: bool

    def __init__(self, parent=None):
        super().__init__(parent)
        self._logic, self._is_updating = None, False
        self._observers = Observers(self)
        self._label, self._slider = QtWidgets.QLabel(), ctkSliderWidget()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._label)
        layout.addWidget(self._slider, 1)
        self._slider.valueChanged.connect(self._on_offset)

    def harness_follow(self, logic) -> None:
        """Show and set the offset of a slice logic."""
        self._logic = logic
        node = logic.GetSliceNode()
        color = QtGui.QColor.fromRgbF(*node.GetLayoutColor()).name()
        self._label.setText(node.GetLayoutLabel() or node.GetLayoutName())
        self._label.setStyleSheet(f"background: {color}; padding: 2px 6px; font-weight: bold")
        self._observers.watch(logic, self._update)
        self._update()

    def sliceLogic(self):
        return self._logic

    def sliceOffsetSlider(self) -> ctkSliderWidget:
        return self._slider

    def setSliceOffsetValue(self, offset: float) -> None:
        self._slider.setValue(offset)

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()

    def harness_close(self) -> None:
        """Stop following the slice."""
        self._observers.clear()
        self._logic = None

    def _update(self, *_event) -> None:
        bounds, resolution = [0.0, 0.0], vtk.reference(1.0)
        self._is_updating = True
        if self._logic.GetSliceOffsetRangeResolution(bounds, resolution):
            self._slider.minimum, self._slider.maximum = bounds
            self._slider.singleStep = resolution.get()
        self._slider.value = self._logic.GetSliceOffset()
        self._is_updating = False

    def _on_offset(self, offset: float) -> None:
        if not self._is_updating and self._logic:
            self._logic.StartSliceOffsetInteraction()
            self._logic.SetSliceOffset(offset)
            self._logic.EndSliceOffsetInteraction()


@stand_in
class qMRMLSliceWidget(qMRMLWidget):
    """A slice view with its bar, as a layout shows it."""

    _controller: qMRMLSliceControllerWidget
    _view: qMRMLSliceView

    def __init__(self, parent=None):
        super().__init__(parent)
        self._controller, self._view = qMRMLSliceControllerWidget(), qMRMLSliceView()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._controller)
        layout.addWidget(self._view, 1)

    def setMRMLSliceNode(self, node) -> None:
        self._view.setMRMLSliceNode(node)
        self._controller.harness_follow(self._view.harness_slice_logic())

    def mrmlSliceNode(self):
        return self._view.mrmlSliceNode()

    def mrmlSliceCompositeNode(self):
        return self.sliceLogic().GetSliceCompositeNode()

    def sliceLogic(self):
        return self._view.harness_slice_logic()

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def sliceController(self) -> qMRMLSliceControllerWidget:
        return self._controller

    def fitSliceToBackground(self) -> None:
        self.sliceLogic().FitSliceToBackground()


@stand_in
class qMRMLThreeDWidget(qMRMLWidget):
    """The place of a 3D view; nothing is drawn in it."""

    _node: slicer.vtkMRMLViewNode

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node = None
        label = QtWidgets.QLabel("3D view (not drawn by the harness)")
        label.setAlignment(QtCore.Qt.AlignCenter)
        label.setStyleSheet("background: #9090c0; color: white")
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label)

    def mrmlViewNode(self):
        return self._node

    def setMRMLViewNode(self, node) -> None:
        self._node = node


WIDGETS = (qMRMLSliceView, qMRMLSliceControllerWidget, qMRMLSliceWidget, qMRMLThreeDWidget)
