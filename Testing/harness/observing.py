"""Observers of MRML objects that end with the widget they serve."""

import shiboken6
import vtk


class Observers:
    """The observers that one widget has on MRML objects. They end when its C++ part is deleted."""

    def __init__(self, widget):
        self._widget = widget
        self._tags: list[tuple] = []

    def add(self, observed, events, callback) -> None:
        """Call `callback(caller, event)` for each of the events of the object; one event or several."""

        def notify(caller, event):
            if shiboken6.isValid(self._widget):
                callback(caller, event)
            else:
                self.clear()

        for event in events if isinstance(events, (list, tuple)) else [events]:
            self._tags.append((observed, observed.AddObserver(event, notify)))

    def watch(self, observed, callback) -> None:
        """Call `callback(caller, event)` when the object is modified."""
        self.add(observed, vtk.vtkCommand.ModifiedEvent, callback)

    def clear(self) -> None:
        """Remove all observers."""
        tags, self._tags = self._tags, []
        for observed, tag in tags:
            observed.RemoveObserver(tag)
