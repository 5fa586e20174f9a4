"""Which widget may show which type of parameter: the same pairs that Slicer's parameterNodeWrapper accepts."""

import enum
import pathlib
from dataclasses import dataclass

import ctk
import qt
import shiboken6
import slicer

from .parameter_types import Choice, Maximum, Minimum, Parameter, WithinRange


@dataclass(frozen=True)
class Decimals:
    """Decimals that a spin box or slider shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step of a spin box or slider."""

    value: float


@dataclass
class Connector:
    """A widget with how to read, write and hear about its value."""

    widget: object
    read: object
    write: object
    signal: object
    _slot: object = None

    def is_alive(self) -> bool:
        """False once the C++ part of the widget is deleted."""
        return shiboken6.isValid(self.widget)

    def connect(self, slot) -> None:
        self._slot = slot
        self.signal.connect(slot)

    def disconnect(self) -> None:
        self.signal.disconnect(self._slot)


def make_connector(widget, parameter: Parameter) -> Connector:
    """Bind a widget to a parameter.

    Raises:
        RuntimeError: when Slicer has no connector for this widget and type, or lacks an annotation for it.
    """
    kind, widget_class = parameter.kind, type(widget)
    if parameter.node_classes and widget_class is slicer.qMRMLNodeComboBox:
        return _node_connector(widget, parameter)
    if kind is bool and widget_class in (qt.QCheckBox, qt.QPushButton):
        return _bool_connector(widget)
    if kind is int and widget_class in (qt.QSlider, qt.QSpinBox):
        return _number_connector(
            widget, parameter, needs_range=widget_class is qt.QSlider, limits=(-(2**31), 2**31 - 1)
        )
    if kind is float and widget_class in (qt.QDoubleSpinBox, ctk.ctkSliderWidget):
        unlimited = (float("-inf"), float("inf"))
        return _number_connector(widget, parameter, widget_class is ctk.ctkSliderWidget, unlimited)
    if widget_class is qt.QComboBox and kind is not None:
        return _choice_connector(widget, parameter)
    if kind is str and widget_class is qt.QLineEdit:
        return _property_connector(widget, "text", widget.textChanged)
    if kind is str and widget_class is qt.QTextEdit:
        return _text_connector(widget)
    if kind is pathlib.Path and widget_class is ctk.ctkPathLineEdit:
        return _path_connector(widget, "currentPath", widget.currentPathChanged)
    raise RuntimeError(
        f"Unable to create GUI connector from datatype '{parameter.hint}' to widget type '{widget_class.__name__}'"
    )


def _text_connector(widget) -> Connector:
    def write(text: str) -> None:
        if widget.toPlainText() != text:
            widget.setPlainText(text)

    return Connector(widget, widget.toPlainText, write, widget.textChanged)


def _property_connector(widget, name: str, signal) -> Connector:
    return Connector(widget, lambda: getattr(widget, name), lambda value: setattr(widget, name, value), signal)


def _path_connector(widget, name: str, signal) -> Connector:
    return Connector(
        widget, lambda: pathlib.Path(getattr(widget, name)), lambda value: setattr(widget, name, str(value)), signal
    )


def _node_connector(widget, parameter: Parameter) -> Connector:
    widget.nodeTypes = [cls.__name__ for cls in parameter.node_classes]
    return Connector(widget, widget.currentNode, widget.setCurrentNode, widget.currentNodeChanged)


def _bool_connector(widget) -> Connector:
    if type(widget) is qt.QPushButton:
        widget.checkable = True
    return _property_connector(widget, "checked", widget.toggled)


def _number_connector(widget, parameter: Parameter, needs_range: bool, limits) -> Connector:
    for annotation, name in ((Decimals, "decimals"), (SingleStep, "singleStep")):
        if found := parameter.annotation(annotation):
            setattr(widget, name, found.value)
    within = parameter.annotation(WithinRange)
    lowest, highest = within or parameter.annotation(Minimum), within or parameter.annotation(Maximum)
    if needs_range and not (lowest and highest):
        raise RuntimeError(f"{parameter.name}: a slider needs a parameter with a range (WithinRange)")
    widget.minimum = lowest.minimum if lowest else limits[0]
    widget.maximum = highest.maximum if highest else limits[1]
    return _property_connector(widget, "value", widget.valueChanged)


def _choice_connector(widget, parameter: Parameter) -> Connector:
    if issubclass(parameter.kind, enum.Enum):
        choices = list(parameter.kind)
        label = getattr(parameter.kind, "label", lambda one: one.name)
    else:
        choice = parameter.annotation(Choice)
        if choice is None:
            raise RuntimeError(f"{parameter.name}: a combo box needs a parameter with choices (Choice)")
        choices, label = list(choice.choices), str
    widget.clear()
    widget.addItems([label(one) for one in choices])
    return Connector(
        widget,
        lambda: choices[widget.currentIndex],
        lambda value: widget.setCurrentIndex(choices.index(value)),
        widget.currentIndexChanged,
    )
