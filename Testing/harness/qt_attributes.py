"""Attributes of Qt objects as PythonQt shows them: properties without parentheses, and no others.

`button.text` is a string, `button.text = "Apply"` sets it, `button.text()` fails because a string is not callable, and
`button.color = 1` raises AttributeError because C++ has no such thing.
"""

import contextlib
from collections.abc import Iterator

from PySide6 import QtCore, QtGui, QtWidgets

from . import exposed

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
        meta, known = cls.staticMetaObject, exposed.table().get(cls.__name__)
        for index in range(meta.propertyOffset(), meta.propertyCount()):
            name = meta.property(index).name()
            if name not in OVERRIDABLE and (known is None or name in known.properties):
                setattr(cls, name, _QtProperty(name))
        cls.__setattr__ = _set_attribute
    QtWidgets.QWidget.toolTip = _ToolTip("toolTip")
    QtCore.QObject.name = _QtProperty("objectName")
    QtCore.QObject.className = lambda self: self.metaObject().className()
    QtCore.QObject.delete = QtCore.QObject.deleteLater
    for module in QT_MODULES:
        for cls in vars(module).values():
            if isinstance(cls, type):
                exposed.hold_qt_class(cls)


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


class _ToolTip(_QtProperty):
    """Slicer keeps a tool tip in a paragraph, so that Qt breaks its lines."""

    def __get__(self, instance, owner=None):
        text = super().__get__(instance, owner)
        return f"<p>{text}</p>" if isinstance(text, str) and text and not text.startswith("<") else text


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
    elif exposed.is_cpp_class(cls) and not _is_pyside_state(name, value):
        if name.startswith("_") and exposed.asked_by_harness():
            self.__dict__[name] = value
        elif not (_is_loading_ui and isinstance(value, QtCore.QObject)):
            raise AttributeError(f"'{cls.__name__}' object has no attribute '{name}' that can be set")
    else:
        self.__dict__[name] = value


def _is_pyside_state(name: str, value) -> bool:
    """PySide6 keeps the meta object of an instance, and its signals once used, as attributes."""
    return (name.startswith("__") and name.endswith("__")) or isinstance(value, QtCore.SignalInstance)
