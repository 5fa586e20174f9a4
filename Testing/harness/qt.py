"""The module `qt` of Slicer: all of Qt in one namespace, with PythonQt's manners."""

from PySide6 import QtCore

from . import qt_attributes, qt_enums, qt_signals
from .qt_attributes import QT_MODULES
from .qt_ui import QUiLoader  # noqa: F401

NOT_IN_PYTHONQT = {"QSignalBlocker", "Signal", "Slot", "Property", "SIGNAL", "SLOT", "pyqtSignal"}
"""PySide6 has these; a module that used them would fail in Slicer."""

_installed = False


def install() -> None:
    """Change PySide6's classes to PythonQt's manners; harmless when called again."""
    global _installed
    if _installed:
        return
    _installed = True
    qt_enums.install()
    qt_attributes.install()
    QtCore.QTimer.singleShot = qt_attributes.TimerSingleShot()
    qt_signals.install()


def __getattr__(name: str):
    if name not in NOT_IN_PYTHONQT:
        for module in QT_MODULES:
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module 'qt' has no attribute '{name}'")
