"""Attributes of Qt objects as PythonQt shows them: properties without parentheses, and no others.

`button.text` is a string, `button.text = "Apply"` sets it, `button.text()` fails because a string is not callable, and
`button.colour = 1` raises AttributeError because C++ has no such thing.
"""

import contextlib
from collections.abc import Iterator

from PySide6 import QtCore, QtGui, QtWidgets

from .standins import widget_classes

QT_MODULES = (QtWidgets, QtGui, QtCore)

OVERRIDABLE = {"sizeHint", "minimumSizeHint", "duration"}
"""Properties whose getter is virtual in C++: Qt calls it on Python subclasses, so it has to stay a method."""


_is_loading_ui = False


@contextlib.contextmanager
def loading_ui() -> Iterator[None]:
    """PySide6's loader makes every child an attribute of the top widget. PythonQt does not: they are dropped."""
    global _is_loading_ui
    _is_loading_ui = True
    try:
        yield
    finally:
        _is_loading_ui = False


def install() -> None:
    """Patch all Qt classes of PySide6. Once per process, before any widget is made."""
    for cls in _qt_object_classes():
        meta = cls.staticMetaObject
        for index in range(meta.propertyOffset(), meta.propertyCount()):
            name = meta.property(index).name()
            if name not in OVERRIDABLE:
                setattr(cls, name, _QtProperty(name))
        cls.__setattr__ = _set_attribute
    QtCore.QObject.name = _QtProperty("objectName")
    QtCore.QObject.className = lambda self: self.metaObject().className()
    QtCore.QObject.delete = QtCore.QObject.deleteLater


def _qt_object_classes() -> list[type]:
    classes = []
    for module in QT_MODULES:
        for name in dir(module):
            cls = getattr(module, name)
            if isinstance(cls, type) and issubclass(cls, QtCore.QObject) and hasattr(cls, "staticMetaObject"):
                classes.append(cls)
    return classes


class _QtProperty:
    """A Qt property as a Python attribute of the objects that have it."""

    def __init__(self, name: str):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return QtCore.QObject.property(instance, self.name)

    def __set__(self, instance, value) -> None:
        if not QtCore.QObject.setProperty(instance, self.name, value):
            raise AttributeError(f"property '{self.name}' of {type(instance).__name__} cannot be set to {value!r}")


class TimerSingleShot(_QtProperty):
    """`QTimer.singleShot(milliseconds, function)` on the class, the Boolean property on a timer."""

    _running: set = set()

    def __init__(self):
        super().__init__("singleShot")

    def __get__(self, instance, owner=None):
        return self.fire_once if instance is None else super().__get__(instance, owner)

    @classmethod
    def fire_once(cls, milliseconds: int, function) -> None:
        timer = QtCore.QTimer()
        timer.setSingleShot(True)
        cls._running.add(timer)

        def fire():
            cls._running.discard(timer)
            function()

        timer.timeout.connect(fire)
        timer.start(int(milliseconds))


def _class_attribute(cls: type, name: str):
    """The attribute as the class declares it, without calling descriptors; None when it declares none."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def _set_attribute(self, name: str, value) -> None:
    cls = type(self)
    declared = _class_attribute(cls, name)
    if isinstance(declared, QtCore.Property):
        if not QtCore.QObject.setProperty(self, name, value):
            raise AttributeError(f"property '{name}' of {cls.__name__} cannot be set to {value!r}")
    elif hasattr(type(declared), "__set__"):
        declared.__set__(self, value)
    elif _is_cpp_class(cls) and not _is_own_state(cls, name) and not _is_pyside_state(name, value):
        if not (_is_loading_ui and isinstance(value, QtCore.QObject)):
            raise AttributeError(f"'{cls.__name__}' object has no attribute '{name}' that can be set")
    else:
        self.__dict__[name] = value


def _is_cpp_class(cls: type) -> bool:
    """Whether PythonQt would show this class as one written in C++ (Python subclasses may have any attribute)."""
    return cls.__module__.startswith("PySide6.") or widget_classes.get(cls.__name__) is cls


def _is_pyside_state(name: str, value) -> bool:
    """PySide6 keeps the meta object of an instance, and its signals once used, as attributes."""
    return (name.startswith("__") and name.endswith("__")) or isinstance(value, QtCore.SignalInstance)


def _is_own_state(cls: type, name: str) -> bool:
    """Stand-ins keep their state in underscored names that they annotate in the class body."""
    return name.startswith("_") and any(name in base.__dict__.get("__annotations__", {}) for base in cls.__mro__)
