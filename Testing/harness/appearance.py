"""What a person would see at once in a picture of a panel: widgets on top of each other, texts cut off or faint."""

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from PySide6 import QtCore, QtGui, QtWidgets

COMPOSITES = ("QAbstractScrollArea", "QAbstractSpinBox", "QComboBox", "QTabWidget", "QSplitter")
"""Widgets that Qt itself puts together."""
BUTTON_MARGIN = 8
HEADING_MARGIN = 24
LEAST_CONTRAST = 3.0
INSIDE = (5, 5, -5, -5)
"""From the edges of a button to where its text is."""


def faults(panel: QtWidgets.QWidget) -> list[str]:
    """A sentence for each place of a panel on the screen that is wrong; none for a panel that is as it should be."""
    return [fault for widget in [panel, *_inside(panel)] for fault in (*_overlaps(widget), *_cuts(widget))]


def unreadable(panel: QtWidgets.QWidget) -> list[str]:
    """A sentence for each text on the screen that is too much like its ground (WCAG 2.2 asks of large texts a contrast
    of 3 to 1); of widgets that are disabled none.
    """
    picture = panel.grab().toImage().convertToFormat(QtGui.QImage.Format_RGB32)
    scale, wrong = picture.devicePixelRatio(), []
    pixels = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), -1, 4)[:, : picture.width(), 2::-1]
    for widget in _inside(panel):
        text = widget.property("text")
        if not widget.isEnabled() or not isinstance(text, str) or not text.strip():
            continue
        place = _text_room(widget).translated(widget.mapTo(panel, QtCore.QPoint(0, 0)))
        top, bottom, left, right = (round(scale * v) for v in (place.y(), place.bottom(), place.x(), place.right()))
        found = _contrast(pixels[top:bottom, left:right].reshape(-1, 3))
        if found < LEAST_CONTRAST:
            wrong.append(f"{_name(widget)}: '{text}' has a contrast of {found:.1f}")
    return wrong


def _text_room(widget: QtWidgets.QWidget) -> QtCore.QRect:
    """Where a widget's text is, without frames and boxes to check."""
    parts = {
        "QCheckBox": QtWidgets.QStyle.SE_CheckBoxContents,
        "QRadioButton": QtWidgets.QStyle.SE_RadioButtonContents,
    }
    for name, part in parts.items():
        if widget.inherits(name):
            option = QtWidgets.QStyleOptionButton()
            widget.initStyleOption(option)
            return widget.style().subElementRect(part, option, widget)
    return widget.rect.adjusted(*INSIDE) if widget.inherits("QAbstractButton") else widget.rect


def _contrast(pixels: np.ndarray) -> float:
    """Between the most frequent of some colors (n, 3), 0 to 255, and the one that differs most from it."""
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    parts = colors / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    luminances = linear @ (0.2126, 0.7152, 0.0722) + 0.05
    ground = luminances[counts.argmax()]
    return float(np.maximum(luminances / ground, ground / luminances).max())


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
