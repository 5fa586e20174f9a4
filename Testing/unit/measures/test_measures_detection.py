"""Overlap of boxes, FROC and average precision against cases computed by hand."""

import math

import numpy as np
import pytest
from bright_box import direction
from hypothesis import given
from hypothesis import strategies as st

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.measures.boxes import bounds_mm, iou, iou_mm, turned
from liverpair.measures.froc import (
    ImageResult,
    Matches,
    average_precision,
    detection_measures,
    froc,
    froc_curve,
    match,
    match_boxes,
    precision,
    sensitivity,
)

TWO = [
    match(np.array([[0.5, 0], [0.6, 0], [0, 0.05], [0, 0.4]]), [0.9, 0.8, 0.7, 0.6], 0.1),
    match(np.array([[0.3], [0]]), [0.4, 0.85], 0.1),
]
"""Image A: lesion 0 is found at 0.9, again (false) at 0.8; false at 0.7; lesion 1 at 0.6. Image B: found at 0.4,
false at 0.85."""


def test_iou_by_hand():
    cube = np.array([[[0, 0, 0], [2, 2, 2]]])
    others = np.array([[[1, 1, 1], [3, 3, 3]], [[0, 0, 0], [2, 2, 1]], [[2, 0, 0], [4, 2, 2]], [[1, 1, 1], [1, 2, 2]]])
    assert iou(cube, others).tolist() == [pytest.approx([1 / 15, 0.5, 0, 0])]
    assert iou(cube[:0], others).shape == (0, 4) and iou(cube, others[:0]).shape == (1, 0)


def test_boxes_on_permuted_and_flipped_axes_are_turned_exactly():
    axes = (0.0, 1, 0, 0, 0, -1, 1, 0, 0)
    box = Box((1, 2, 3), (10.0, 20.0, 30.0))
    assert turned(box, axes).size_mm == pytest.approx((30, 10, 20))
    back = turned(turned(box, axes), box.direction)
    assert back.size_mm == pytest.approx(box.size_mm) and back.center_mm == box.center_mm


@given(st.tuples(*[st.floats(-180, 180)] * 3))
def test_a_cube_stays_itself_on_any_axes(degrees):
    box = Box((4.0, -5.0, 6.0), (12.0, 12.0, 12.0))
    other = turned(box, direction(degrees).ravel())
    assert other.size_mm == pytest.approx(box.size_mm)
    assert iou_mm([box], [other])[0, 0] == pytest.approx(1)


@given(st.tuples(*[st.floats(-180, 180)] * 3))
def test_overlap_does_not_depend_on_the_axes_that_boxes_share(degrees):
    axes = direction(degrees)
    boxes = [Box(tuple(axes @ center), (4.0, 6.0, 8.0), tuple(axes.ravel())) for center in ([0, 0, 0], [2.0, 0, 0])]
    assert iou_mm(boxes[:1], boxes[1:])[0, 0] == pytest.approx(1 / 3)


def test_bounds_in_mm():
    assert bounds_mm([Box((1, 2, 3), (2.0, 4.0, 6.0))]).tolist() == [[[0, 0, 0], [2, 4, 6]]]
    assert bounds_mm([]).shape == (0, 2, 3) and iou_mm([], [Box((0, 0, 0), (1.0, 1, 1))]).shape == (0, 1)


def test_a_lesion_is_found_once_by_its_best_score():
    assert TWO[0].found.tolist() == [0, -1, -1, 1]
    assert TWO[0].iou.tolist() == [0.5, 0, 0, 0.4]
    assert sensitivity(TWO) == 1 and sensitivity(TWO, 0.5) == pytest.approx(2 / 3)
    assert precision(TWO) == 0.5 and precision(TWO, 0.85) == 0.5 and math.isnan(precision(TWO, 2))


def test_a_prediction_takes_the_lesion_it_overlaps_most_of_those_left():
    assert match(np.array([[0.3, 0.5], [0.4, 0.6]]), [0.5, 0.9], 0.1).found.tolist() == [0, 1]
    assert match(np.array([[0.3, 0.5], [0.4, 0.6]]), [0.5, 0.9], 0.35).found.tolist() == [-1, 1]
    assert match(np.zeros((1, 1)), [0.5], 0.0).found.tolist() == [-1]


