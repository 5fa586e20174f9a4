"""The scores of paired detection against a set of cases counted by hand."""

import math
from dataclasses import replace

import pytest
from lesion_factory import detected, drawn, lesion_of, marked, predicted

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.evaluation.score_detection import ScoredCase, score_at_rate, score_cases

OFFSET = (0.0, 0.0, 20.0)


def box(x: float, z: float = 0.0, side: float = 12.0) -> Box:
    return Box((x, 0.0, z), (side, side, side))


def lesion(number: int, x: float, side: float = 12.0, only: str = "") -> Lesion:
    """A true lesion at x, 24 mm higher in T2."""
    boxes = {Side.T1: drawn(box(x, 0.0, side)), Side.T2: drawn(box(x, 24.0, side))}
    boxes = {name: place for name, place in boxes.items() if only in ("", name)}
    return Lesion(number, boxes, "accepted", (0.0, 0, 24), uid=f"true-{number}")


def detection(number: int, x: float, scores, side: float = 12.0, z: float = 24.0) -> Lesion:
    boxes = [
        predicted(box(x, height, side)) if score is None else detected(box(x, height, side), score)
        for height, score in zip((0.0, z), scores)
    ]
    return lesion_of(number, *boxes, displacement_mm=(0.0, 0.0, z))


def patients() -> list[ScoredCase]:
    """One with a large and a small lesion, one with a lesion that T2 alone shows."""
    first = ScoredCase(
        "a",
        [
            detection(1, 0, (0.9, 0.8), z=21.0),
            detection(2, 100, (0.7, None), side=6.0),
            detection(3, 300, (0.95, None)),
        ],
        [lesion(1, 0), lesion(2, 100, side=6.0)],
        {"true-1": "cyst", "true-2": "HCC"},
        offset_t1_to_t2_mm=OFFSET,
    )
    second = ScoredCase("b", [detection(1, 50, (0.6, 0.5))], [lesion(1, 50, only=Side.T2)], {"true-1": "cyst"})
    return [first, second]


def rows(result, table: str) -> dict[str, dict]:
    return {row["group"]: row for row in result[table]}


def test_single_figures():
    values = score_cases(patients())["values"]
    assert math.isnan(values.pop("displacement_error_registration_mm")) and math.isnan(values.pop("mask_dice"))
    assert values == pytest.approx(
        {
            "sensitivity_at_2fp": 1.0,
            "sensitivity_at_half_fp": 1.0,
            "sensitivity_at_2fp_own_scores": 1.0,
            "judged": 2,
            "pairing_accuracy": 1.0,
            "displacement_error_mm": 3.0,
            "displacement_error_none_mm": 24.0,
            "displacement_error_centroid_mm": 4.0,
            "score_threshold": 0.0,
            "lesions": 3,
            "cases": 2,
            "volumes": 4,
        }
    )


def test_detection_by_size_and_kind():
    table = rows(score_cases(patients()), "detection")
    assert list(table) == ["all", "from 10 mm", "0 to 10 mm", "10 to 20 mm", "HCC", "cyst"]
    # T1 shows two lesions and T2 three; the small one was moved to its place in T2.
    assert table["all"]["lesions"] == 5 and table["all"]["sensitivity_at_8"] == 1
    assert table["from 10 mm"]["lesions"] == 3 and table["0 to 10 mm"]["sensitivity_at_8"] == 1
    # False are the boxes of 0.95 in both images of a; that of 0.6 in T1 of b lies on a lesion that T1 does not show.
    assert table["all"]["sensitivity_at_0.5"] == 1
    assert table["all"]["sensitivity_at_0.25"] == 0


def test_average_precision_at_two_overlaps():
    shifted = [marked(one, Side.T2, box=box(0, 27.0)) for one in patients()[0].predicted[:1]]
    case = ScoredCase("a", shifted, [lesion(1, 0)])
    row = rows(score_cases([case]), "detection")["all"]
    assert row["ap_0.1"] == 1 and row["ap_0.3"] == 1
    case = ScoredCase("a", [marked(shifted[0], Side.T2, box=box(0, 31.0))], [lesion(1, 0)])
    row = rows(score_cases([case]), "detection")["all"]
    # Both boxes have the score of their pair: half of the lesions at a precision of a half.
    assert row["ap_0.1"] == 1 and row["ap_0.3"] == 0.25


