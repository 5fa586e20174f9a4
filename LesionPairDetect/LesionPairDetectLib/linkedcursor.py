"""One row of views follows the other: to the corresponding place, which in unregistered images is another point."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer import vtkMRMLSliceNode
from slicer.util import VTKObservationMixin

from LesionPairDetectLib.readingcontext import GROUPS, ReadingContext
from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts
from liverpair.mrml.lesions.box_drawing import slice_views_of
from liverpair.mrml.lesions.lesion_marker import PlaceMarker

SETTLE_MS = 10
SAME_PLACE_MM = 0.01


class LinkedCursor(VTKObservationMixin):
    """Watches the rows of a `ReadingContext` while started.

    The place of a row is where its three planes meet. When the user has moved one row, the other one goes to the
    corresponding place and gets a marker there; when both have moved, somebody knew what he was doing, and nothing
    follows. What this object moves itself is known to it and is not followed back. A row that shows other volumes than
    its own of the pair neither leads nor follows.

    `onPlace(side, place)` is called with the side that was moved and the `Place` in the other image, or None where
    nothing is known.
    """

    def __init__(self, context: ReadingContext, onPlace: Callable[..., None]) -> None:
        VTKObservationMixin.__init__(self)
        self._context, self._onPlace = context, onPlace
        self._markers = {side: PlaceMarker(GROUPS[side]) for side in Side}
        self._places = {}
        self.enabled = True
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.connect("timeout()", self._onSettled)

    def start(self) -> None:
        """Follow the rows as they are now."""
        self.stop()
        for side in Side:
            for sliceNode in layouts.row_views(GROUPS[side]):
                self.addObserver(sliceNode, vtk.vtkCommand.ModifiedEvent, self._onSliceModified)
            self._places[side] = placeOfRow(GROUPS[side])

    def stop(self) -> None:
        """Follow nothing, and take the markers away."""
        self._timer.stop()
        self.removeObservers()
        for marker in self._markers.values():
            marker.remove()

    def hide(self) -> None:
        """Show no marker until something moves."""
        for marker in self._markers.values():
            marker.hide()

    def point(self, side: Side, pointMm: Sequence[float], jump: bool = True) -> None:
        """Somebody looks at a point (world LPS, mm) of one image: bring the other row there, unless told not to jump,
        and mark the place in it.
        """
        other = side.other
        self._markers[side].hide()
        known = self._context.volume(side) is not None and self._context.volume(other) is not None
        place = self._context.placeMap().to_other(pointMm, side) if known else None
        if place is None or not self._shows(other):
            self._markers[other].hide()
        else:
            if jump:
                self._context.jump(other, place.point_mm)
            self._markers[other].show(frames.flip(place.point_mm), f"\N{PLUS-MINUS SIGN}{place.uncertainty_mm:.0f} mm")
        self._remember()
        self._onPlace(side, place)

    def _shows(self, side: Side) -> bool:
        """Whether a view of a row has the volume of that side."""
        names = {view.name for view in layouts.ROWS[GROUPS[side]]}
        return not names.isdisjoint(slice_views_of(self._context.volume(side)))

    def _onSliceModified(self, caller: Any = None, event: Any = None) -> None:
        if not slicer.mrmlScene.IsBatchProcessing():
            self._timer.start()

    def _onSettled(self) -> None:
        """The views have come to rest: who has moved?"""
        if self._context.study is None:
            return
        before, self._places = self._places, {side: placeOfRow(GROUPS[side]) for side in Side}
        moved = [side for side in Side if not samePlace(before.get(side), self._places[side])]
        if not moved:
            return
        led = [side for side in moved if not samePlace(self._context.jumpedTo.get(side), self._places[side])]
        led = [side for side in led if self._context.volume(side) is None or self._shows(side)]
        if led and (len(moved) > 1 or not self.enabled):
            self.hide()
        elif led:
            self.point(led[0], frames.flip(self._places[led[0]]))

    def _remember(self) -> None:
        self._places = {side: placeOfRow(GROUPS[side]) for side in Side}


def placeOfRow(group: int) -> tuple[float, ...] | None:
    """World point (RAS, mm) at which the planes of a row's views meet; None when two of them are parallel."""
    return placeOfViews(layouts.row_views(group))


def placeOfViews(sliceNodes: Sequence[vtkMRMLSliceNode]) -> tuple[float, ...] | None:
    """World point (RAS, mm) at which the planes of three views meet; None when two of them are parallel."""
    planes = [slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()) for node in sliceNodes]
    normals = np.array([plane[:3, 2] for plane in planes])
    if abs(np.linalg.det(normals)) < 1e-6:
        return None
    offsets = [normal @ plane[:3, 3] for normal, plane in zip(normals, planes)]
    return tuple(np.linalg.solve(normals, offsets).tolist())


def samePlace(first: Sequence[float] | None, second: Sequence[float] | None) -> bool:
    """Whether two points, either of which may be None, are the same."""
    if first is None or second is None:
        return first is second
    return bool(np.linalg.norm(np.subtract(first, second)) < SAME_PLACE_MM)
