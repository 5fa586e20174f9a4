"""Targets against cases computed by hand."""

import math

import numpy as np
import pytest
import torch

from liverpair.detection.anchors import Anchors, make_anchors
from liverpair.detection.targets import Matching, PairTargets, assign, iou_matrix, nearest_boxes, pair_targets
from liverpair.measures.boxes import iou

NOWHERE = [[math.nan] * 2] * 2


def line(*bounds: tuple[float, float]) -> torch.Tensor:
    """Boxes (n, 2, 2) of height 1 with the given bounds along x."""
    return torch.tensor([[[0.0, low], [1.0, high]] for low, high in bounds]).reshape(-1, 2, 2)


def row_of_anchors(count: int = 4) -> Anchors:
    """Anchors of width 4 side by side, stride 4 along x: [0, 4], [4, 8] …"""
    return make_anchors((1, 4 * count), {1: (1, 4)}, [[1.0, 4.0]])


def test_iou_by_hand():
    overlaps = iou_matrix(line((0, 4)), line((0, 4), (2, 6), (4, 8), (1, 2)))
    assert overlaps.tolist() == [pytest.approx([1, 1 / 3, 0, 0.25])]


def test_iou_agrees_with_the_one_that_measures():
    rng = np.random.default_rng(0)
    boxes = np.sort(rng.uniform(0, 10, (2, 20, 2, 3)), axis=2)
    assert np.allclose(iou_matrix(*torch.tensor(boxes)).numpy(), iou(*boxes), atol=1e-6)


def test_boxes_without_volume_overlap_nothing():
    assert iou_matrix(line((0, 4)), line((2, 2), (3, 1), (math.nan, 2))).tolist() == [[0, 0, 0]]


def test_the_nearest_box_has_the_highest_iou():
    best, index = nearest_boxes(line((0, 4), (4, 8), (20, 24)), line((1, 5), (3, 9)))
    assert index.tolist() == [0, 1, -1]
    assert best.tolist() == pytest.approx([3 / 5, 4 / 6, 0])


def test_positive_from_sp_negative_to_sn_ignored_between():
    anchors = line((0, 4), (1, 5), (2, 6), (3, 7), (10, 14))
    state, index, best = assign(anchors, line((0, 4)), Matching(0.6, 1 / 3))
    assert best.tolist() == pytest.approx([1, 0.6, 1 / 3, 1 / 7, 0])
    assert state.tolist() == [1, 1, 0, 0, 0]
    assert assign(anchors, line((0, 4)), Matching(0.61, 0.2))[0].tolist() == [1, -1, -1, 0, 0]


def test_with_equal_thresholds_nothing_is_ignored():
    state, _, _ = assign(line((0, 4), (2, 6), (3, 7)), line((0, 4)), Matching(1 / 3, 1 / 3))
    assert state.tolist() == [1, 1, 0]


def test_a_small_box_is_lost_unless_its_best_anchor_is_forced():
    anchors, boxes = row_of_anchors().boxes, line((0, 4), (9, 10))
    assert assign(anchors, boxes, Matching(0.5, 0.4))[0].tolist() == [1, 0, 0, 0]
    state, index, best = assign(anchors, boxes, Matching(0.5, 0.4, force_best=True))
    assert state.tolist() == [1, 0, 1, 0]
    assert index[[0, 2]].tolist() == [0, 1]
    assert best[2].item() == pytest.approx(0.25)


def test_forcing_takes_no_anchor_from_another_box_and_none_out_of_reach():
    anchors = line((0, 4), (4, 8))
    state, index, _ = assign(anchors, line((0, 4), (1, 2), (3.5, 4.1)), Matching(0.5, 0.4, force_best=True))
    assert state.tolist() == [1, 1]
    assert index.tolist() == [0, 2]
    assert assign(anchors, line((50, 54)), Matching(0.5, 0.4, force_best=True))[0].tolist() == [0, 0]


