"""Records: what fits passes unchanged, and what does not is named with its place, what it must be and what it is."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from liverpair.core.errors import BundleError, InputError
from liverpair.core.records import POSITIVE, Misfit, Record, Text, at_least, between, fit, fits


@dataclass(frozen=True)
class Part:
    name: Text
    size: Annotated[float, POSITIVE] = 1.0


@dataclass(frozen=True)
class Whole(Record):
    what = "a test"

    title: str
    parts: list[Part] = field(default_factory=list)
    share: Annotated[float, between(0, 1)] | None = None
    count: Annotated[int, at_least(2)] = 2
    kind: Literal["up", "down", "left"] = "up"
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    frames: tuple[int, ...] = ()
    options: dict[str, bool] = field(default_factory=dict)
    label: int | str = 1
    free: Any = None
    fast: bool = False


def test_what_fits_keeps_its_values_and_takes_the_shape_of_the_types():
    whole = Whole.parse({"title": "", "parts": [{"name": "a", "size": 2}], "share": 1, "frames": [3, 1], "free": {}})
    assert whole.parts == [Part("a", 2)] and whole.frames == (3, 1)
    assert type(whole.share) is int and whole.label == 1
    assert Whole("t", frames=[1]).frames == (1,)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "Option 'title' of a test is missing."),
        ({"color": 1}, "Option 'color' of a test is unknown. Known are title, parts, share, "),
        ({"title": None}, "Option 'title' of a test must be a text, not None."),
        ({"share": 1.5}, "Option 'share' of a test must be a number from 0 to 1, not 1.5."),
        ({"share": "1"}, "Option 'share' of a test must be a number from 0 to 1, not '1'."),
        ({"share": float("nan")}, "must be a number from 0 to 1, not nan."),
        ({"share": True}, "must be a number from 0 to 1, not True."),
        ({"count": 2.0}, "Option 'count' of a test must be a whole number of at least 2, not 2.0."),
        ({"count": 1}, "must be a whole number of at least 2, not 1."),
        ({"kind": "right"}, "Option 'kind' of a test must be 'up', 'down' or 'left', not 'right'."),
        ({"spacing": [1, 2]}, "Option 'spacing' of a test must be a list of 3 numbers, not [1, 2]."),
        ({"frames": [0, True]}, "Option 'frames' of a test must be a list of whole numbers, not [0, True]."),
        ({"frames": "12"}, "Option 'frames' of a test must be a list of whole numbers, not '12'."),
        ({"options": {"a": 1}}, "Option 'options.a' of a test must be true or false, not 1."),
        ({"label": 1.5}, "Option 'label' of a test must be a whole number or a text, not 1.5."),
        ({"fast": 1}, "Option 'fast' of a test must be true or false, not 1."),
        ({"parts": [3]}, "Option 'parts' of a test must be a list of objects, not [3]."),
        ({"parts": [{"name": "a"}, {}]}, "Option 'parts[1].name' of a test is missing."),
        ({"parts": [{"name": " "}]}, "Option 'parts[0].name' of a test is empty."),
        ({"parts": [{"name": "a", "size": 0}]}, "Option 'parts[0].size' of a test must be a number above 0, not 0."),
        ({"share": 10**400}, "must be a number from 0 to 1, not 1000"),
        ({"title": ["x" * 10**6] * 10**4}, "must be a text, not ['xxx"),
    ],
)
def test_what_does_not_fit_is_said_in_one_short_sentence(values, sentence):
    with pytest.raises(InputError) as refused:
        Whole.parse({**({"title": "t"} if values else {}), **values})
    assert sentence in str(refused.value) and len(str(refused.value)) < 500


def test_a_record_made_in_code_is_checked_too_and_may_be_refused_as_something_else():
    @dataclass(frozen=True)
    class Settings(Record):
        what = "a model"
        refusal = BundleError
        step: float = 1.0

    with pytest.raises(BundleError, match="Option 'step' of a model must be a number, not 'fast'"):
        Settings(step="fast")


def test_files_may_hold_more_than_is_known():
    assert fits(Part, {"name": "a", "color": "red"}) and not fits(Part, {"color": "red"})
    assert fits(dict[str, Part], {"x": {"name": "a"}}) and not fits(dict[str, Part], {"x": {"name": 3}})
    with pytest.raises(Misfit, match=r"^'parts\[0\]\.name' must be a text"):
        fit(list[Part], [{"name": 3}], "parts")


def test_nesting_without_end_is_refused_or_passes_but_ends():
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert fits(Any, deep) and not fits(list[int], deep)
