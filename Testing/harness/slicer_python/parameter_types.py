"""What a parameter of a parameter node may be, and how it is written into the node."""

import enum
import pathlib
import types
import typing
from dataclasses import dataclass

import slicer


@dataclass(frozen=True)
class Default:
    """The value of a parameter that was never set."""

    value: object


@dataclass(frozen=True)
class Minimum:
    """The smallest number allowed."""

    minimum: float

    def check(self, value) -> None:
        if value < self.minimum:
            raise ValueError(f"Value {value} is less than minimum {self.minimum}")


@dataclass(frozen=True)
class Maximum:
    """The largest number allowed."""

    maximum: float

    def check(self, value) -> None:
        if value > self.maximum:
            raise ValueError(f"Value {value} is greater than maximum {self.maximum}")


@dataclass(frozen=True)
class WithinRange:
    """The smallest and the largest number allowed."""

    minimum: float
    maximum: float

    def check(self, value) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value {value} is not within range [{self.minimum}, {self.maximum}]")


@dataclass(frozen=True)
class Choice:
    """The values allowed."""

    choices: list

    def check(self, value) -> None:
        if value not in self.choices:
            raise ValueError(f"Value {value!r} is not one of {self.choices}")


TO_TEXT = {int: str, float: repr, bool: str, str: str, pathlib.Path: str}
FROM_TEXT = {int: int, float: float, bool: lambda text: text == "True", str: str, pathlib.Path: pathlib.Path}


@dataclass(frozen=True)
class Parameter:
    """One annotated member: its name, its hint as written, the type without annotations, and the annotations."""

    name: str
    hint: object
    kind: type | None
    node_classes: tuple[type, ...]
    annotations: tuple
    default: object

    @classmethod
    def of(cls, name: str, hint, default) -> "Parameter":
        """Understand a type hint.

        Raises:
            TypeError: when a parameter node cannot hold the type.
        """
        kind, *annotations = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else [hint]
        members = _members(kind)
        if members and all(isinstance(one, type) and issubclass(one, slicer.vtkMRMLNode) for one in members):
            return cls(name, hint, None, tuple(members), tuple(annotations), None)
        if kind not in TO_TEXT and not (isinstance(kind, type) and issubclass(kind, enum.Enum)):
            raise TypeError(f"Unable to create serializer for member {name} of type {hint}")
        if default is None:
            default = _default(kind, annotations)
        return cls(name, hint, kind, (), tuple(annotations), default)

    def annotation(self, kind: type):
        """The first annotation of a class, or None."""
        return next((one for one in self.annotations if isinstance(one, kind)), None)

    def is_in(self, node, prefix: str) -> bool:
        return bool(self.node_classes) or prefix + self.name in node.GetParameterNames()

    def read(self, node, prefix: str):
        if self.node_classes:
            return node.GetNodeReference(prefix + self.name)
        text = node.GetParameter(prefix + self.name)
        return self.kind[text] if issubclass(self.kind, enum.Enum) else FROM_TEXT[self.kind](text)

    def write(self, node, prefix: str, value) -> None:
        """Check and store a value.

        Raises:
            TypeError: for a value of another type.
            ValueError: for a value that the annotations exclude.
        """
        if self.node_classes:
            self._write_node(node, prefix, value)
            return
        value = self._converted(value)
        for annotation in self.annotations:
            if hasattr(annotation, "check"):
                annotation.check(value)
        text = value.name if isinstance(value, enum.Enum) else TO_TEXT[self.kind](value)
        node.SetParameter(prefix + self.name, text)

    def _write_node(self, node, prefix: str, value) -> None:
        if isinstance(value, str):
            value = slicer.mrmlScene.GetNodeByID(value)
        if value is not None and not isinstance(value, self.node_classes):
            raise TypeError(f"{self.name}: {value.GetClassName()} is not one of {self.node_classes}")
        node.SetNodeReferenceID(prefix + self.name, value.GetID() if value is not None else None)

    def _converted(self, value):
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if self.kind is pathlib.Path and isinstance(value, (str, pathlib.PurePath)):
            return pathlib.Path(value)
        if not isinstance(value, self.kind) or (self.kind is int and isinstance(value, bool)):
            raise TypeError(f"{self.name}: {value!r} is not of type {self.kind.__name__}")
        return value


def _members(kind) -> list:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [one for one in typing.get_args(kind) if one is not type(None)]
    return [kind]


def _default(kind: type, annotations: list):
    for annotation in annotations:
        if isinstance(annotation, Default):
            return annotation.value
    for annotation in annotations:
        if isinstance(annotation, Choice):
            return annotation.choices[0]
        if isinstance(annotation, (WithinRange, Minimum)):
            return kind(annotation.minimum)
        if isinstance(annotation, Maximum):
            return kind(annotation.maximum)
    return next(iter(kind)) if issubclass(kind, enum.Enum) else kind()
