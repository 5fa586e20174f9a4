"""`slicer.parameterNodeWrapper`: typed access to a parameter node, bound both ways to the widgets of a panel.

Values lie in the vtkMRMLScriptedModuleNode as Slicer puts them there. What Slicer refuses is refused: a slider without
a range, a combo box without choices, a widget that cannot show the type.
"""

import typing

import qt
import vtk

from .parameter_connectors import Decimals, SingleStep, make_connector
from .parameter_types import Choice, Default, Maximum, Minimum, Parameter, WithinRange

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Maximum",
    "Minimum",
    "SingleStep",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]

SlicerParameterNamePropertyName = "SlicerParameterName"


def isParameterNodeWrapper(thing) -> bool:
    """Whether a class or object was made by `parameterNodeWrapper`."""
    return getattr(thing, "_is_parameter_node_wrapper", False)


def parameterNodeWrapper(cls=None):
    """Class decorator: the annotated members become parameters of the node given to the constructor."""
    if cls is None:
        return parameterNodeWrapper
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {name: Parameter.of(name, hint, getattr(cls, name, None)) for name, hint in hints.items()}
    for name, value in vars(_Wrapper).items():
        if not name.startswith("__") or name == "__init__":
            if name != "__init__" and name in hints:
                raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
            setattr(cls, name, value)
    for name in hints:
        setattr(cls, name, _property(name))
    cls.allParameters = parameters
    return cls


def _property(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))


class _Wrapper:
    """The methods that the decorated class receives."""

    _is_parameter_node_wrapper = True

    def __init__(self, parameterNode, prefix: str | None = None):
        self.parameterNode = parameterNode
        self._prefix = prefix or ""
        self._guis: dict[int, tuple[dict, int]] = {}
        self._next_gui_tag = 0
        self._is_updating_gui = False
        for parameter in self.allParameters.values():
            if not parameter.is_in(parameterNode, self._prefix):
                parameter.write(parameterNode, self._prefix, parameter.default)

    def _parameter(self, name: str) -> Parameter:
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return self.allParameters[name]

    def default(self, name: str) -> Default:
        return Default(self._parameter(name).default)

    def dataType(self, name: str):
        return self._parameter(name).hint

    def getValue(self, name: str):
        return self._parameter(name).read(self.parameterNode, self._prefix)

    def setValue(self, name: str, value) -> None:
        was_modifying = self.parameterNode.StartModify()
        try:
            self._parameter(name).write(self.parameterNode, self._prefix, value)
        finally:
            self.parameterNode.EndModify(was_modifying)

    def connectGui(self, gui) -> int:
        """Bind every child widget that has the property SlicerParameterName; returns the tag for `disconnectGui`."""
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if is_widget else list(vars(gui).values())
        named = {widget.property(SlicerParameterNamePropertyName): widget for widget in widgets}
        return self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self, mapping: dict) -> int:
        connectors = {name: make_connector(widget, self._parameter(name)) for name, widget in mapping.items()}
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.connect(self._reader(name, connector))
        tag = self._next_gui_tag
        self._next_gui_tag += 1
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._update_gui(tag))
        self._guis[tag] = (connectors, observer)
        return tag

    def disconnectGui(self, tag: int) -> None:
        connectors, observer = self._guis.pop(tag, ({}, None))
        for connector in connectors.values():
            connector.disconnect()
        if observer is not None:
            self.RemoveObserver(observer)

    def _reader(self, name: str, connector):
        def on_changed(*_arguments):
            if not self._is_updating_gui:
                self.setValue(name, connector.read())

        return on_changed

    def _update_gui(self, tag: int) -> None:
        connectors, observer = self._guis[tag]
        if not all(connector.is_alive() for connector in connectors.values()):
            del self._guis[tag]
            self.RemoveObserver(observer)
            return
        if self._is_updating_gui:
            return
        self._is_updating_gui = True
        try:
            for name, connector in connectors.items():
                connector.write(self.getValue(name))
        finally:
            self._is_updating_gui = False

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified: int) -> int:
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event, callback, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()
