"""`lesions.json`: exact round trips, and one sentence for everything that is wrong with it."""

import copy
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lesion_factory import drawn, lesion_of, without

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesion_findings import PhaseSignal
from liverpair.core.lesions import (
    Lesion,
    LesionBox,
    free_number,
    lesions_from_json,
    lesions_to_json,
    read_lesions,
    write_lesions,
)
from liverpair.core.sides import Side

OBLIQUE = (math.cos(0.4), -math.sin(0.4), 0.0, math.sin(0.4), math.cos(0.4), 0.0, 0.0, 0.0, 1.0)
PAIR = Lesion(
    number=3,
    boxes={
        Side.T1: LesionBox(Box((1.1, -2.2, 1 / 3), (10.0, 20.0, 30.5), OBLIQUE), "detected", 0.9300000000000001),
        Side.T2: LesionBox(Box((5.0, 6.0, 7.0), (0.1, 0.2, 0.3)), "predicted"),
    },
    state="accepted",
    displacement_mm=(3.9, 8.2, 6.0),
    note='près du dôme \u2014 "2e"',
    uid="a-1",
)

coordinates = st.floats(-1e6, 1e6)
boxes = st.builds(
    Box,
    st.tuples(coordinates, coordinates, coordinates),
    st.tuples(*[st.floats(min_value=1e-6, max_value=1e6)] * 3),
    st.sampled_from(
        [OBLIQUE, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (-1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0)]
    ),
)


lesion_boxes = st.builds(
    LesionBox, boxes, st.sampled_from(["detected", "predicted", "drawn"]), st.none() | st.floats(0, 1)
)


@st.composite
def pairs(draw):
    sides = draw(st.sampled_from([(Side.T1,), (Side.T2,), tuple(Side)]))
    return Lesion(
        number=draw(st.integers(1, 999_999)),
        state=draw(st.sampled_from(["proposed", "accepted", "rejected"])),
        displacement_mm=draw(st.none() | st.tuples(coordinates, coordinates, coordinates)),
        note=draw(st.text()),
        uid=draw(st.text(min_size=1).filter(str.strip)),
        boxes={side: draw(lesion_boxes) for side in sides},
    )


def changed(path: list, value) -> str:
    """The JSON of PAIR with the entry at `path` set to `value`."""
    content = json.loads(lesions_to_json([PAIR]))
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(content)


def test_file_round_trip(tmp_path):
    written = [PAIR, without(PAIR, Side.T2, uid="b", number=1, displacement_mm=None)]
    write_lesions(tmp_path / "lesions.json", written)
    assert read_lesions(tmp_path / "lesions.json") == written
    assert [p.name for p in tmp_path.iterdir()] == ["lesions.json"]


def test_file_says_what_it_is(tmp_path):
    content = json.loads(lesions_to_json([PAIR]))
    assert {k: content[k] for k in ("schema", "version", "coordinate_system")} == {
        "schema": "liverpair-lesions",
        "version": 3,
        "coordinate_system": "LPS",
    }
    assert content["pairs"][0]["t1"] == {
        "center_mm": [1.1, -2.2, 1 / 3],
        "size_mm": [10.0, 20.0, 30.5],
        "direction": list(OBLIQUE),
        "score": 0.9300000000000001,
        "origin": "detected",
    }


