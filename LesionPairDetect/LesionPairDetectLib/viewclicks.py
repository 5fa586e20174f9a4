"""The mouse in the slice views of the two rows: clicks, told from drags, and what is near the pointer."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from slicer import vtkMRMLMarkupsROINode, vtkMRMLSliceNode

from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.sides import Side
from liverpair.mrml import layouts

BEFORE_SLICER = 5.0
"""Priority of an observer that hears of the mouse before Slicer's own do; drawing a box comes before it."""
LARGEST_TREMOR = 3
NEAR_PIXELS = 20
LAYOUT_CHANGED = "layoutChanged(int)"


class ViewMouse:
    """While started, hears of the mouse in the views of row 0 and 1. Slicer gets the same events: a drag still adjusts
    the window or moves a handle.
    """

    def __init__(self) -> None:
        self._views = []
        self._isStarted = False

    def start(self) -> None:
        """Watch the views of the layout, and of any layout that is chosen later."""
        if not self._isStarted:
            self._isStarted = True
            slicer.app.layoutManager().connect(LAYOUT_CHANGED, self._watch)
            self._watch()

    def stop(self) -> None:
        """Watch no longer."""
        if self._isStarted:
            self._isStarted = False
            slicer.app.layoutManager().disconnect(LAYOUT_CHANGED, self._watch)
            self._leave()

    def watcher(self, sliceView: Any, group: int) -> "_ViewWatcher":
        """A `_ViewWatcher` of one view."""
        raise NotImplementedError

    def _watch(self, layout: Any = None) -> None:
        self._leave()
        for group, row in enumerate(layouts.ROWS):
            for view in row:
                widget = slicer.app.layoutManager().sliceWidget(view.name)
                if isInLayout(widget):
                    self._views.append(self.watcher(widget.sliceView(), group))

    def _leave(self) -> None:
        for view in self._views:
            view.release()
        self._views = []


class ViewClicks(ViewMouse):
    """While started, `onClick(group, ras, viewName)` is called for every click with the left button, and `onPress()`
    when the button goes down.
    """

    def __init__(self, onClick: Callable[..., None], onPress: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._onClick, self._onPress = onClick, onPress

    def watcher(self, sliceView: Any, group: int) -> "_ViewWatcher":
        return _ClickWatcher(sliceView, group, self._onClick, self._onPress)


class HandlesNearPointer(ViewMouse):
    """While started, the chosen boxes of a `ReadingContext` have handles when the pointer is near one of them, or drags
    one, and only then: handles cover a small lesion.
    """

    def __init__(self, context: ReadingContext) -> None:
        super().__init__()
        self._context = context

    def stop(self) -> None:
        super().stop()
        if self._context.study is not None:
            self._context.study.show_handles(False)

    def watcher(self, sliceView: Any, group: int) -> "_ViewWatcher":
        return _PointerWatcher(sliceView, group, self._onPointer)

    def _onPointer(self, group: int, sliceNode: vtkMRMLSliceNode, position: Sequence[float]) -> None:
        study = self._context.study
        if study is not None and study.selected is not None:
            node = study.node(study.selected, tuple(Side)[group])
            study.show_handles(position is not None and node is not None and isNear(node, sliceNode, position))


class _ViewWatcher:
    """Observers of one view's mouse; `functions` by event."""

    def __init__(self, sliceView: Any, group: int, functions: Callable[..., None]) -> None:
        self._sliceNode, self._interactor, self._group = sliceView.mrmlSliceNode(), sliceView.interactor(), group
        self._tags = [
            self._interactor.AddObserver(event, function, BEFORE_SLICER) for event, function in functions.items()
        ]

    def release(self) -> None:
        for tag in self._tags:
            self._interactor.RemoveObserver(tag)
        self._tags = []


class _ClickWatcher(_ViewWatcher):
    """The clicks into one view."""

    def __init__(self, sliceView: Any, group: int, onClick: Callable[..., None], onPress: Callable[[], None]) -> None:
        self._onClick, self._onPressed = onClick, onPress
        self._pressed = None
        events = {
            vtk.vtkCommand.LeftButtonPressEvent: self._onPress,
            vtk.vtkCommand.LeftButtonReleaseEvent: self._onRelease,
        }
        super().__init__(sliceView, group, events)

    def _onPress(self, caller: Any, event: Any) -> None:
        self._pressed = self._interactor.GetEventPosition()
        self._onPressed()

    def _onRelease(self, caller: Any, event: Any) -> None:
        pressed, self._pressed = self._pressed, None
        position = self._interactor.GetEventPosition()
        if pressed is not None and max(abs(a - b) for a, b in zip(pressed, position)) <= LARGEST_TREMOR:
            ras = self._sliceNode.GetXYToRAS().MultiplyPoint((*position, 0.0, 1.0))[:3]
            self._onClick(self._group, ras, self._sliceNode.GetLayoutName())


class _PointerWatcher(_ViewWatcher):
    """The pointer over one view while no button is held; its position is None when it has left."""

    def __init__(self, sliceView: Any, group: int, onPointer: Callable[..., None]) -> None:
        self._onPointer = onPointer
        self._isHeld = False
        events = {
            vtk.vtkCommand.LeftButtonPressEvent: self._onPress,
            vtk.vtkCommand.LeftButtonReleaseEvent: self._onRelease,
            vtk.vtkCommand.MouseMoveEvent: self._onMove,
            vtk.vtkCommand.LeaveEvent: self._onLeft,
        }
        super().__init__(sliceView, group, events)

    def _onPress(self, caller: Any, event: Any) -> None:
        self._isHeld = True

    def _onRelease(self, caller: Any, event: Any) -> None:
        self._isHeld = False

    def _onMove(self, caller: Any, event: Any) -> None:
        if not self._isHeld:
            self._onPointer(self._group, self._sliceNode, self._interactor.GetEventPosition())

    def _onLeft(self, caller: Any, event: Any) -> None:
        if not self._isHeld:
            self._onPointer(self._group, self._sliceNode, None)


def isInLayout(sliceWidget: Any) -> bool:
    """Whether a slice widget, which may be None, belongs to the layout on the screen. Slicer keeps and lists those of
    former layouts; when it tells of a new layout, the new ones are not yet visible.
    """
    return sliceWidget is not None and bool(sliceWidget.mrmlSliceNode().IsMappedInLayout())


def isNear(roiNode: vtkMRMLMarkupsROINode, sliceNode: vtkMRMLSliceNode, position: Sequence[float]) -> bool:
    """Whether a position in a slice view (pixels from the lower left) is in a box or near it."""
    toWorld = slicer.util.arrayFromVTKMatrix(sliceNode.GetXYToRAS())
    fromBox = slicer.util.arrayFromVTKMatrix(roiNode.GetObjectToWorldMatrix())
    place = np.linalg.solve(fromBox, toWorld @ (*position, 0.0, 1.0))[:3]
    margin = NEAR_PIXELS * np.linalg.norm(toWorld[:3, 0])
    return bool((np.abs(place) <= np.divide(roiNode.GetSize(), 2) + margin).all())
