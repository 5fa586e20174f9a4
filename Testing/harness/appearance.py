"""What a person would see at once in a picture of a panel: widgets on top of each other, texts that are cut off."""

import re
from collections.abc import Iterator
from itertools import combinations

from PySide6 import QtCore, QtWidgets

COMPOSITES = ("QAbstractScrollArea", "QAbstractSpinBox", "QComboBox", "QTabWidget", "QSplitter")
"""Widgets that Qt itself puts together."""
BUTTON_MARGIN = 8
HEADING_MARGIN = 24


def faults(panel: QtWidgets.QWidget) -> list[str]:
    """A sentence for each place of a panel on the screen that is wrong; none for a panel that is as it should be."""
    return [fault for widget in [panel, *_inside(panel)] for fault in (*_overlaps(widget), *_cuts(widget))]


def _shown(widget: QtWidgets.QWidget) -> list[QtWidgets.QWidget]:
    """The children that are on the screen."""
    children = (child for child in widget.children() if isinstance(child, QtWidgets.QWidget))
    return [child for child in children if child.isVisible() and not child.isWindow()]


def _inside(widget: QtWidgets.QWidget) -> Iterator[QtWidgets.QWidget]:
    if not any(widget.inherits(name) for name in COMPOSITES):
        for child in _shown(widget):
            yield child
            yield from _inside(child)


def _overlaps(widget: QtWidgets.QWidget) -> Iterator[str]:
    if any(widget.inherits(name) for name in COMPOSITES):
        return
    children = _shown(widget)
    for child in children:
        rect, room = child.geometry, widget.rect
        if not room.contains(rect):
            yield f"{_name(child)} is cut off: {_text_of(rect)} in {room.width()} x {room.height()} of {_name(widget)}"
    for first, second in combinations(children, 2):
        common = first.geometry.intersected(second.geometry)
        if not common.isEmpty():
            yield f"{_name(first)} and {_name(second)} overlap by {common.width()} x {common.height()}"


def _cuts(widget: QtWidgets.QWidget) -> Iterator[str]:
    if not isinstance(text := widget.property("text"), str) or not text:
        return
    needed = _needed_size(widget, text)
    if needed is not None and (needed.width() > widget.width or needed.height() > widget.height):
        room = f"{widget.width} x {widget.height}"
        yield f"{_name(widget)} is too small for '{text}': {room} instead of {needed.width()} x {needed.height()}"


def _needed_size(widget: QtWidgets.QWidget, text: str) -> QtCore.QSize | None:
    """What a text needs; None for a widget whose text may be longer than it is, such as a field."""
    line = widget.fontMetrics().size(QtCore.Qt.TextShowMnemonic, text)
    if widget.inherits("QLabel"):
        if not widget.wordWrap:
            return widget.sizeHint()
        words = re.findall(r"\S+", re.sub(r"<[^>]+>", " ", text))
        longest = max((widget.fontMetrics().horizontalAdvance(word) for word in words), default=0)
        return QtCore.QSize(longest, widget.heightForWidth(widget.width))
    if widget.inherits("QCheckBox") or widget.inherits("QRadioButton"):
        return widget.sizeHint()
    if widget.inherits("QAbstractButton"):
        return line + QtCore.QSize(BUTTON_MARGIN, 0)
    if widget.inherits("ctkCollapsibleButton"):
        return line + QtCore.QSize(HEADING_MARGIN, 0)
    return None


def _name(widget: QtWidgets.QWidget) -> str:
    return f"{widget.className()} '{widget.objectName}'"


def _text_of(rect: QtCore.QRect) -> str:
    return f"{rect.width()} x {rect.height()} at {rect.x()}, {rect.y()}"
