"""What follows the size of the views while a panel is on screen: it changes with the window's, and with the layout."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from slicer import vtkMRMLSliceNode
from slicer.util import VTKObservationMixin

from liverpair.mrml import pen

USUAL_HEIGHT = 450
"""Pixels of a view in two rows on a screen of 1080 lines."""
USUAL_DPI = 72
"""What VTK draws texts for on a screen that is not scaled."""
SETTLE_MS = 100
LAYOUT_CHANGED = "layoutChanged(int)"


class ViewSize(VTKObservationMixin):
    """While started, outlines in the slice views are as thick as these have pixels, and `onChanged()` is called when
    that number has changed.
    """

    def __init__(self, onChanged: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onChanged, self._seen, self._isStarted = onChanged, {}, False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.connect("timeout()", self._onSettled)

    def start(self) -> None:
        """Follow the views of the layout, and of any layout that is chosen later."""
        if not self._isStarted and slicer.app.layoutManager() is not None:
            self._isStarted = True
            slicer.app.layoutManager().connect(LAYOUT_CHANGED, self._watch)
            self._watch()
            self._onSettled()

    def stop(self) -> None:
        """Follow nothing."""
        if self._isStarted:
            self._isStarted = False
            self._timer.stop()
            self.removeObservers()
            slicer.app.layoutManager().disconnect(LAYOUT_CHANGED, self._watch)

    def _watch(self, layout: Any = None) -> None:
        self.removeObservers()
        for node in self._shown().values():
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onModified)
        self._timer.start()

    def _shown(self) -> dict[str, vtkMRMLSliceNode]:
        """The slice nodes of the layout on the screen by name."""
        nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
        return {node.GetLayoutName(): node for node in nodes if node.IsMappedInLayout()}

    def _onModified(self, node: vtkMRMLSliceNode, event: Any = None) -> None:
        if self._seen.get(node.GetLayoutName()) != node.GetDimensions()[:2]:
            self._timer.start()

    def _onSettled(self) -> None:
        shown = self._shown()
        seen = {name: node.GetDimensions()[:2] for name, node in shown.items()}
        if not seen or seen == self._seen:
            return
        self._seen = seen
        name = max(seen, key=lambda name: seen[name][1])
        widget = slicer.app.layoutManager().sliceWidget(name)
        if widget is not None:
            scaling = widget.sliceView().renderWindow().GetDPI() / USUAL_DPI
            pen.adapt(lines=max(1.0, seen[name][1] / USUAL_HEIGHT), texts=1 / scaling)
        self._onChanged()


def windowHeight() -> int | None:
    """Of Slicer's window in pixels; None where there is no window."""
    window = slicer.util.mainWindow()
    return window.height if window is not None else None
