"""What a job may be asked: the fields of its request and their types, checked before anything is done."""

import math
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from liverpair.core.earlier_names import renamed
from liverpair.core.errors import InputError

if TYPE_CHECKING:
    from liverpair.core.geometry import Box

BOX_FIELDS = ("center_mm", "size_mm", "direction")
EARLIER = {"centre_mm": "center_mm"}
"""Names that version 0.1 used in requests, and those of today."""


def check_request(kind: type, request: Mapping[str, Any], what: str, unchecked: Collection[str] = ()) -> dict[str, Any]:
    """`request` with the names of today, whatever version asks.

    Raises `InputError` naming a field that the dataclass `kind` does not have, or whose value is not of its type, or
    one without default that is missing. Types are `str`, `bool`, `int`, `float`, `dict`, `list[…]` of
    these, `None` and unions of them. `what` is what the request is for, with its article: "a detection". The fields in
    `unchecked` may have any value: `kind` checks them itself.
    """
    allowed = {field.name: field for field in fields(kind)}
    request = renamed(request, EARLIER)
    for name, value in request.items():
        if name not in allowed:
            raise InputError(f"{what[0].upper()}{what[1:]} has no option '{name}'.", f"It has {', '.join(allowed)}.")
        if name not in unchecked and not _fits(value, allowed[name].type):
            raise InputError(f"Option '{name}' of {what} cannot be {value!r}.")
    for name, field in allowed.items():
        if name not in request and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{what[0].upper()}{what[1:]} needs '{name}'.")
    return request


def box_of(values: Mapping[str, Any], side: str) -> "Box":
    """The box of {"center_mm", "size_mm", "direction"}, drawn in the image `side` ("t1" or "t2").

    Raises `InputError` for what is no box in a patient.
    """
    from liverpair.core.geometry import Box
    from liverpair.core.lesions import LesionPair

    if set(values) != set(BOX_FIELDS):
        raise InputError(f"A drawn box has {', '.join(BOX_FIELDS)}; this one has {', '.join(values) or 'nothing'}.")
    box = Box(*(tuple(v) if isinstance(v := values[name], list) else v for name in BOX_FIELDS))
    LesionPair(1, uid="drawn", **{side: box, f"{side}_origin": "drawn"})
    return box


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(item, get_args(kind)[0]) for item in value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind)