def test_targets_of_a_pair_by_hand():
    boxes = torch.stack([line((0, 5)), line((9, 12))])
    targets = pair_targets(row_of_anchors(), boxes, Matching(0.5, 0.4))
    assert targets.labels.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]
    assert targets.deltas[0, 0].tolist() == [[0, 0], [0, 0.25]]
    assert targets.deltas[1, 2].tolist() == [[0, 0.25], [0, 0]]
    # Centers 2.5 and 10.5, eight image voxels apart, two voxels of a level with stride 4.
    assert targets.displacement[0, 0].tolist() == [0, 2]
    assert targets.displacement[1, 2].tolist() == [0, -2]
    assert torch.equal(targets.boxed, targets.labels > 0)
    assert torch.equal(targets.displaced, targets.labels > 0)


def test_a_lesion_whose_place_in_the_other_image_is_unknown_teaches_no_displacement():
    boxes = torch.stack([line((0, 4)), torch.tensor([NOWHERE])])
    targets = pair_targets(row_of_anchors(), boxes, Matching(0.5, 0.4))
    assert targets.labels.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    assert targets.boxed[0, 0] and not targets.displaced.any()
    assert targets.displacement.isfinite().all()


def test_a_lesion_that_one_image_does_not_show_still_has_a_displacement():
    boxes = torch.stack([line((0, 4)), line((8, 12))])
    targets = pair_targets(row_of_anchors(), boxes, Matching(0.5, 0.4), visible=torch.tensor([[True], [False]]))
    assert targets.labels.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    assert targets.displaced[0, 0] and targets.displacement[0, 0].tolist() == [0, 2]


def test_classes_and_the_right_lesion_after_hidden_ones():
    boxes = torch.stack([line((0, 4), (4, 8), (12, 16)), line((4, 8), (0, 4), (8, 12))])
    visible = torch.tensor([[False, True, True], [True, True, True]])
    targets = pair_targets(row_of_anchors(), boxes, Matching(0.5, 0.4), visible, torch.tensor([0, 1, 2]))
    assert targets.labels.tolist() == [[0, 2, 0, 3], [2, 1, 3, 0]]
    assert targets.displacement[0, [1, 3], 1].tolist() == [-1, -1]
    assert targets.displacement[1, :3, 1].tolist() == [1, -1, 1]


def test_shared_heads_learn_the_nearer_lesion_only():
    boxes = torch.stack([line((0, 4)), line((1, 5))])
    both = pair_targets(row_of_anchors(), boxes, Matching(0.5, 0.4))
    one = pair_targets(row_of_anchors(), boxes, Matching(0.5, 0.4, exclusive=True))
    assert both.boxed[:, 0].tolist() == [True, True]
    assert one.boxed[:, 0].tolist() == [True, False]
    assert one.labels[:, 0].tolist() == [1, 1]
    tie = pair_targets(row_of_anchors(), torch.stack([line((0, 4))] * 2), Matching(0.5, 0.4, exclusive=True))
    assert tie.boxed[:, 0].tolist() == [True, False]


def test_an_image_without_lesions_is_all_background():
    targets = pair_targets(row_of_anchors(), torch.empty(2, 0, 2, 2), Matching(0.5, 0.4, force_best=True))
    assert not targets.labels.any() and not targets.boxed.any()
    assert PairTargets.stack([targets, targets]).labels.shape == (2, 2, 4)


def test_thresholds_out_of_order_are_refused():
    with pytest.raises(ValueError, match="s_n"):
        Matching(0.3, 0.5)


def test_anchors_on_a_lesion_that_is_cut_are_neither_lesion_nor_background():
    anchors, boxes = row_of_anchors(4), torch.stack([line((0, 4), (9, 17))] * 2)
    visible = torch.tensor([[True, False], [True, True]])
    cut = torch.tensor([[False, True], [False, False]])
    labels = pair_targets(anchors, boxes, Matching(0.4, 0.3), visible, cut=cut).labels
    assert labels[0].tolist() == [1, 0, -1, -1]
    assert labels[1].tolist() == pair_targets(anchors, boxes, Matching(0.4, 0.3), visible).labels[1].tolist()
