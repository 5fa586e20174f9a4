"""What PythonQt exposes of a C++ class: properties, signals, slots and Q_INVOKABLE methods.

Of Qt's own classes it is whatever is public or protected. `tables/` lists the names; a class that is not listed there
is not held to them. There, `class NAME BASE` begins a class, and `property`, `signal` (with its arguments) and `method`
lines say what it has beyond its base; methods include slots and enumerators.
"""

import functools
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import problems

TABLES = Path(__file__).parent / "tables"
OF_THE_HARNESS = ("_", "harness_")
"""How names begin that only the harness and its tests may use."""
KEYWORDS = {"exec", "print", "raise"}
"""PythonQt offers these with an underscore, too."""

VIRTUAL_IN_QT6 = {
    "clearItemData", "createWinId", "initStyleOptionForIndex", "initViewItemOption", "itemDelegateForIndex",
    "multiData", "readLineInto", "redirected", "skipData",
}  # fmt: skip
"""PySide6 asks the Python subclasses of a widget for these; no module has a reason to call them."""

_cpp_names: dict[type, str] = {}


@dataclass
class Exposed:
    """The names of one class, with those of its bases once the tables are read."""

    base: str = ""
    properties: set[str] = field(default_factory=set)
    signals: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)

    @functools.cached_property
    def names(self) -> set[str]:
        """All names that an object has in Python."""
        return self.properties | self.methods | {signal.split("(")[0] for signal in self.signals}


@functools.cache
def table() -> dict[str, Exposed]:
    """The classes by name."""
    own: dict[str, Exposed] = {}
    for path in sorted(TABLES.glob("*.txt")):
        for line in path.read_text().splitlines():
            kind, *words = line.split()
            if kind == "class":
                current = own[words[0]] = Exposed(*words[1:])
            else:
                getattr(current, {"property": "properties"}.get(kind, f"{kind}s")).update(words)
    return {name: _with_bases(own, name) for name in own}


def _with_bases(own: dict[str, Exposed], name: str) -> Exposed:
    whole, base = Exposed(own[name].base), name
    while base:
        for kind in ("properties", "signals", "methods"):
            getattr(whole, kind).update(getattr(own[base], kind))
        base = own[base].base
    whole.methods |= {f"{keyword}_" for keyword in KEYWORDS & whole.methods}
    whole.methods -= whole.properties
    return whole


def exposed_of(cls: type) -> Exposed | None:
    """What is exposed of the nearest class among a class and its bases that is listed."""
    names = (_cpp_names.get(each, each.__name__) for each in cls.__mro__)
    return next((table()[name] for name in names if name in table()), None)


def is_cpp_class(cls: type) -> bool:
    """Whether PythonQt would show this class as one written in C++ (Python subclasses may have any attribute)."""
    return cls.__module__.startswith("PySide6.") or cls in _cpp_names


def asked_by_harness() -> bool:
    """Whether the code two calls up is the harness's own, which does what C++ does in Slicer."""
    return sys._getframe(2).f_globals.get("__name__", "").startswith(("Testing.harness.", "PySide6", "shiboken6"))


def hold(cls: type, name: str) -> None:
    """Hold a stand-in to the C++ class it stands for: what it inherits from a class of Qt beyond that is refused.

    Raises:
        TypeError: when the stand-in itself has what the class does not expose.
    """
    _cpp_names[cls] = name
    known = table()[name].names
    own = {each for each in vars(cls) if _is_offered(each)} - known
    if own:
        raise TypeError(f"{cls.__name__} has what PythonQt does not expose of {name}: {', '.join(sorted(own))}")
    _refuse(cls, {each for each in dir(cls) if _is_offered(each)} - known)


def hold_qt_class(cls: type) -> None:
    """Hold a class of PySide6 to that of Qt 5 in PythonQt."""
    if cls.__name__ in table():
        _refuse(cls, {each for each in vars(cls) if _is_offered(each)} - table()[cls.__name__].names)


def _is_offered(name: str) -> bool:
    return not name.startswith(OF_THE_HARNESS) and name not in VIRTUAL_IN_QT6 and name != "staticMetaObject"


def _refuse(cls: type, names: set[str]) -> None:
    for name in names:
        setattr(cls, name, _Refused(name))


class _Refused:
    """In the place of an attribute that PythonQt does not have."""

    def __init__(self, name: str):
        self.name = name

    def __get__(self, instance, owner=None):
        self._complain(owner)

    def __set__(self, instance, value) -> None:
        self._complain(type(instance))

    def _complain(self, owner: type) -> None:
        message = f"{_cpp_names.get(owner, owner.__name__)} has no attribute named '{self.name}'"
        if not sys._getframe(2).f_code.co_filename.endswith("slicer/util.py"):  # it asks every widget for a text
            problems.record("attribute", message)
        raise AttributeError(message)
