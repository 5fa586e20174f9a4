"""The registry of widget classes that the harness writes itself, because Qt does not bring them."""

from PySide6 import QtCore

from . import exposed

widget_classes: dict[str, type] = {}
"""Class name, as in a `.ui` file, and the stand-in for it."""


def stand_in(cls: type) -> type:
    """Class decorator: make the class known to the `.ui` loader and hold it to the C++ class of the same name."""
    widget_classes[cls.__name__] = cls
    return stands_for(cls.__name__)(cls)


def stands_for(name: str):
    """Class decorator: hold the class to what PythonQt exposes of a C++ class."""

    def decorate(cls: type) -> type:
        exposed.hold(cls, name)
        return cls

    return decorate


def stored_property(kind, name: str, default=None, changed=None):
    """A Qt property that keeps its value in the widget; `changed(widget, value)` is called after a new value.

    The owner class needs no further declaration. `kind` is a Python type or the name of a Qt type.
    """
    key = f"_{name}"

    def read(self):
        return self.__dict__.get(key, default)

    def write(self, value):
        previous = read(self)
        self.__dict__[key] = value
        if changed is not None and previous != value:
            changed(self, value)

    return QtCore.Property(kind, read, write)


def forwarded_property(kind, part: str, name: str):
    """A Qt property that lives in a part of a composite widget: `getattr(self, part).name`."""
    return QtCore.Property(
        kind,
        lambda self: getattr(getattr(self, part), name),
        lambda self, value: setattr(getattr(self, part), name, value),
    )
