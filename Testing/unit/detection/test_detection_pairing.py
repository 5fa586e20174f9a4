"""Suppression and linking: cases by hand, and properties under any input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from liverpair.detection.nms import nms
from liverpair.detection.pairing import Found, link, overlaps
from liverpair.measures.boxes import iou

THRESHOLD = 0.2


def squares(*corners: tuple[float, float], side: float = 4.0) -> np.ndarray:
    lower = np.array(corners, float).reshape(-1, 2)
    return np.stack([lower, lower + side], axis=1)


def found(boxes: np.ndarray, scores, displacements) -> Found:
    return Found(boxes, np.array(scores, float), np.array(displacements, float).reshape(-1, 2))


@st.composite
def sides(draw) -> Found:
    """Up to six boxes on a coarse raster, so that ties, copies and multiple overlaps are common."""
    count = draw(st.integers(0, 6))
    lower = draw(hnp.arrays(float, (count, 2), elements=st.integers(0, 6).map(float)))
    size = draw(hnp.arrays(float, (count, 2), elements=st.integers(1, 4).map(float)))
    scores = draw(hnp.arrays(float, count, elements=st.sampled_from([0.25, 0.5, 0.75, 1.0])))
    shifts = draw(hnp.arrays(float, (count, 2), elements=st.integers(-3, 3).map(float)))
    return Found(np.stack([lower, lower + size], axis=1), scores, shifts)


def permuted(side: Found, order) -> Found:
    return Found(side.boxes[order], side.scores[order], side.displacements[order])


def content(pairs) -> list[tuple]:
    """What a link says, without the rows that depend on the order of the input."""
    return sorted((p.boxes.tolist(), str(p.scores), str(p.overlaps), p.agreement) for p in pairs)


def test_suppression_by_hand():
    boxes = squares((0, 0), (0, 1), (0, 2), (10, 10))
    assert nms(boxes, [0.5, 0.9, 0.8, 0.1], 0.3).tolist() == [1, 3]
    assert nms(boxes, [0.9, 0.5, 0.8, 0.1], 0.34).tolist() == [0, 2, 3]


def test_an_overlap_of_exactly_the_threshold_stays():
    boxes = squares((0, 0), (0, 2))
    assert iou(boxes, boxes)[0, 1] == pytest.approx(1 / 3)
    assert nms(boxes, [1, 2], float(iou(boxes, boxes)[0, 1])).tolist() == [1, 0]


@given(sides(), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_what_suppression_keeps(side, threshold):
    kept = nms(side.boxes, side.scores, threshold)
    dropped = set(range(len(side))) - set(kept)
    overlap = iou(side.boxes, side.boxes)
    assert sorted(side.scores[kept], reverse=True) == side.scores[kept].tolist()
    assert all(overlap[a, b] <= threshold for a in kept for b in kept if a != b)
    assert all(any(overlap[d, k] > threshold and side.scores[k] >= side.scores[d] for k in kept) for d in dropped)


def test_boxes_that_both_point_at_each_other():
    first = found(squares((0, 0)), [0.9], [(5, 5)])
    second = found(squares((5, 6)), [0.7], [(-5, -5)])
    (pair,) = link(first, second, THRESHOLD)
    assert pair.rows == (0, 0) and pair.scores == (0.9, 0.7) and pair.agreement == "both"
    assert pair.predicted.tolist() == [5, 5] and pair.score == 0.9  # not (5, 6), where the box was found
    assert pair.overlaps == pytest.approx((12 / 20, 12 / 20))


@pytest.mark.parametrize(("there", "back"), [((5, 5), (0, 0)), ((0, 0), (-5, -5))])
def test_one_direction_is_enough(there, back):
    (pair,) = link(found(squares((0, 0)), [0.9], [there]), found(squares((5, 5)), [0.7], [back]), THRESHOLD)
    assert pair.agreement == "one" and pair.rows == (0, 0)
    assert pair.predicted.tolist() == [2.5, 2.5]  # the mean of both


def test_a_box_alone_is_completed_by_its_moved_self():
    (pair,) = link(found(squares((0, 0)), [0.9], [(5, 6)]), Found.none(2), THRESHOLD)
    assert pair.boxes.tolist() == [[[0, 0], [4, 4]], [[5, 6], [9, 10]]]
    assert pair.rows == (0, None) and pair.scores == (0.9, None) and pair.agreement == "moved"
    (pair,) = link(Found.none(2), found(squares((0, 0)), [0.9], [(5, 6)]), THRESHOLD)
    assert pair.boxes.tolist() == [[[5, 6], [9, 10]], [[0, 0], [4, 4]]]
    assert pair.rows == (None, 0) and pair.predicted.tolist() == [-5, -6]


def test_nothing_on_both_sides():
    assert link(Found.none(3), Found.none(3), THRESHOLD) == []


def test_an_overlap_of_exactly_the_threshold_does_not_link():
    first, second = found(squares((0, 0)), [0.9], [(0, 0)]), found(squares((0, 2)), [0.8], [(9, 9)])
    limit = float(overlaps(first, second)[0][0, 0])
    assert len(link(first, second, limit)) == 2
    assert len(link(first, second, limit - 1e-9)) == 1


def test_one_box_that_overlaps_many_takes_the_best_and_leaves_the_rest():
    large = Found(np.array([[[0.0, 0.0], [6.0, 6.0]]]), np.array([0.9]), np.zeros((1, 2)))
    many = found(squares((0, 0), (1, 1), (2, 2), side=4), [0.5, 0.6, 0.7], [(20, 20)] * 3)
    boxes = np.concatenate([many.boxes, [[[0.0, 0.0], [5.0, 6.0]]]])
    better = Found(boxes, np.append(many.scores, 0.1), np.full((4, 2), 20.0))
    pairs = link(large, better, THRESHOLD)
    assert [p.rows for p in pairs if p.agreement != "moved"] == [(0, 3)]
    assert sorted(p.rows[1] for p in pairs if p.agreement == "moved") == [0, 1, 2]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_higher_score_wins_a_tie_whatever_the_order(order):
    first = permuted(found(squares((0, 0), (0, 2)), [0.9, 0.8], [(0, 0), (0, 0)]), order)
    pairs = link(first, found(squares((0, 1)), [0.5], [(50, 50)]), THRESHOLD)
    assert [(p.scores, p.agreement) for p in pairs] == [((0.9, 0.5), "one"), ((0.8, None), "moved")]


def test_the_assignment_is_the_best_as_a_whole():
    """Greedy linking would take the best overlap, (0, 0), and leave the others without partner."""
    first = found(squares((0, 0), (0, 2)), [0.9, 0.8], [(0, 0), (0, 0)])
    second = found(squares((0, 1.2), (0, -2.4)), [0.9, 0.8], [(50, 50), (50, 50)])
    forward, _ = overlaps(first, second)
    assert forward[0, 0] > forward[0, 1] > THRESHOLD < forward[1, 0] and forward[1, 1] == 0
    assert sorted(p.rows for p in link(first, second, THRESHOLD)) == [(0, 1), (1, 0)]


@settings(max_examples=50)
@given(sides(), sides())
def test_every_box_comes_out_once_and_links_are_one_to_one(first, second):
    pairs = link(first, second, THRESHOLD)
    for image, side in ((0, first), (1, second)):
        detected = [p for p in pairs if p.rows[image] is not None]
        assert sorted(p.rows[image] for p in detected) == list(range(len(side)))
        assert all(p.boxes[image].tolist() == side.boxes[p.rows[image]].tolist() for p in detected)
        assert all((p.scores[image] is None) == (p.rows[image] is None) for p in pairs)


@settings(max_examples=50)
@given(sides(), sides())
def test_links_overlap_and_no_link_is_forgotten(first, second):
    pairs = link(first, second, THRESHOLD)
    forward, backward = overlaps(first, second)
    possible = np.maximum(forward, backward) > THRESHOLD
    for pair in pairs:
        if pair.agreement != "moved":
            assert possible[pair.rows]
            assert (pair.agreement == "both") == (min(pair.overlaps) > THRESHOLD)
    alone = [[p.rows[i] for p in pairs if p.agreement == "moved" and p.rows[i] is not None] for i in (0, 1)]
    assert not possible[np.ix_(*alone)].any()
    scores = [p.score for p in pairs]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=50)
@given(sides(), sides(), st.randoms(use_true_random=False))
def test_the_order_of_the_boxes_does_not_matter(first, second, random):
    orders = [random.sample(range(len(side)), len(side)) for side in (first, second)]
    shuffled = [permuted(side, order) for side, order in zip((first, second), orders)]
    assert content(link(*shuffled, THRESHOLD)) == content(link(first, second, THRESHOLD))


@settings(max_examples=50)
@given(sides(), sides())
def test_swapping_the_images_keeps_the_total_overlap(first, second):
    def total(pairs) -> float:
        return sum(value for p in pairs if p.agreement != "moved" for value in p.overlaps if value > THRESHOLD)

    assert total(link(second, first, THRESHOLD)) == pytest.approx(total(link(first, second, THRESHOLD)))


@given(sides())
def test_a_perfect_displacement_links_every_box_with_its_image(side):
    kept = permuted(side, nms(side.boxes, side.scores, 0.0))
    there = Found(kept.moved, kept.scores, -kept.displacements)
    pairs = link(kept, there, THRESHOLD)
    total = sum(sum(p.overlaps) for p in pairs if p.agreement != "moved")
    assert total >= 2 * len(kept) - 1e-9


def test_enlarged_boxes_link_where_a_move_goes_past():
    here, there = squares((0, 0)), squares((5, 0))
    sides = found(here, [0.9], [(0, 0)]), found(there, [0.8], [(0, 0)])
    assert len(link(*sides, THRESHOLD)) == 2
    (pair,) = link(*sides, THRESHOLD, growth=2.0)
    assert pair.rows == (0, 0)
    # Sides of 8, 5 apart: 3 · 8 shared of 2 · 64 - 24.
    np.testing.assert_allclose(pair.overlaps, 24 / 104)
    np.testing.assert_array_equal(pair.boxes, [here[0], there[0]])
