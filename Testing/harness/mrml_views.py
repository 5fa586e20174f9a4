"""Stand-ins for the qMRML view widgets: pictures drawn off screen by VTK, mouse and keys passed on to it."""

import numpy as np
import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from liverpair.mrml.pictures import SliceView

from .ctk_values import ctkSliderWidget
from .mrml_selectors import SceneHolder
from .observing import Observers
from .plot_picture import PlotPicture
from .standins import stand_in

REFRESH_MS = 30
BUTTONS = {QtCore.Qt.LeftButton: "Left", QtCore.Qt.RightButton: "Right", QtCore.Qt.MiddleButton: "Middle"}


class PictureWidget(SceneHolder, QtWidgets.QWidget):
    """A widget that shows what `_draw` returns, again whenever `_is_stale`."""

    mrmlSceneChanged = Signal(object)
    cpp_signals = {"mrmlSceneChanged(vtkMRMLScene*)"}
    _pixels: np.ndarray
    _timer: QtCore.QTimer

    def __init__(self, parent=None):
        super().__init__(parent)
        self._pixels = None
        self.setMinimumSize(120, 100)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.draw_if_stale)
        self._timer.start()

    def _is_stale(self) -> bool:
        raise NotImplementedError

    def _draw(self) -> np.ndarray:
        raise NotImplementedError

    def draw_if_stale(self) -> None:
        """Draw when the widget is on screen and what it shows has changed."""
        if self.isVisible() and self._is_stale():
            self.forceRender()

    def forceRender(self) -> None:
        """Draw now."""
        self._pixels = np.ascontiguousarray(self._draw()[..., :3])
        self.update()

    def scheduleRender(self) -> None:
        self.forceRender()

    def paintEvent(self, event) -> None:
        if self._pixels is None:
            return
        height, width = self._pixels.shape[:2]
        image = QtGui.QImage(self._pixels.data, width, height, self._pixels.strides[0], QtGui.QImage.Format_RGB888)
        painter = QtGui.QPainter(self)
        painter.drawImage(0, 0, image)
        painter.end()


@stand_in
class qMRMLSliceView(PictureWidget):
    """One slice: the real slice logic, displayable managers and interactor style behind a Qt widget."""

    _view: SliceView

    def __init__(self, parent=None):
        super().__init__(parent)
        self._view = None
        self.setMouseTracking(True)
        self.setFocusPolicy(QtCore.Qt.StrongFocus)

    def setMRMLSliceNode(self, node) -> None:
        size = (max(self.width, 1), max(self.height, 1))
        self._view = SliceView(
            node.GetSingletonTag(), node.GetOrientation(), size, node.GetViewGroup(), node.GetLayoutColor()
        )

    def mrmlSliceNode(self):
        return self._view.node if self._view else None

    def sliceLogic(self):
        return self._view.logic if self._view else None

    def renderWindow(self) -> vtk.vtkRenderWindow:
        return self._view.window

    def interactor(self) -> vtk.vtkRenderWindowInteractor:
        return self._view.interactor

    def interactorStyle(self):
        return self._view.style

    def renderer(self) -> vtk.vtkRenderer:
        return self._view.renderer

    def _is_stale(self) -> bool:
        return self._view is not None and self._view.changed

    def _draw(self) -> np.ndarray:
        return self._view.grab()

    def resizeEvent(self, event) -> None:
        if self._view:
            self._view.resize(max(self.width, 1), max(self.height, 1))
            self._view.changed = True

    def _pass_on(self, event, name: str, key: str = "\0", symbol: str | None = None) -> None:
        modifiers = event.modifiers()
        is_control = int(bool(modifiers & QtCore.Qt.ControlModifier))
        is_shift = int(bool(modifiers & QtCore.Qt.ShiftModifier))
        interactor = self._view.interactor
        if hasattr(event, "position"):
            position = event.position()
            across, up = int(position.x()), self.height - 1 - int(position.y())
        else:
            across, up = interactor.GetEventPosition()
        interactor.SetEventInformation(across, up, is_control, is_shift, key, 0, symbol)
        interactor.InvokeEvent(name)
        self._view.changed = True

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

    def close_view(self) -> None:
        """Stop drawing and let go of the VTK window."""
        self._timer.stop()
        if self._view:
            self._view.close()
            self._view = None