def test_a_file_of_version_2_opens_without_phases_and_reading():
    told = replace(PAIR, phases={"portal": PhaseSignal(90.0, 4.0, 100.0)}, reading={"washout": "present"})
    assert lesions_from_json(lesions_to_json([told])) == [told] and told.is_judged
    content = json.loads(lesions_to_json([told]))
    content["version"] = 2
    for pair in content["pairs"]:
        del pair["phases"], pair["reading"]
    assert lesions_from_json(json.dumps(content)) == [replace(told, phases={}, reading={})]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("phases", {"late": {"mean": 1, "sd": 1, "liver": 1}}, "unknown phase 'late'"),
        ("phases", {"portal": {"mean": 1, "sd": 1}}, "must be the numbers mean, sd and liver"),
        ("phases", {"portal": {"mean": "1", "sd": 1, "liver": 1}}, "must be the numbers mean, sd and liver"),
        ("phases", [], "phases must be an object"),
        ("reading", {"washout": "yes"}, "washout is one of present, absent, unsure, not 'yes'"),
        ("reading", {"size": "1"}, "unknown decision 'size'"),
        ("reading", None, "reading must be an object"),
    ],
)
def test_phases_and_decisions_that_cannot_be_are_named(field, value, words):
    content = json.loads(lesions_to_json([PAIR]))
    content["pairs"][0][field] = value
    with pytest.raises(InputError, match=words):
        lesions_from_json(json.dumps(content))


def test_a_file_of_version_1_opens_and_has_no_links_to_an_earlier_visit():
    linked = replace(PAIR, earlier="b-2")
    assert lesions_from_json(lesions_to_json([linked])) == [linked]
    content = json.loads(lesions_to_json([PAIR]))
    content["version"] = 1
    for pair in content["pairs"]:
        del pair["earlier"], pair["phases"], pair["reading"]
        for side in ("t1", "t2"):
            pair[side]["centre_mm"] = pair[side].pop("center_mm")
    assert lesions_from_json(json.dumps(content)) == [PAIR]


@settings(max_examples=60, deadline=None)
@given(st.lists(pairs(), max_size=4, unique_by=lambda p: p.uid))
def test_every_valid_list_round_trips_exactly(written):
    text = lesions_to_json(written)
    assert lesions_from_json(text) == written
    assert lesions_to_json(lesions_from_json(text)) == text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["version", "pairs", 0, "t1", "t2", "size_mm", "score", "uid", "state", "number", 1]),
        min_size=1,
        max_size=4,
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
)
def test_no_change_to_a_file_does_worse_than_an_input_error(path, value):
    try:
        text = changed(path, value)
    except (KeyError, IndexError, TypeError):
        return
    try:
        found = lesions_from_json(text)
    except InputError as error:
        assert "\n" not in error.message or "\\n" in repr(value)
    else:
        assert lesions_from_json(lesions_to_json(found)) == found


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_no_bytes_do_worse_than_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("l") / "lesions.json"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_lesions(path)


