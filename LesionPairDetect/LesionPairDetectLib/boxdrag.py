"""Dragging a rectangle with the mouse in a slice view."""

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSliceNode
from slicer.i18n import tr as _

from LesionPairDetectLib.viewclicks import isInLayout
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.mrml.lesions.box_drawing import box_from_rectangle, slice_views_of

ABOVE_SLICER = 10.0
"""Priority of an observer that sees the mouse before Slicer's own do."""
SMALLEST_DRAG = 4
COLOR = (1.0, 0.85, 0.2)


class BoxDrag:
    """While started, a drag with the left button in a view of a volume is a box, not an adjustment of the window.

    `onDrawn(box)` gets a `Box` in world LPS mm; dragging goes on until `stop`. `onTooSmall()` is called for a mere
    click, `onWrongRow()` for a drag in a view of the other volume, which Slicer gets too.
    """

    def __init__(
        self,
        onDrawn: Callable[[Box], None],
        onTooSmall: Callable[[], None] = lambda: None,
        onWrongRow: Callable[[], None] = lambda: None,
    ) -> None:
        self._onDrawn, self._onTooSmall, self._onWrongRow = onDrawn, onTooSmall, onWrongRow
        self._volume = None
        self._views = []

    @property
    def started(self) -> bool:
        return bool(self._views)

    def start(
        self, volumeNode: vtkMRMLScalarVolumeNode, otherVolumeNode: vtkMRMLScalarVolumeNode | None = None
    ) -> None:
        """Take the mouse in all views that show the volume; raises InputError when none on the screen does."""
        self.stop()
        shown = _viewsOf(volumeNode)
        if not shown:
            raise InputError(_("No view shows '{name}'.").format(name=volumeNode.GetName()))
        self._volume = volumeNode
        self._views = [_ViewDrag(view, self._onRectangle) for view in shown]
        self._views += [_ForeignView(view, self._onWrongRow) for view in _viewsOf(otherVolumeNode)]

    def stop(self) -> None:
        """Give the mouse back."""
        for view in self._views:
            view.release()
        self._views, self._volume = [], None

    def _onRectangle(self, sliceNode: vtkMRMLSliceNode, first: Sequence[float], second: Sequence[float]) -> None:
        if min(abs(a - b) for a, b in zip(first, second)) < SMALLEST_DRAG:
            self._onTooSmall()
        else:
            self._onDrawn(box_from_rectangle(sliceNode, self._volume, first, second))


class _ViewDrag:
    """One view whose left button is taken. `onRectangle(sliceNode, first, second)` gets pixels from the lower left."""

    def __init__(self, sliceView: Any, onRectangle: Callable[..., None]) -> None:
        self._view, self._onRectangle = sliceView, onRectangle
        self._interactor = sliceView.interactor()
        self._start = None
        self._outline = _Outline()
        self._renderer = sliceView.renderWindow().GetRenderers().GetFirstRenderer()
        self._renderer.AddViewProp(self._outline.actor)
        events = {
            vtk.vtkCommand.LeftButtonPressEvent: self._onPress,
            vtk.vtkCommand.MouseMoveEvent: self._onMove,
            vtk.vtkCommand.LeftButtonReleaseEvent: self._onRelease,
        }
        self._tags = [
            self._interactor.AddObserver(event, self._alone(function), ABOVE_SLICER)
            for event, function in events.items()
        ]
        sliceView.setCursor(qt.QCursor(qt.Qt.CrossCursor))

    def release(self) -> None:
        for tag in self._tags:
            self._interactor.RemoveObserver(tag)
        self._tags = []
        self._renderer.RemoveViewProp(self._outline.actor)
        self._view.unsetCursor()
        self._view.scheduleRender()

    def _alone(self, function: Callable[[], Any]) -> Callable[[Any, Any], None]:
        """An observer that keeps the event from Slicer while it is ours."""

        def observe(caller: Any, event: Any) -> None:
            if function():
                for tag in self._tags:
                    self._interactor.GetCommand(tag).SetAbortFlag(1)

        return observe

    def _onPress(self) -> bool:
        self._start = self._interactor.GetEventPosition()
        return True

    def _onMove(self) -> bool:
        if self._start is None:
            return False
        self._outline.show(self._start, self._interactor.GetEventPosition())
        self._view.scheduleRender()
        return True

    def _onRelease(self) -> bool:
        if self._start is None:
            return False
        first, second = self._start, self._interactor.GetEventPosition()
        self._start = None
        self._outline.actor.SetVisibility(False)
        self._view.scheduleRender()
        sliceNode = self._view.mrmlSliceNode()
        qt.QTimer.singleShot(0, lambda: self._onRectangle(sliceNode, first, second))
        return True


class _ForeignView:
    """A view that is only watched. `onDrag()` is called for a drag with the left button."""

    def __init__(self, sliceView: Any, onDrag: Callable[..., None]) -> None:
        self._interactor, self._onDrag = sliceView.interactor(), onDrag
        self._start = None
        events = {
            vtk.vtkCommand.LeftButtonPressEvent: self._onPress,
            vtk.vtkCommand.LeftButtonReleaseEvent: self._onRelease,
        }
        self._tags = [self._interactor.AddObserver(event, function, ABOVE_SLICER) for event, function in events.items()]

    def release(self) -> None:
        for tag in self._tags:
            self._interactor.RemoveObserver(tag)
        self._tags = []

    def _onPress(self, caller: Any = None, event: Any = None) -> None:
        self._start = self._interactor.GetEventPosition()

    def _onRelease(self, caller: Any = None, event: Any = None) -> None:
        start, self._start = self._start, None
        end = self._interactor.GetEventPosition()
        if start is not None and max(abs(a - b) for a, b in zip(start, end)) >= SMALLEST_DRAG:
            qt.QTimer.singleShot(0, self._onDrag)


def _viewsOf(volumeNode: vtkMRMLScalarVolumeNode) -> list[Any]:
    """The slice views of the layout that show a volume; none for None."""
    if volumeNode is None:
        return []
    widgets = map(slicer.app.layoutManager().sliceWidget, slice_views_of(volumeNode))
    return [widget.sliceView() for widget in widgets if isInLayout(widget)]


class _Outline:
    """A rectangle in pixels of a view."""

    def __init__(self) -> None:
        self._points = vtk.vtkPoints()
        self._points.SetNumberOfPoints(4)
        lines = vtk.vtkCellArray()
        lines.InsertNextCell(5, (0, 1, 2, 3, 0))
        self._polyData = vtk.vtkPolyData()
        self._polyData.SetPoints(self._points)
        self._polyData.SetLines(lines)
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(self._polyData)
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().SetColor(*COLOR)
        self.actor.GetProperty().SetLineWidth(2)
        self.actor.SetVisibility(False)

    def show(self, first: Sequence[float], second: Sequence[float]) -> None:
        (left, bottom), (right, top) = first, second
        for index, corner in enumerate(((left, bottom), (right, bottom), (right, top), (left, top))):
            self._points.SetPoint(index, *corner, 0)
        self._points.Modified()
        self.actor.SetVisibility(True)
