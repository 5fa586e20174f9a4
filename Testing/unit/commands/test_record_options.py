"""Options made from the fields of a record: what each type becomes, what the help says, what reaches the record."""

import argparse
from dataclasses import dataclass, field, fields
from typing import Annotated, Literal

import pytest

from liverpair.commands.record_options import add_options, given_options, options_of
from liverpair.core.records import Record, at_least
from liverpair.core.sides import Side


@dataclass(frozen=True)
class Walk(Record):
    """How to walk.

    Parameters
    ----------
    pace
        steps a minute; 100 % is
        fast
    where, nowhere
        a place

    More that is no help.
    """

    what = "a walk"

    pace: Annotated[int, at_least(1)] = 90
    where: str | None = field(default=None, metadata={"earlier": "--place"})
    nowhere: str = field(default="", metadata={"option": ""})


@dataclass(frozen=True, kw_only=True)
class LongWalk(Walk):
    """How to walk far.

    Parameters
    ----------
    length_km
        how far
    resting
        sit down at times
    singing
        sing (default: as one likes)
    """

    length_km: float
    resting: bool = field(default=True, metadata={"option": "rests", "help": "never sit down"})
    singing: bool | None = None
    barefoot: bool = False
    mood: Literal["merry", "sad"] = "merry"
    side: Side | None = None
    songs: list[str] = field(default_factory=lambda: ["a", "b"], metadata={"option": "song"})
    stops: tuple[int, ...] = field(default=(1, 2), metadata={"nargs": "*"})
    label: int | str | None = None


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="walk")
    add_options(made, LongWalk, "length_km")
    add_options(made, LongWalk)
    return made


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("", {}),
        ("--pace 7 --where home", {"pace": 7, "where": "home"}),
        ("--place home", {"where": "home"}),
        ("--no-rests --barefoot", {"resting": False, "barefoot": True}),
        ("--singing", {"singing": True}),
        ("--no-singing", {"singing": False}),
        ("--mood sad --side t2", {"mood": "sad", "side": Side.T2}),
        ("--song x --song y --stops 3 4", {"songs": ["x", "y"], "stops": (3, 4)}),
        ("--stops", {"stops": ()}),
        ("--label 3", {"label": "3"}),
    ],
)
def test_what_is_given_reaches_the_record_and_its_defaults_do_the_rest(line, given):
    arguments = parser().parse_args(["--length-km", "2.5", *line.split()])
    assert LongWalk(**given_options(arguments, LongWalk)) == LongWalk(length_km=2.5, **given)
    whole = options_of(arguments, LongWalk, besides=["length_km"])
    assert LongWalk(length_km=2.5, **whole) == LongWalk(length_km=2.5, **given)
    assert whole.keys() == {one.name for one in fields(LongWalk)} - {"length_km", "nowhere"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "the following arguments are required: --length-km"),
        ("--length-km far", "argument --length-km: invalid float value: 'far'"),
        ("--length-km 1 --nowhere x", "unrecognized arguments: --nowhere x"),
    ],
)
def test_what_is_no_option_is_refused(line, problem, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(line.split())
    assert problem in capsys.readouterr().err


def test_the_help_has_the_description_the_default_and_the_choices():
    lines = [" ".join(line.split()) for line in parser().format_help().replace("\n       ", " ").splitlines()]
    shown = "\n".join(lines)
    assert "--length-km X how far" in shown
    assert "--pace N steps a minute; 100 % is fast (default: 90)" in shown
    assert "--no-rests never sit down" in shown and "--singing, --no-singing sing (default: as one likes)" in shown
    assert "--mood {merry,sad}" in shown and "--side {t1,t2}" in shown
    assert "(default: a b)" in shown and "(default: 1 2)" in shown and "--where WHERE a place" in shown
    assert "--place" not in shown and "More that is no help" not in shown
    assert lines.index("--length-km X how far") < lines.index("--pace N steps a minute; 100 % is fast (default: 90)")
