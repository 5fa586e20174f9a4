"""Values out of JSON held against types: one check for files, requests and messages, one sentence for what is wrong.

The types are those of the fields of a dataclass: `str`, `bool`, `int`, `float` (finite), `dict`, `Any`, `Literal`,
lists, tuples and dicts of these, enums of texts, unions, dataclasses within it, and any of them with limits, as in
`Annotated[float, between(0, 1)]`. The standard library is enough: Slicer reads models and messages before a package may
be installed.
"""

import json
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import EnumMeta
from functools import cache
from pathlib import Path
from reprlib import Repr
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

from liverpair.core.earlier_names import renamed
from liverpair.core.errors import InputError, LiverPairError

Record_ = TypeVar("Record_", bound="Record")

_WORDS = {
    str: ("a text", "texts"),
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    dict: ("an object", "objects"),
}
_SHOWN = Repr()
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = 60


class Misfit(ValueError):
    """The value at `path` that does not fit: what is wrong with it, to be said after its name, and the way out."""

    def __init__(self, path: str, problem: str, hint: str = ""):
        super().__init__(f"'{path}' {problem}")
        self.path, self.problem, self.hint = path, problem, hint


@dataclass(frozen=True)
class Limit:
    """What a value must be beyond its type, in words that come after those of the type: "a number" "above 0"; or the
    `fault` of a value that is not, where that says more."""

    words: str
    holds: Callable[[Any], bool]
    fault: str = ""


def between(lowest: float, highest: float) -> Limit:
    """From `lowest` to `highest`, both included."""
    return Limit(f" from {lowest:g} to {highest:g}", lambda value: lowest <= value <= highest)


def at_least(lowest: float) -> Limit:
    """From `lowest` on."""
    return Limit(f" of at least {lowest:g}", lambda value: value >= lowest)


POSITIVE = Limit(" above 0", lambda value: value > 0)
FILLED = Limit("", lambda value: bool(value.strip() if isinstance(value, str) else value), "is empty")
Text = Annotated[str, FILLED]


class Record:
    """A frozen dataclass whose fields are checked as it is made. `what` is what it is for: "a detection"."""

    what: ClassVar[str]
    refusal: ClassVar[type[LiverPairError]] = InputError
    earlier: ClassVar[Mapping[str, str]] = {}
    """Names of earlier versions, and those of today."""

    def __post_init__(self) -> None:
        try:
            fit_fields(self)
        except Misfit as misfit:
            raise self.refused(misfit) from None
        self.check()

    def check(self) -> None:
        """Raise `refusal` for fields that fit their types and not each other."""

    @classmethod
    def parse(cls: type[Record_], values: Mapping[str, Any]) -> Record_:
        """The record of an object of JSON. Raises `refusal` naming what is unknown, missing or of the wrong type."""
        values = renamed(values, cls.earlier)
        try:
            check_names(cls, values)
        except Misfit as misfit:
            raise cls.refused(misfit) from None
        return cls(**values)

    @classmethod
    def refused(cls, misfit: Misfit) -> LiverPairError:
        """The sentence for a user."""
        return cls.refusal(f"Option '{misfit.path}' of {cls.what} {misfit.problem}.", misfit.hint)


