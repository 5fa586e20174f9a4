"""Two visits side by side: what is looked at in one view is shown in the other three."""

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from LesionPairDetectLib.linkedcursor import SETTLE_MS, LinkedCursor, placeOfViews, samePlace
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts
from liverpair.registration.places import PlaceMap

GROUPS = {side: group for group, side in enumerate(Side)}


class VisitCursor(VTKObservationMixin):
    """While started, the rows of the earlier visit follow those of this one, and lead them.

    T1 and T2 of this visit follow each other by the `LinkedCursor`; each of them and the same image of the earlier
    visit by `mapOf(side)`, a `PlaceMap` whose T1 is the earlier visit and whose T2 is this one. What this object moves
    itself is known to it and is not followed back.
    """

    def __init__(self, context: ReadingContext, cursor: LinkedCursor, mapOf: Callable[[Side], PlaceMap | None]) -> None:
        VTKObservationMixin.__init__(self)
        self._context, self._cursor, self._mapOf = context, cursor, mapOf
        self._places = {}
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(3 * SETTLE_MS)  # after the rows of this visit have found each other
        self._timer.connect("timeout()", self._onSettled)

    @property
    def isStarted(self) -> bool:
        return bool(self._places)

    def start(self) -> None:
        """Follow the rows as they are now."""
        self.stop()
        for side in Side:
            for rows in (layouts.EARLIER_ROWS, layouts.ROWS):
                for node in layouts.row_views(GROUPS[side], rows):
                    self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onModified)
        self._remember()

    def stop(self) -> None:
        """Follow nothing."""
        self._timer.stop()
        self.removeObservers()
        self._places = {}

    def showNow(self, side: Side) -> None:
        """Bring the earlier row of a side to where this visit's is."""
        place = _placeOf(side, layouts.ROWS)
        if place is not None:
            self._carry(side, place, isEarlier=False)
        self._remember()

    def _onModified(self, caller: Any = None, event: Any = None) -> None:
        if not slicer.mrmlScene.IsBatchProcessing():
            self._timer.start()

    def _onSettled(self) -> None:
        if self._context.study is None or not layouts.is_visits_layout():
            return
        now = self._now()
        moved = [key for key, place in now.items() if not samePlace(self._places.get(key), place)]
        earlier = [side for side, isEarlier in moved if isEarlier]
        if len(earlier) == 1 and now[earlier[0], True] is not None:
            point = self._carry(earlier[0], now[earlier[0], True], isEarlier=True)
            if point is not None and self._cursor.enabled:
                self._cursor.point(earlier[0], point)
                other = earlier[0].other
                self._carry(other, _placeOf(other, layouts.ROWS), isEarlier=False)
        elif moved and not earlier and self._cursor.enabled:
            for side in Side:
                self._carry(side, _placeOf(side, layouts.ROWS), isEarlier=False)
        self._remember()

    def _carry(self, side: Side, ras: Sequence[float] | None, isEarlier: bool) -> tuple[float, ...] | None:
        """Bring the row of the other visit to a place of one; the point there (LPS, mm), None where it is not known."""
        places = self._mapOf(side)
        if ras is None or places is None:
            return None
        found = places.to_other(frames.flip(ras), Side.T1 if isEarlier else Side.T2)
        if found is None:
            return None
        if isEarlier:
            self._context.jump(side, found.point_mm)
        else:
            layouts.jump_row(GROUPS[side], frames.flip(found.point_mm), layouts.EARLIER_ROWS)
        return found.point_mm

    def _now(self) -> dict[tuple[Side, bool], tuple[float, ...] | None]:
        rows = {True: layouts.EARLIER_ROWS, False: layouts.ROWS}
        return {(side, isEarlier): _placeOf(side, rows[isEarlier]) for side in Side for isEarlier in rows}

    def _remember(self) -> None:
        self._places = self._now()


def _placeOf(side: Side, rows: layouts.Rows) -> tuple[float, ...] | None:
    return placeOfViews(layouts.row_views(GROUPS[side], rows))
