"""Loads `.ui` files as Slicer does, but refuses what Slicer would accept in silence and show wrong."""

import xml.etree.ElementTree as ElementTree
from functools import cache

from PySide6 import QtCore
from PySide6.QtUiTools import QUiLoader as QtUiLoader

from . import exposed, problems
from .qt_attributes import loading_ui
from .qt_signals import find_signal, find_slot
from .slicer_python.i18n import tr
from .standins import widget_classes


class UiError(RuntimeError):
    """A `.ui` file with a widget class, property or connection that does not exist."""


@cache
def _loader() -> QtUiLoader:
    """One that knows the harness's widgets; to tell it of them takes longer than to load a file."""
    loader = QtUiLoader()
    for cls in widget_classes.values():
        loader.registerCustomWidget(cls)
    return loader


class QUiLoader:
    """`qt.QUiLoader` with the harness's widgets; connections are made as declared in the file, and no others."""

    def load(self, file: QtCore.QIODevice, parent=None):
        """Build the widgets of an open `.ui` file.

        Raises:
            UiError: for an unknown widget class or property, or a connection between things that do not exist.
        """
        root = ElementTree.fromstring(bytes(file.readAll()))
        self._check_classes(root)
        connections = _take_connections(root)
        _translate(root)
        with loading_ui():
            top = _loader().load(_buffer(root), parent)
        if top is None:
            raise UiError(_loader().errorString())
        _check_widgets(root, top)
        for connection in connections:
            _connect(top, connection)
        return top

    def _check_classes(self, root: ElementTree.Element) -> None:
        known = set(widget_classes) | set(_loader().availableWidgets())
        unknown = {element.get("class") for element in root.iter("widget")} - known
        if unknown:
            _refuse(f"no widget class {', '.join(sorted(unknown))}")


def _refuse(message: str) -> None:
    problems.record("ui", message)
    raise UiError(message)


def _take_connections(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Remove the connections from the file: Qt's loader does not know signals of type `vtkMRMLScene*`."""
    connections = list(root.iter("connection"))
    for element in root.findall("connections"):
        root.remove(element)
    return connections


def _translate(root: ElementTree.Element) -> None:
    for element in root.iter("string"):
        if element.get("notr") != "true" and element.text:
            element.text = tr(element.text)


def _buffer(root: ElementTree.Element) -> QtCore.QBuffer:
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(root))
    buffer.open(QtCore.QIODevice.ReadOnly)
    return buffer


def _named(top, name: str):
    found = top if top.objectName == name else top.findChild(QtCore.QObject, name)
    if found is None:
        _refuse(f"a connection names '{name}', which is not in the file")
    return found


def _connect(top, connection: ElementTree.Element) -> None:
    names = {part: (connection.findtext(part) or "").strip() for part in ("sender", "signal", "receiver", "slot")}
    signal, count = find_signal(_named(top, names["sender"]), names["signal"])
    slot = find_slot(_named(top, names["receiver"]), names["slot"])
    taken = min(count, names["slot"].count(",") + (0 if names["slot"].endswith("()") else 1))
    signal.connect(lambda *arguments: slot(*arguments[:taken]))


def _check_widgets(root: ElementTree.Element, top) -> None:
    """Every widget has the class and the properties that the file says.

    Qt turns a misspelled property into a dynamic one, silently; only `stdset="0"` may do that.
    """
    for element in root.iter("widget"):
        name, wanted_class = element.get("name"), element.get("class")
        widget = top if top.objectName == name else top.findChild(QtCore.QObject, name)
        if widget is None or not widget.inherits(wanted_class):
            _refuse(f"{wanted_class} '{name}' could not be made")
        known = exposed.exposed_of(type(widget))
        for item in element.findall("property"):
            is_there = widget.metaObject().indexOfProperty(item.get("name")) >= 0
            is_there &= known is None or item.get("name") in known.properties
            if item.get("stdset") != "0" and not is_there:
                _refuse(f"{wanted_class} '{name}' has no property '{item.get('name')}'")
