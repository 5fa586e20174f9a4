"""Clicks into the slice views of the two rows, told from drags."""

import slicer
import vtk

from liverpair.mrml import layouts

BEFORE_SLICER = 5.0
"""Priority of an observer that hears of the mouse before Slicer's own do; drawing a box comes before it."""
LARGEST_TREMOR = 3
LAYOUT_CHANGED = "layoutChanged(int)"


class ViewClicks:
    """While started, `onClick(group, ras)` is called for every click with the left button in a view of row 0 or 1.

    Slicer gets the same events: a drag still adjusts the window or moves a handle.
    """

    def __init__(self, onClick):
        self._onClick = onClick
        self._views = []
        self._isStarted = False

    def start(self):
        """Watch the views of the layout, and of any layout that is chosen later."""
        if not self._isStarted:
            self._isStarted = True
            slicer.app.layoutManager().connect(LAYOUT_CHANGED, self._watch)
            self._watch()

    def stop(self):
        """Watch no longer."""
        if self._isStarted:
            self._isStarted = False
            slicer.app.layoutManager().disconnect(LAYOUT_CHANGED, self._watch)
            self._leave()

    def _watch(self, layout=None):
        self._leave()
        manager = slicer.app.layoutManager()
        shown = set(manager.sliceViewNames())
        for group, row in enumerate(layouts.ROWS):
            for view in row:
                if view.name in shown:
                    self._views.append(_ViewClicks(manager.sliceWidget(view.name).sliceView(), group, self._onClick))

    def _leave(self):
        for view in self._views:
            view.release()
        self._views = []


class _ViewClicks:
    """The clicks into one view."""

    def __init__(self, sliceView, group, onClick):
        self._sliceNode, self._interactor = sliceView.mrmlSliceNode(), sliceView.interactor()
        self._group, self._onClick = group, onClick
        self._pressed = None
        self._tags = [
            self._interactor.AddObserver(event, function, BEFORE_SLICER)
            for event, function in (
                (vtk.vtkCommand.LeftButtonPressEvent, self._onPress),
                (vtk.vtkCommand.LeftButtonReleaseEvent, self._onRelease),
            )
        ]

    def release(self):
        for tag in self._tags:
            self._interactor.RemoveObserver(tag)
        self._tags = []

    def _onPress(self, caller, event):
        self._pressed = self._interactor.GetEventPosition()

    def _onRelease(self, caller, event):
        pressed, self._pressed = self._pressed, None
        position = self._interactor.GetEventPosition()
        if pressed is not None and max(abs(a - b) for a, b in zip(pressed, position)) <= LARGEST_TREMOR:
            ras = self._sliceNode.GetXYToRAS().MultiplyPoint((*position, 0.0, 1.0))[:3]
            self._onClick(self._group, ras)