@cache
def types_of(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields, with their limits."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def fit_fields(record: Any, where: str = "") -> None:
    """Hold the fields of a frozen dataclass against their types. Raises `Misfit`, see `fit`."""
    for name, kind in types_of(type(record)).items():
        object.__setattr__(record, name, fit(kind, getattr(record, name), _inside(where, name)))


def check_names(kind: type, values: Mapping[str, Any], where: str = "", unknown: bool = False) -> None:
    """Raise `Misfit` for a field of the dataclass that is missing and, unless `unknown` ones may be, one that it does
    not have."""
    strangers = [name for name in values if name not in types_of(kind)]
    if strangers and not unknown:
        raise Misfit(_inside(where, strangers[0]), "is unknown", f"Known are {', '.join(types_of(kind))}.")
    for field in fields(kind):
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise Misfit(_inside(where, field.name), "is missing")


def fits(kind: Any, value: Any) -> bool:
    """Whether a value is of a type; objects may hold more than their dataclass knows."""
    try:
        fit(kind, value)
    except Misfit:
        return False
    return True


def read_json(path: Path, kind: type, earlier: Mapping[str, str] = {}) -> dict[str, Any] | None:
    """What a JSON file holds, under the names of today (see `renamed`); None when there is no file, or its content is
    not a `kind`."""
    try:
        content = renamed(json.loads(path.read_text(encoding="utf-8")), earlier)
    except (OSError, ValueError, RecursionError):
        return None
    return content if fits(kind, content) else None


def fit(kind: Any, value: Any, where: str = "") -> Any:
    """`value` as a `kind`: lists become tuples, texts enums and objects dataclasses where the type says so.

    What a dataclass does not know is left out. Raises `Misfit`, which names the path of what does not fit, below
    `where`.
    """
    if get_origin(kind) is Annotated:
        own, *limits = get_args(kind)
        try:
            value = fit(own, value, where)
        except Misfit as misfit:
            raise _misfit(kind, value, where) if misfit.path == where else misfit from None
        for limit in limits:
            if not limit.holds(value):
                raise Misfit(where, limit.fault) if limit.fault else _misfit(kind, value, where)
        return value
    if get_origin(kind) in (Union, UnionType):
        return _fit_any(get_args(kind), kind, value, where)
    if get_origin(kind) in (list, tuple) and isinstance(value, list | tuple):
        return _fit_items(kind, value, where)
    if get_origin(kind) is dict and isinstance(value, Mapping):
        return {key: fit(get_args(kind)[1], item, _inside(where, key)) for key, item in value.items()}
    if is_dataclass(kind) and isinstance(value, Mapping):
        check_names(kind, value, where, unknown=True)
        known = {name: own for name, own in types_of(kind).items() if name in value}
        return kind(**{name: fit(own, value[name], _inside(where, name)) for name, own in known.items()})
    if isinstance(kind, EnumMeta) and value in list(kind):
        return kind(value)
    if not _is(kind, value):
        raise _misfit(kind, value, where)
    return value


def words_for(kind: Any, many: bool = False) -> str:
    """A type for a reader: "a number above 0", of `many` "numbers above 0"."""
    parts = get_args(kind)
    if get_origin(kind) is Annotated:
        return words_for(parts[0], many) + "".join(limit.words for limit in parts[1:])
    if get_origin(kind) is Literal:
        return _either(list(map(repr, parts)))
    if isinstance(kind, EnumMeta):
        return _either([repr(one.value) for one in kind])
    if get_origin(kind) in (Union, UnionType):
        return _either([words_for(part, many) for part in parts if part is not NoneType])
    if get_origin(kind) in (list, tuple):
        count = f"{len(parts)} " if get_origin(kind) is tuple and parts[-1] is not Ellipsis else ""
        return f"{'lists' if many else 'a list'} of {count}{words_for(parts[0], many=True)}"
    return _WORDS.get(kind, _WORDS[dict])[many]


def _is(kind: Any, value: Any) -> bool:
    if get_origin(kind) is Literal:
        return any(value == known and type(value) is type(known) for known in get_args(kind))
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and abs(value) <= sys.float_info.max
    if kind in (dict, Mapping):
        return isinstance(value, Mapping)
    return kind is Any or (isinstance(kind, type) and isinstance(value, kind))


def _fit_any(kinds: tuple[Any, ...], kind: Any, value: Any, where: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    deepest = _misfit(kind, value, where)
    for one in kinds:
        try:
            return fit(one, value, where)
        except Misfit as misfit:
            deepest = misfit if len(misfit.path) > len(deepest.path) else deepest
    raise deepest


def _fit_items(kind: Any, values: list | tuple, where: str) -> Any:
    kinds = get_args(kind)
    if get_origin(kind) is list or kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(values)
    if len(kinds) != len(values):
        raise _misfit(kind, values, where)
    items = []
    for number, (own, value) in enumerate(zip(kinds, values)):
        path = f"{where}[{number}]"
        try:
            items.append(fit(own, value, path))
        except Misfit as misfit:
            raise _misfit(kind, values, where) if misfit.path == path else misfit from None
    return get_origin(kind)(items)


def _misfit(kind: Any, value: Any, where: str) -> Misfit:
    return Misfit(where, f"must be {words_for(kind)}, not {_SHOWN.repr(value)}")


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
