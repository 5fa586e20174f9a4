"""The module `qt` of Slicer: all of Qt in one namespace, with PythonQt's manners."""

import ctypes
import sys

from PySide6 import QtCore

from . import event_filters, qt_attributes, qt_enums, qt_signals, qt_truth
from .qt_attributes import QT_MODULES
from .qt_ui import QUiLoader  # noqa: F401

NOT_IN_PYTHONQT = {"QSignalBlocker", "Signal", "Slot", "Property", "SIGNAL", "SLOT", "pyqtSignal"}
"""PySide6 has these; a module that used them would fail in Slicer."""

MANY_REFERENCES = 1 << 40

_installed = False


def install() -> None:
    """Change PySide6's classes to PythonQt's manners; harmless when called again."""
    global _installed
    if _installed:
        return
    _installed = True
    _keep_none()
    qt_enums.install()
    qt_truth.install()
    qt_attributes.install()
    QtCore.QTimer.singleShot = qt_attributes.TimerSingleShot()
    qt_signals.install()
    event_filters.install()


def _keep_none() -> None:
    """PySide6 6.12 returns None and booleans without counting the reference. From 3.12 on Python does not count it
    either; before, it ends with "deallocating None" or "deallocating True or False" after some ten thousand calls."""
    if sys.version_info < (3, 12):
        for value in (None, True, False):
            ctypes.c_ssize_t.from_address(id(value)).value += MANY_REFERENCES


def __getattr__(name: str):
    if name not in NOT_IN_PYTHONQT:
        for module in QT_MODULES:
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module 'qt' has no attribute '{name}'")
