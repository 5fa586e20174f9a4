"""Targets that a network makes for itself on pairs that nobody annotated."""

import math

import torch

from liverpair.detection.anchors import make_anchors
from liverpair.detection.consistency import consistency_targets
from liverpair.detection.losses import DetectionLoss
from liverpair.networks.retina import RetinaOutput

ANCHORS = make_anchors((8, 16), {1: (2, 4), 2: (4, 8)}, [[2.0, 4.0], [4.0, 8.0]])
"""Level 1: 4 × 4 positions, rows 0 to 31; level 2: 2 × 2 positions, rows 32 to 39."""


def answer() -> RetinaOutput:
    count = len(ANCHORS)
    return RetinaOutput(torch.full((2, count, 1), -5.0), torch.zeros(2, count, 2, 2), torch.zeros(2, count, 2))


def row(y: int, x: int, size: int) -> int:
    return (y * 4 + x) * 2 + size


def test_a_found_box_teaches_the_other_image_where_it_was_moved_to():
    output = answer()
    start, end = row(1, 0, 1), row(2, 2, 1)
    output.logits[0, start] = 2
    output.deltas[0, start] = torch.tensor([[0.25, 0.0], [0.0, 0.5]])
    output.displacement[0, start] = torch.tensor([1.2, 1.6])
    targets = consistency_targets(output, ANCHORS)
    assert targets.labels[1].nonzero().numel() == len(ANCHORS)
    assert (targets.labels[1] > 0).nonzero()[:, 0].tolist() == [end]
    assert (targets.labels[0] == -1).all()
    # The anchor at (1, 0) is [1, 5] × [-2, 6]; the box [2, 5] × [-2, 10] moves by 2.4 and 6.4 image voxels; the
    # anchor at (2, 2) is [3, 7] × [6, 14].
    expected = torch.tensor([[(4.4 - 3) / 4, (4.4 - 6) / 8], [(7.4 - 7) / 4, (16.4 - 14) / 8]])
    assert torch.allclose(targets.deltas[1, end], expected, atol=1e-6)
    assert torch.allclose(targets.displacement[1, end], torch.tensor([-1.2, -1.6]))


def test_both_images_teach():
    output = answer()
    output.logits[1, 32] = 2
    output.displacement[1, 32] = torch.tensor([1.0, 1.0])
    targets = consistency_targets(output, ANCHORS)
    assert (targets.labels[0] > 0).nonzero()[:, 0].tolist() == [38]
    assert (targets.labels[1] == -1).all()


def test_what_leaves_the_image_teaches_nothing():
    output = answer()
    output.logits[0, [0, 38]] = 2
    output.displacement[0, 0] = torch.tensor([0.0, -1.0])
    output.displacement[0, 38] = torch.tensor([0.0, 1.0])
    assert not (consistency_targets(output, ANCHORS).labels > 0).any()


def test_the_highest_score_teaches_where_several_meet():
    output = answer()
    for x, score, shift in ((0, 1.0, 1.3), (2, 3.0, -1.0), (1, 2.0, 0.4)):
        output.logits[0, row(0, x, 0)] = score
        output.displacement[0, row(0, x, 0)] = torch.tensor([0.0, shift])
    targets = consistency_targets(output, ANCHORS)
    assert (targets.labels[1] > 0).nonzero()[:, 0].tolist() == [row(0, 1, 0)]
    assert targets.displacement[1, row(0, 1, 0)].tolist() == [0, 1]


def test_the_threshold_and_boxes_turned_inside_out():
    output = answer()
    output.logits[0, 0] = math.log(3)  # probability 0.75
    assert (consistency_targets(output, ANCHORS, 0.7).labels[1] > 0).any()
    assert not (consistency_targets(output, ANCHORS, 0.8).labels > 0).any()
    output.deltas[0, 0, 0] = 2.0
    assert not (consistency_targets(output, ANCHORS, 0.7).labels > 0).any()


def test_a_consistent_pair_costs_no_box_and_no_displacement():
    output = answer()
    output.logits[0, row(1, 1, 0)] = output.logits[1, row(2, 3, 0)] = 20
    output.displacement[0, row(1, 1, 0)] = torch.tensor([1.0, 2.0])
    output.displacement[1, row(2, 3, 0)] = torch.tensor([-1.0, -2.0])
    targets = consistency_targets(output, ANCHORS)
    assert (targets.labels > 0).sum() == 2
    assert all(part < 1e-6 for part in DetectionLoss()(output, targets).values())


def test_gradients_reach_the_taught_image_only():
    output = answer()
    output.logits[0, row(1, 1, 0)] = 2
    output.displacement[0, row(1, 1, 0)] = torch.tensor([1.0, 2.3])
    for values in (output.logits, output.deltas, output.displacement):
        values.requires_grad_()
    sum(DetectionLoss()(output, consistency_targets(output, ANCHORS)).values()).backward()
    for values in (output.logits, output.deltas, output.displacement):
        assert not values.grad[0].any() and values.grad[1].any()
