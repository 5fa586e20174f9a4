"""Points that are selected in the plot views of the layout."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from slicer import vtkMRMLPlotViewNode

LAYOUT_CHANGED = "layoutChanged(int)"
DATA_SELECTED = "dataSelected(vtkStringArray*, vtkCollection*)"


class PlotClicks:
    """While started, `onSelected(seriesId, row)` is called with the first point that a click or a drag selects.

    `isOurs(viewNode)` says whether a plot view counts. VTK tells the former selection before the new one: only what is
    said last counts, and a selection is dropped when it has been told.
    """

    def __init__(self, isOurs: Callable[[vtkMRMLPlotViewNode], bool], onSelected: Callable[[str, int], None]) -> None:
        self._isOurs, self._onSelected = isOurs, onSelected
        self._views = []
        self._last = None
        self._isStarted = False

    def start(self) -> None:
        """Watch the plot views of the layout, and of any layout that is chosen later."""
        if not self._isStarted:
            self._isStarted = True
            slicer.app.layoutManager().connect(LAYOUT_CHANGED, self.watch)
            self.watch()

    def stop(self) -> None:
        """Watch no longer."""
        if self._isStarted:
            self._isStarted = False
            slicer.app.layoutManager().disconnect(LAYOUT_CHANGED, self.watch)
            self._leave()

    def watch(self, layout: Any = None) -> None:
        """Look again which views are ours."""
        self._leave()
        if not self._isStarted:
            return
        manager = slicer.app.layoutManager()
        for index in range(manager.plotViewCount):
            widget = manager.plotWidget(index)
            viewNode = widget.mrmlPlotViewNode()  # the view itself does not tell it to Python
            if viewNode is not None and self._isOurs(viewNode):
                widget.plotView().connect(DATA_SELECTED, self._onDataSelected)
                self._views.append(widget.plotView())

    def _leave(self) -> None:
        for view in self._views:
            view.disconnect(DATA_SELECTED, self._onDataSelected)
        self._views = []

    def _onDataSelected(self, seriesIds: vtk.vtkStringArray, selections: vtk.vtkCollection) -> None:
        isPending = self._last is not None
        self._last = _firstPoint(seriesIds, selections)
        if self._last is None:
            return
        if not isPending:
            qt.QTimer.singleShot(0, self._tell)

    def _tell(self) -> None:
        point, self._last = self._last, None
        if point is not None and self._isStarted:
            for view in self._views:
                view.RemovePlotSelections()
            self._last = None
            self._onSelected(*point)


def _firstPoint(seriesIds: vtk.vtkStringArray, selections: vtk.vtkCollection) -> tuple[str, int] | None:
    """Series and row of the first selected point, or None."""
    for index in range(min(seriesIds.GetNumberOfValues(), selections.GetNumberOfItems())):
        rows = selections.GetItemAsObject(index)
        if rows.GetNumberOfValues():
            return seriesIds.GetValue(index), int(rows.GetValue(0))
    return None