def test_images_without_boxes_or_lesions():
    nothing = np.empty((0, 2, 3))
    one = np.array([[[0.0, 0, 0], [1, 1, 1]]])
    assert match_boxes(nothing, [], one, 0.1).lesions == 1
    assert match_boxes(one, [0.5], nothing, 0.1).found.tolist() == [-1]
    assert math.isnan(sensitivity([match_boxes(one, [0.5], nothing, 0.1)]))
    assert froc([match_boxes(nothing, [], one, 0.1)])["mean"] == 0
    with pytest.raises(InputError, match="at least one image with a lesion"):
        froc([match_boxes(one, [0.5], nothing, 0.1)])


def test_the_froc_curve_has_every_threshold():
    rates, values = froc_curve(TWO)
    assert rates.tolist() == [1.5, 1.5, 1.5, 1, 0.5, 0, 0]
    assert values == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 0])


def test_froc_by_hand():
    values = froc(TWO, (0.125, 1, 1.25, 2))
    assert values == pytest.approx({"0.125": 1 / 3, "1": 1 / 3, "1.25": 1 / 3, "2": 1, "mean": (1 + 1 / 3 * 3) / 4})
    assert list(froc(TWO)) == ["0.125", "0.25", "0.5", "1", "2", "4", "8", "mean"]


def test_average_precision_by_hand():
    # By falling score: a hit, three false, two hits: precision 1, then 3 of 6 from the second hit on.
    assert average_precision(TWO) == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert math.isnan(average_precision([])) and average_precision([Matches(*[np.empty(0)] * 3, 4)]) == 0


def test_equal_scores_enter_together():
    hits = [np.array([0, -1]), np.array([-1, 0])]
    values = {average_precision([Matches(np.array([0.5, 0.5]), found, np.zeros(2), 1)]) for found in hits}
    assert values == {0.5}


def test_a_subset_of_lesions_forgives_what_finds_the_others():
    part = TWO[0].only(np.array([False, True]))
    assert part.found.tolist() == [-1, -1, 0] and part.scores.tolist() == [0.8, 0.7, 0.6] and part.lesions == 1
    assert TWO[0].only(np.array([False, False])).lesions == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=20), st.integers(1, 4))
def test_froc_and_average_precision_lie_between_0_and_1_and_froc_rises(predictions, images):
    hits = np.array([hit for _, hit in predictions], bool)
    found = np.where(hits, np.cumsum(hits) - 1, -1) if len(hits) else np.empty(0, int)
    first = Matches(np.array([s for s, _ in predictions]), found, np.zeros(len(found)), max(1, int(hits.sum())))
    cases = [first] + [Matches(*[np.empty(0)] * 3, 0)] * (images - 1)
    values = [v for key, v in froc(cases).items() if key != "mean"]
    assert values == sorted(values) and values[0] >= 0 and values[-1] <= 1
    assert 0 <= average_precision(cases) <= 1


def test_the_table_has_rows_by_size_and_by_kind():
    images = [
        ImageResult(np.array([[0.5, 0], [0, 0.5], [0, 0]]), [0.9, 0.3, 0.5], [8.0, 25.0], ["cyst", "HCC"]),
        ImageResult(np.empty((0, 1)), [], [12.0], ["cyst"]),
    ]
    rows = {row["group"]: row for row in detection_measures(images)}
    assert list(rows) == ["all", "from 10 mm", "from 20 mm", "0 to 10 mm", "10 to 20 mm", "HCC", "cyst"]
    assert [row["lesions"] for row in rows.values()] == [3, 2, 1, 1, 1, 1, 2]
    assert rows["all"]["sensitivity_at_2"] == pytest.approx(2 / 3)
    assert rows["0 to 10 mm"]["sensitivity_at_0.125"] == 1 and rows["10 to 20 mm"]["sensitivity_at_8"] == 0
    assert rows["from 20 mm"]["ap"] == pytest.approx(0.5) and rows["cyst"]["ap"] == pytest.approx(0.5)
    strict = {row["group"]: row for row in detection_measures(images, minimum_iou=0.6)}
    assert strict["all"]["sensitivity_at_8"] == 0