def test_a_moved_box_counts_with_the_score_of_its_pair():
    """The T2 box of the lesion was not found in T2 but moved there from T1."""
    values = score_cases([ScoredCase("a", [detection(1, 0, (0.9, None))], [lesion(1, 0)])])["values"]
    assert values["sensitivity_at_2fp"] == 1 and values["sensitivity_at_2fp_own_scores"] == 0.5
    assert values["judged"] == 1 and values["pairing_accuracy"] == 1


def test_a_box_on_a_lesion_that_an_image_does_not_show_is_neither_found_nor_false():
    case = ScoredCase("a", [detection(1, 50, (0.6, 0.5)), detection(2, 300, (0.7, 0.7))], [lesion(1, 50, only=Side.T2)])
    (row,) = score_cases([case])["cases"]
    assert (row["t1_boxes"], row["t1_found"], row["t1_false"]) == (0, 0, 1)
    assert (row["t2_boxes"], row["t2_found"], row["t2_false"]) == (1, 1, 1)
    both = ScoredCase("b", [detection(1, 50, (0.6, 0.5))], [lesion(1, 50, only=Side.T2), lesion(2, 51)])
    (row,) = score_cases([both])["cases"]
    assert (row["t1_boxes"], row["t1_found"], row["t1_false"]) == (1, 1, 0)  # it finds the other lesion there


def test_pairs_are_judged_at_the_operating_point():
    """Four false boxes per volume are better than the second lesion, whose partner is wrong."""
    false = [detection(n, 1000 + 50 * n, (0.5, 0.5)) for n in range(3, 7)]
    predicted = [detection(1, 0, (0.9, 0.9)), detection(2, 200, (0.4, None), z=90.0), *false]
    result = score_cases([ScoredCase("a", predicted, [lesion(1, 0), lesion(2, 200)])])
    assert 0.5 < result["values"]["score_threshold"] < 0.51
    assert result["values"]["pairing_accuracy"] == 1 and result["values"]["judged"] == 2
    (row,) = result["cases"]
    assert (row["t1_boxes"], row["t1_found"], row["t1_false"]) == (2, 1, 0)
    everything = score_cases([ScoredCase("a", predicted[:2], [lesion(1, 0), lesion(2, 200)])])["values"]
    assert everything["score_threshold"] == 0 and everything["pairing_accuracy"] == pytest.approx(2 / 3)


def test_the_operating_point_keeps_as_many_false_boxes_as_are_allowed():
    predicted = [detection(n, 100 * n, (n / 10, n / 10)) for n in range(1, 6)]
    matches = [ScoredCase("a", predicted, []).image(side).matches(0.1) for side in Side]
    for rate, kept in ((0.0, 0), (1.0, 2), (2.0, 4), (4.5, 8), (5.0, 10), (9.0, 10)):
        threshold = score_at_rate(matches, rate)
        assert sum(int((m.scores >= threshold).sum()) for m in matches) == kept
    assert score_at_rate([]) == 0


def test_sizes_given_go_before_those_of_the_boxes():
    case = replace(patients()[0], sizes_mm={"true-1": 25.0, "true-2": 12.0})
    table = rows(score_cases([case]), "detection")
    assert table["from 20 mm"]["lesions"] == 2 and table["10 to 20 mm"]["lesions"] == 2 and "0 to 10 mm" not in table
    pairs = rows(score_cases([case]), "pairing")
    assert pairs["from 20 mm"]["judged"] == 2 and pairs["10 to 20 mm"]["judged"] == 1


def test_pairing_by_kind_and_the_row_of_each_case():
    result = score_cases(patients())
    assert {name: row["judged"] for name, row in rows(result, "pairing").items()} == {
        "all": 3,
        "from 10 mm": 2,
        "0 to 10 mm": 1,
        "10 to 20 mm": 2,
        "HCC": 1,
        "cyst": 2,
    }
    first, second = result["cases"]
    assert (first["t1_boxes"], first["t1_found"], first["t1_false"]) == (2, 2, 1)
    assert (second["t1_boxes"], second["t1_found"], second["t1_false"]) == (0, 0, 0)
    assert (second["t2_boxes"], second["t2_found"], second["judged"]) == (1, 1, 0)
    assert math.isnan(second["pairing_accuracy"])


def test_small_lesions_alone_have_no_single_figures():
    values = score_cases([ScoredCase("a", [], [lesion(1, 0, side=6.0)])])["values"]
    assert math.isnan(values["sensitivity_at_2fp"]) and values["judged"] == 0


def test_nothing_to_find_is_said():
    for cases in ([], [ScoredCase("a", [detection(1, 0, (0.9, 0.8))], [])]):
        with pytest.raises(InputError, match="No case has a lesion"):
            score_cases(cases)
