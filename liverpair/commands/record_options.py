"""Options of a command line made from the fields of a record: its types, defaults and descriptions.

A field added to the request of a job, and documented there, is an option of its command. This is little over argparse
because jsonargparse, which could do it too, takes three times as long to import (0.67 s against 0.22 s), and every
`--help` and misspelled option would wait for it. Values are converted here and checked by the record.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from enum import EnumMeta
from functools import cache
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from liverpair.core.records import Record, types_of

METAVARS = {int: "N", float: "X"}


def add_option(parser: argparse._ActionsContainer, name: str, earlier: str, **details: Any) -> None:
    """Add an option `name`; the name that it had earlier is taken as well, and not shown in the help."""
    dest = parser.add_argument(name, **details).dest
    hidden = {"dest": dest, "required": False, "default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
    parser.add_argument(earlier, **{**details, **hidden})


def add_options(parser: argparse._ActionsContainer, record: type[Record], *names: str) -> None:
    """Add an option for each of these fields of a record, or for all that the parser does not have yet.

    What is not given is None in the parsed arguments, so that the record's default counts: see `given_options`. The
    metadata of a field may say how the command line takes it: "option", its name where that is not the field's ("" for
    a field that is none), "required", False where the command may find it elsewhere, "earlier", a name that is taken
    and not shown, and "metavar", "nargs" and "help", as in argparse; without "help" it is the description of the field.
    """
    there = {action.dest for action in parser._actions}
    known = {one.name: one for one in fields(record)}
    others = [name for name, one in known.items() if name not in there and one.metadata.get("option") != ""]
    for name in names or others:
        _add(parser, record, known[name])


def given_options(arguments: argparse.Namespace, record: type[Record]) -> dict[str, Any]:
    """The fields of a record that the command line gives."""
    return {name: value for name in types_of(record) if (value := getattr(arguments, name, None)) is not None}


def options_of(arguments: argparse.Namespace, record: type[Record], besides: Sequence[str] = ()) -> dict[str, Any]:
    """Every option of a record but those `besides`: what the command line gives, else the default."""
    options = [one for one in fields(record) if one.name not in besides and hasattr(arguments, one.name)]
    defaults = {one.name: _default(one) for one in options if one.metadata.get("option") != ""}
    given = given_options(arguments, record)
    return {name: given.get(name, default) for name, default in defaults.items() if default is not MISSING}


@cache
def descriptions_of(record: type) -> dict[str, str]:
    """What the "Parameters" of a class's docstring, and of those it inherits from, say of each, in one line."""
    found: dict[str, str] = {}
    for kind in reversed(record.__mro__):
        _, _, section = cleandoc(kind.__doc__ or "").partition("Parameters\n----------\n")
        section = re.split(r"\n\n(?=\S)", section)[0]
        for names, text in re.findall(r"^(\w.*)\n((?: {4}.*\n?)+)", section, re.MULTILINE):
            found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def _add(parser: argparse._ActionsContainer, record: type[Record], one: Field) -> None:
    kind, many = _kind_of(types_of(record)[one.name])
    name = f"--{one.metadata.get('option', one.name).replace('_', '-')}"
    default = _default(one)
    text = one.metadata.get("help") or descriptions_of(record).get(one.name, "")
    details: dict[str, Any] = {"dest": one.name, "help": _help(text, default)}
    if kind is bool and default is None:
        details["action"] = argparse.BooleanOptionalAction
    elif kind is bool:
        name = name.replace("--", "--no-", 1) if default else name
        details |= {"action": "store_false" if default else "store_true", "default": None}
    else:
        details |= {
            "type": kind if kind in METAVARS else str,
            "required": default is MISSING and one.metadata.get("required", True),
        }
        details["metavar"] = one.metadata.get("metavar", _metavar(kind))
        if many:
            details |= {"nargs": one.metadata["nargs"]} if "nargs" in one.metadata else {"action": "append"}
    if earlier := one.metadata.get("earlier"):
        add_option(parser, name, earlier, **details)
    else:
        parser.add_argument(name, **details)


def _default(one: Field) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _kind_of(kind: Any) -> tuple[Any, bool]:
    """What one value is, without limits and None; and whether there are many."""
    if get_origin(kind) is Annotated:
        return _kind_of(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        kinds = [part for part in get_args(kind) if part is not NoneType]
        return _kind_of(kinds[0]) if len(kinds) == 1 else (str, False)
    if get_origin(kind) in (list, tuple):
        return _kind_of(get_args(kind)[0])[0], True
    return kind, False


def _metavar(kind: Any) -> str | None:
    choices = get_args(kind) if get_origin(kind) is Literal else list(kind) if isinstance(kind, EnumMeta) else ()
    return f"{{{','.join(choices)}}}" if choices else METAVARS.get(kind)


def _help(text: str, default: Any) -> str:
    told = default is MISSING or default is None or isinstance(default, bool) or default in ((), [])
    if not told and "(default:" not in text:
        text += f" (default: {' '.join(map(str, default)) if isinstance(default, list | tuple) else default})"
    return text.replace("%", "%%")
