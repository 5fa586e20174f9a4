"""Python's event filters: one that is still installed when Slicer quits made it crash."""

import weakref

import shiboken6
from PySide6 import QtCore

from .exposed import is_cpp_class

_installed: list[tuple[weakref.ref, weakref.ref]] = []


def install() -> None:
    """Keep account of the filters that are written in Python."""
    add, remove = QtCore.QObject.installEventFilter, QtCore.QObject.removeEventFilter

    def install_filter(self, event_filter):
        if not is_cpp_class(type(event_filter)):
            _installed.append((weakref.ref(self), weakref.ref(event_filter)))
        add(self, event_filter)

    def remove_filter(self, event_filter):
        _installed[:] = [(watched, each) for watched, each in _installed
                         if watched() is not self or each() is not event_filter]  # fmt: skip
        remove(self, event_filter)

    QtCore.QObject.installEventFilter, QtCore.QObject.removeEventFilter = install_filter, remove_filter


def take_left() -> list[str]:
    """Remove the filters that are still installed; a sentence about each."""
    pairs = [(watched(), each()) for watched, each in _installed]
    alive = [pair for pair in pairs if None not in pair and all(map(shiboken6.isValid, pair))]
    left = [f"{type(each).__name__} is still the event filter of {watched}: Slicer would crash at quit"
            for watched, each in alive]  # fmt: skip
    for watched, each in alive:
        watched.removeEventFilter(each)
    _installed.clear()
    return left
