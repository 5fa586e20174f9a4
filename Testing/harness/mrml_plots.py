"""Stand-ins for the plot views of qMRML: the real VTK chart, its tooltips and its selections, behind a Qt widget."""

import numpy as np
import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Qt, Signal

from .mrml_selectors import qMRMLWidget
from .observing import Observers
from .picture_widgets import USUAL_DPI, InteractivePicture
from .plot_picture import PlotPicture
from .standins import stand_in


@stand_in
class qMRMLPlotView(InteractivePicture):
    """The chart of a vtkMRMLPlotViewNode."""

    dataSelected = Signal(object, object)
    _picture: PlotPicture
    _view_node: object
    _observers: Observers
    _chart_observers: Observers
    _stale: bool

    def __init__(self, parent=None):
        super().__init__(parent)
        self._picture, self._view_node, self._stale = PlotPicture(), None, True
        self._observers, self._chart_observers = Observers(self), Observers(self)
        self._chart_observers.add(
            self._picture.chart, vtk.vtkCommand.SelectionChangedEvent, lambda *_: self._emit_selection()
        )

    def setMRMLPlotViewNode(self, node) -> None:
        self._view_node = node
        self._observe()

    def harness_view_node(self):
        """For the widget around it: Python lacks a view's `mrmlPlotViewNode`, neither a slot nor Q_INVOKABLE."""
        return self._view_node

    def chart(self) -> vtk.vtkChartXY:
        self._follow()
        return self._picture.chart

    def scene(self) -> vtk.vtkContextScene:
        return self._picture.chart.GetScene()

    def _interactor(self) -> vtk.vtkRenderWindowInteractor:
        return self._picture.interactor

    def fitToContent(self) -> None:
        """Charts do not do it by themselves when a table grows, and plots know their bounds from when they were last
        drawn, or updated."""
        self._follow()
        ranges, node = self._picture.fit(), self._chart_node()
        if node is not None and len(ranges) == len(("x", "y")):
            was_modifying = node.StartModify()
            node.SetXAxisRange(ranges[vtk.vtkAxis.BOTTOM])
            node.SetYAxisRange(ranges[vtk.vtkAxis.LEFT])
            node.EndModify(was_modifying)

    def RemovePlotSelections(self) -> None:
        self._picture.forget_selection()
        self._stale = True

    def harness_place_of(self, x: float, y: float) -> tuple[float, float]:
        """Where a value is shown: pixels from the upper left corner. For tests; Slicer has no such method."""
        self.harness_draw_if_stale()
        (across, up), scale = self._picture.position(x, y), self.devicePixelRatioF()
        return across / scale, (self.harness_pixels()[1] - 1 - up) / scale

    def sizeHint(self) -> QtCore.QSize:
        """In a splitter without sizes a plot takes nearly all from slice views, which hint at nothing."""
        return QtCore.QSize(640, 480)

    def harness_close(self) -> None:
        """Stop drawing and following the scene."""
        self._timer.stop()
        self._observers.clear()
        self._chart_observers.clear()

    def _observe(self, *_event) -> None:
        """Chart, series and tables may have been exchanged: observe those shown now."""
        self._observers.clear()
        self._stale = True
        if self._view_node is None:
            return
        shown = [self._view_node, self._chart_node()]
        if shown[1] is not None:
            series = [shown[1].GetNthPlotSeriesNode(index) for index in range(shown[1].GetNumberOfPlotSeriesNodes())]
            shown += series + [one.GetTableNode() for one in series if one]
        for observed in filter(None, shown):
            self._observers.watch(observed, self._observe)

    def _chart_node(self):
        return self._view_node.GetPlotChartNode() if self._view_node is not None else None

    def _emit_selection(self) -> None:
        """The selected points by series. A click on a point tells twice, with the former selection first."""
        if self._chart_node() is None:
            return
        series, points = vtk.vtkStringArray(), vtk.vtkCollection()
        for node_id, selection in self._picture.selected():
            series.InsertNextValue(node_id)
            points.AddItem(selection)
        self._stale = True
        self.dataSelected.emit(series, points)

    def _follow(self) -> None:
        if self._view_node is not None:
            self._picture.follow(self._chart_node(), self._view_node.GetInteractionMode())

    def _is_stale(self) -> bool:
        return self._stale

    def _passed_on(self) -> None:
        self._stale = True

    def _draw(self) -> np.ndarray:
        self._follow()
        self._stale = False
        self._picture.window.SetDPI(round(USUAL_DPI * self.devicePixelRatioF()))
        return self._picture.grab(self.harness_pixels())

    def resizeEvent(self, event) -> None:
        self._stale = True

    def keyPressEvent(self, event) -> None:
        super().keyPressEvent(event)
        if event.key() == Qt.Key_S:
            next_mode = self._view_node.GetInteractionMode() + 1
            self._view_node.SetInteractionMode(next_mode % self._view_node.InteractionMode_Last)
        elif event.key() == Qt.Key_R:
            self.fitToContent()


@stand_in
class qMRMLPlotWidget(qMRMLWidget):
    """A plot view as a layout shows it."""

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
        return self._view.harness_view_node()

    def setMRMLPlotViewNode(self, node) -> None:
        self._view.setMRMLPlotViewNode(node)


WIDGETS = (qMRMLPlotView, qMRMLPlotWidget)