@stand_in
class qMRMLSliceControllerWidget(SceneHolder, QtWidgets.QWidget):
    """The bar above a slice: its label in its color, and the offset slider."""

    mrmlSceneChanged = Signal(object)
    cpp_signals = {"mrmlSceneChanged(vtkMRMLScene*)"}
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

    def setSliceLogic(self, logic) -> None:
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

    def close_controller(self) -> None:
        """Stop following the slice."""
        self._observers.clear()
        self._logic = None

    def _update(self, *_event) -> None:
        bounds, resolution = [0.0, 0.0], vtk.reference(1.0)
        self._is_updating = True
        if self._logic.GetSliceOffsetRangeResolution(bounds, resolution):
            self._slider.setRange(*bounds)
            self._slider.singleStep = resolution.get()
        self._slider.value = self._logic.GetSliceOffset()
        self._is_updating = False

    def _on_offset(self, offset: float) -> None:
        if not self._is_updating and self._logic:
            self._logic.StartSliceOffsetInteraction()
            self._logic.SetSliceOffset(offset)
            self._logic.EndSliceOffsetInteraction()


@stand_in
class qMRMLSliceWidget(SceneHolder, QtWidgets.QWidget):
    """A slice view with its bar, as a layout shows it."""

    mrmlSceneChanged = Signal(object)
    cpp_signals = {"mrmlSceneChanged(vtkMRMLScene*)"}
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
        self._controller.setSliceLogic(self._view.sliceLogic())

    def mrmlSliceNode(self):
        return self._view.mrmlSliceNode()

    def mrmlSliceCompositeNode(self):
        return self.sliceLogic().GetSliceCompositeNode()

    def sliceLogic(self):
        return self._view.sliceLogic()

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def sliceController(self) -> qMRMLSliceControllerWidget:
        return self._controller

    def fitSliceToBackground(self) -> None:
        self.sliceLogic().FitSliceToBackground()


@stand_in
class qMRMLPlotView(PictureWidget):
    """The chart of a vtkMRMLPlotViewNode, drawn by vtkChartXY."""

    _picture: PlotPicture
    _view_node: object
    _observers: Observers
    _stale: bool

    def __init__(self, parent=None):
        super().__init__(parent)
        self._picture, self._view_node, self._stale = PlotPicture(), None, True
        self._observers = Observers(self)

    def mrmlPlotViewNode(self):
        return self._view_node

    def setMRMLPlotViewNode(self, node) -> None:
        self._view_node = node
        self._observe()

    def fitToContent(self) -> None:
        self._stale = True

    def _observe(self, *_event) -> None:
        """Chart, series and tables may have been exchanged: observe those shown now."""
        self._observers.clear()
        self._stale = True
        if self._view_node is None:
            return
        shown = [self._view_node, self._view_node.GetPlotChartNode()]
        if shown[1] is not None:
            series = [shown[1].GetNthPlotSeriesNode(index) for index in range(shown[1].GetNumberOfPlotSeriesNodes())]
            shown += series + [one.GetTableNode() for one in series if one]
        for observed in filter(None, shown):
            self._observers.watch(observed, self._observe)

    def _is_stale(self) -> bool:
        return self._stale

    def _draw(self) -> np.ndarray:
        self._stale = False
        chart = self._view_node.GetPlotChartNode() if self._view_node else None
        return self._picture.grab(chart, (max(self.width, 1), max(self.height, 1)))

    def resizeEvent(self, event) -> None:
        self._stale = True


@stand_in
class qMRMLPlotWidget(SceneHolder, QtWidgets.QWidget):
    """A plot view as a layout shows it."""

    mrmlSceneChanged = Signal(object)
    cpp_signals = {"mrmlSceneChanged(vtkMRMLScene*)"}
    _view: qMRMLPlotView

    def __init__(self, parent=None):
        super().__init__(parent)
        self._view = qMRMLPlotView()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)

    def plotView(self) -> qMRMLPlotView:
        return self._view

    def mrmlPlotViewNode(self):
        return self._view.mrmlPlotViewNode()

    def setMRMLPlotViewNode(self, node) -> None:
        self._view.setMRMLPlotViewNode(node)


@stand_in
class qMRMLThreeDWidget(SceneHolder, QtWidgets.QLabel):
    """The place of a 3D view; nothing is drawn in it."""

    mrmlSceneChanged = Signal(object)
    cpp_signals = {"mrmlSceneChanged(vtkMRMLScene*)"}
    _node: slicer.vtkMRMLViewNode

    def __init__(self, parent=None):
        super().__init__("3D view (not drawn by the harness)", parent)
        self._node = None
        self.setAlignment(QtCore.Qt.AlignCenter)
        self.setStyleSheet("background: #9090c0; color: white")

    def mrmlViewNode(self):
        return self._node

    def setMRMLViewNode(self, node) -> None:
        self._node = node

    def threeDView(self) -> "qMRMLThreeDWidget":
        return self

    def resetFocalPoint(self) -> None:
        """There is no camera."""

    def resetCamera(self) -> None:
        """There is no camera."""


WIDGETS = (
    qMRMLSliceView, qMRMLSliceControllerWidget, qMRMLSliceWidget, qMRMLPlotView, qMRMLPlotWidget, qMRMLThreeDWidget,
)  # fmt: skip
