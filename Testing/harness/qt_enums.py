"""Enumerations as PythonQt shows them: numbers. PySide6 makes most of them Python enums that equal no number."""

import enum
import operator

from PySide6 import QtCore, QtGui, QtWidgets


def install() -> None:
    """Let every Qt enumeration convert to int and equal its number."""
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            _visit(getattr(module, name))


def _visit(candidate) -> None:
    if not isinstance(candidate, type):
        return
    if issubclass(candidate, enum.Enum):
        _make_number(candidate)
    else:
        for value in vars(candidate).values():
            if isinstance(value, type) and issubclass(value, enum.Enum):
                _make_number(value)


def _make_number(cls: type[enum.Enum]) -> None:
    if issubclass(cls, int):
        return
    cls.__int__ = cls.__index__ = lambda self: int(self.value)
    cls.__bool__ = lambda self: self.value != 0
    cls.__str__ = lambda self: str(self.value)
    cls.__format__ = lambda self, specification: format(self.value, specification)
    cls.__eq__ = _equals
    for name in ("lt", "le", "gt", "ge"):
        setattr(cls, f"__{name}__", _compares(getattr(operator, name)))


def _compares(comparison):
    return lambda self, other: comparison(int(self), int(other)) if hasattr(other, "__index__") else NotImplemented


def _equals(self, other) -> bool:
    if isinstance(other, enum.Enum):
        return type(self) is type(other) and self.value == other.value
    if isinstance(other, int):
        return self.value == other
    return NotImplemented
