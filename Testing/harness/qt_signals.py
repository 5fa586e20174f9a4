"""`sender.connect("clicked(bool)", slot)` as in PythonQt: C++ signatures, arguments cut to what the slot takes."""

import inspect
import re

from PySide6 import QtCore, QtWidgets

from . import exposed, problems


class SignalError(ValueError):
    """A signal or slot that PythonQt would report as "does not exist"."""


def install() -> None:
    """Give every QObject PythonQt's `connect` and `disconnect` beside PySide6's own."""
    # A class inherits the base's lookup unless PySide6 gave it its own, for methods that are static as well.
    for cls in (QtCore.QObject, QtCore.QProcess, QtWidgets.QMenu):
        cls.__getattribute__ = _with_connectors(cls.__getattribute__)


def _with_connectors(own_lookup):
    def get_attribute(self, name):
        if name == "connect":
            return _Connector(self)
        if name == "disconnect":
            return _Disconnector(self)
        try:
            return own_lookup(self, name)
        except SystemError:  # a signal that was refused, which PySide6 has found in the meta object none the less
            raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'") from None

    return get_attribute


class _Connector:
    def __init__(self, sender: QtCore.QObject):
        self.sender = sender

    def __call__(self, signal: str, receiver, method: str | None = None) -> bool:
        try:
            bound, count = find_signal(self.sender, signal)
            slot = receiver if method is None else find_slot(receiver, method)
        except SignalError:  # it is printed, and a problem
            return False
        forward = _forwarder(slot, count, min(count, accepted_arguments(slot)))
        bound.connect(forward)
        _connections(self.sender).setdefault((_normalized(signal), slot), []).append((bound, forward))
        return True


def _forwarder(slot, given: int, used: int):
    """A function with exactly as many arguments as the signature: by that PySide6 picks the overload of a signal."""
    forwarders = (
        lambda: slot(),
        lambda a: slot(*(a,)[:used]),
        lambda a, b: slot(*(a, b)[:used]),
        lambda a, b, c: slot(*(a, b, c)[:used]),
        lambda a, b, c, d: slot(*(a, b, c, d)[:used]),
    )
    return forwarders[given]


class _Disconnector:
    def __init__(self, sender: QtCore.QObject):
        self.sender = sender

    def __call__(self, signal: str, receiver=None, method: str | None = None) -> bool:
        try:
            find_signal(self.sender, signal)
            slot = receiver if method is None else find_slot(receiver, method)
        except SignalError:
            return False
        table = _connections(self.sender)
        signal = _normalized(signal)
        keys = [key for key in table if key[0] == signal and (receiver is None or key[1] == slot)]
        for key in keys:
            for bound, forward in table.pop(key):
                bound.disconnect(forward)
        return bool(keys)


def _connections(sender: QtCore.QObject) -> dict:
    return sender.__dict__.setdefault("_connections_by_signature", {})


def find_signal(sender: QtCore.QObject, signature: str):
    """The bound signal and its number of arguments.

    Raises:
        SignalError: when the class has no signal with this signature; also recorded as a problem, because PythonQt
            only prints it.
    """
    normal = _normalized(signature)
    name, arguments = _parts(normal)
    attribute = _attribute(sender, normal, name)
    if attribute is None:
        message = f"signal {type(sender).__name__}::{normal} does not exist"
        problems.record("signal", message)
        raise SignalError(message)
    return getattr(sender, attribute), len(arguments)


def find_slot(receiver, signature: str):
    """The method of `receiver` that a slot signature such as "setValue(int)" names.

    Raises:
        SignalError: when there is no such method.
    """
    slot = getattr(receiver, signature.split("(")[0].strip(), None)
    if slot is None:
        message = f"slot {type(receiver).__name__}::{signature} does not exist"
        problems.record("signal", message)
        raise SignalError(message)
    return slot


def accepted_arguments(function) -> int:
    """How many positional arguments a callable takes (many, when that cannot be known)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 99
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return 99
    return sum(
        parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) for parameter in parameters
    )


def _normalized(signature: str) -> str:
    return QtCore.QMetaObject.normalizedSignature(signature).data().decode()


def _parts(signature: str) -> tuple[str, list[str]]:
    match = re.fullmatch(r"(\w+)\((.*)\)", signature)
    if match is None:
        problems.record("signal", f"'{signature}' is not the signature of a signal")
        raise SignalError(f"'{signature}' is not the signature of a signal")
    return match.group(1), [argument for argument in match.group(2).split(",") if argument]


def _attribute(sender: QtCore.QObject, signature: str, name: str) -> str | None:
    """Name of the attribute that holds the signal; None when there is no such signal.

    Stand-ins say in `_signal_attributes` where the attribute has another name than the signal.
    """
    known = exposed.exposed_of(type(sender))
    if known is not None and signature not in known.signals:
        return None
    name = getattr(type(sender), "_signal_attributes", {}).get(signature, name)
    is_of_the_harness = any(name in vars(cls) for cls in type(sender).__mro__ if cls.__module__.startswith("Testing."))
    return name if is_of_the_harness or sender.metaObject().indexOfSignal(signature) >= 0 else None