@pytest.mark.parametrize(
    "path, value, words",
    [
        (["version"], 4, "version 4; this LiverPair reads versions up to 3"),
        (["version"], True, "version True"),
        (["schema"], "other", "not a lesion file"),
        (["coordinate_system"], "RAS", "coordinate system is 'RAS'"),
        (["pairs"], {}, "pairs are not a list"),
        (["pairs", 0], 7, "Entry 1 is not a JSON object"),
        (["pairs", 0, "color"], "red", "Entry 1 has an unknown field 'color'"),
        (["pairs", 0, "uid"], "", "has no uid"),
        (["pairs", 0, "uid"], 5, "has no uid"),
        (["pairs", 0, "number"], 0, "number must be a whole number from 1"),
        (["pairs", 0, "number"], 10**400, "number must be a whole number from 1 to 999999, not 1000"),
        (["pairs", 0, "number"], True, "number must be a whole number from 1"),
        (["pairs", 0, "state"], "maybe", "unknown state 'maybe'"),
        (["pairs", 0, "state"], ["accepted"], "unknown state"),
        (["pairs", 0, "note"], None, "note must be text"),
        (["pairs", 0, "earlier"], 7, "earlier must be the uid of a lesion, not '7'"),
        (["pairs", 0, "earlier"], " ", "earlier must be the uid of a lesion"),
        (["pairs", 0, "note"], "a\ud800", "note holds half a character"),
        (["pairs", 0, "uid"], "\udfff", "uid holds half a character"),
        (["pairs", 0, "t1", "origin"], "guessed", "T1: unknown origin 'guessed'"),
        (["pairs", 0, "t1", "size_mm"], [1, -2, 3], r"T1: size_mm must be above zero, not \[1.0, -2.0, 3.0\]"),
        (["pairs", 0, "t1", "size_mm"], [1, 0, 3], "size_mm must be above zero"),
        (["pairs", 0, "t1", "size_mm"], [1, 1e300, 3], "T1: no box in a patient has"),
        (["pairs", 0, "t1", "size_mm"], [1, 1e-300, 3], "T1: no box in a patient has"),
        (["pairs", 0, "t1", "center_mm"], [1, 1e39, 3], "T1: no box in a patient has"),
        (["pairs", 0, "displacement_mm"], [1, 1e300, 3], "displacement_mm is longer than any patient"),
        (["pairs", 0, "t1", "center_mm"], [1, 2], "T1: center_mm must be 3 numbers"),
        (["pairs", 0, "t1", "center_mm"], [1, 2, "3"], "T1: center_mm must be a finite number, not 3"),
        (["pairs", 0, "t1", "center_mm"], [1, 2, 10**400], "center_mm must be a finite number"),
        (["pairs", 0, "t2", "direction"], [1, 0, 0, 1, 0, 0, 0, 0, 1], "T2: direction is not three unit vectors"),
        (["pairs", 0, "t2", "direction"], [1e300] * 9, "T2: direction is not three unit vectors"),
        (["pairs", 0, "t1", "score"], 1.5, "score must lie between 0 and 1"),
        (["pairs", 0, "t1", "score"], float("nan"), "NaN, which is not a number"),
        (["pairs", 0, "displacement_mm"], [1, 2, float("inf")], "Infinity, which is not a number"),
    ],
)
def test_wrong_values_are_named(path, value, words):
    with pytest.raises(InputError, match=words):
        lesions_from_json(changed(path, value))


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "not valid JSON"),
        ("[]", "not a lesion file"),
        ("{" * 100_000, "not valid JSON|nested"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"schema": "liverpair-lesions", "version": 1, "version": 2}', "a field twice"),
        ('{"schema": "liverpair-lesions", "version": 1}', "The file lacks coordinate_system, pairs"),
        (lesions_to_json([PAIR]).replace("10.0", "1e999"), "size_mm must be a finite number"),
        (lesions_to_json([PAIR]).replace("10.0", "9" * 5000), "not valid JSON"),
    ],
)
def test_wrong_files_are_named(text, words):
    with pytest.raises(InputError, match=words):
        lesions_from_json(text)


def test_two_pairs_with_one_uid_are_refused_on_both_ways(tmp_path):
    with pytest.raises(InputError, match="Two lesion pairs have the uid 'a-1'"):
        write_lesions(tmp_path / "lesions.json", [PAIR, replace(PAIR, number=9)])
    assert not list(tmp_path.iterdir())
    content = json.loads(lesions_to_json([PAIR]))
    content["pairs"].append(copy.deepcopy(content["pairs"][0]))
    with pytest.raises(InputError, match="Two lesion pairs"):
        lesions_from_json(json.dumps(content))


def test_a_lesion_needs_a_box_and_a_box_an_origin():
    with pytest.raises(InputError, match="neither in T1 nor in T2"):
        Lesion(1, {})
    with pytest.raises(InputError, match="T1: unknown origin None"):
        lesion_of(1, LesionBox(PAIR.box(Side.T1), None))


def test_a_new_number_follows_the_highest_until_there_is_none_above():
    assert [free_number([]), free_number([4, 1]), free_number([999_999, 1])] == [1, 5, 2]


def test_new_pairs_have_uids_of_their_own():
    assert lesion_of(1, drawn(PAIR.box(Side.T1))).uid != lesion_of(1, drawn(PAIR.box(Side.T1))).uid


def test_missing_file_and_byte_order_mark(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_lesions(tmp_path / "lesions.json")
    (tmp_path / "lesions.json").write_text("\ufeff" + lesions_to_json([PAIR]), encoding="utf-8")
    assert read_lesions(tmp_path / "lesions.json") == [PAIR]
