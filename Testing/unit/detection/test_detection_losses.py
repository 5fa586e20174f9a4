"""Losses against values computed by hand, and their gradients against finite differences."""

import math

import pytest
import torch
import torch.nn.functional as functional

from liverpair.detection.losses import DetectionLoss, displacement_loss, focal_loss, smooth_l1
from liverpair.detection.targets import PairTargets
from liverpair.networks.retina import RetinaOutput


def logit(*probabilities: float) -> torch.Tensor:
    return torch.logit(torch.tensor(probabilities, dtype=torch.float64))


def test_focal_loss_by_hand():
    loss = focal_loss(logit(0.8, 0.8, 0.25), torch.tensor([1.0, 0, 0]), gamma=2.0)
    expected = [-(0.2**2) * math.log(0.8), -(0.8**2) * math.log(0.2), -(0.25**2) * math.log(0.75)]
    assert loss.tolist() == pytest.approx(expected)


def test_focal_loss_without_focus_is_cross_entropy():
    logits, target = torch.linspace(-9, 9, 19), (torch.arange(19) % 2).float()
    expected = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    assert torch.allclose(focal_loss(logits, target, gamma=0.0), expected, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_loss_of_extreme_logits_is_finite(gamma):
    logits = torch.tensor([-200.0, 200.0, -200.0, 200.0], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([1.0, 1, 0, 0]), gamma)
    loss.sum().backward()
    assert loss.tolist() == pytest.approx([200, 0, 0, 200])
    assert logits.grad.isfinite().all()


def test_smooth_l1_by_hand():
    error = torch.tensor([0.05, -0.05, 0.1, 0.5, -1.0])
    expected = [0.00125, 0.00125, 0.1 * 0.05, 0.1 * 0.45, 0.1 * 0.95]
    assert smooth_l1(error, torch.zeros(5), threshold=0.1).tolist() == pytest.approx(expected)


def test_displacement_loss_by_hand():
    loss = displacement_loss(torch.tensor([[1.0, 2, 3], [0, 0, 0]]), torch.tensor([[1.0, 0, 0], [0, 0, 2]]))
    assert loss.tolist() == [13, 4]


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: focal_loss(x, torch.tensor([1.0, 0, 1, 0]).double(), 2.0),
        lambda x: smooth_l1(x, torch.tensor([0.0, 0.5, 1, 3]).double(), 0.4),
        lambda x: displacement_loss(x.reshape(2, 2), torch.tensor([[0.0, 0.5], [1, 3]]).double()),
    ],
)
def test_gradients_agree_with_finite_differences(loss):
    values = torch.tensor([0.3, -1.2, 2.0, 0.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, values)


def case() -> tuple[RetinaOutput, PairTargets]:
    """One axis, three anchors: image 0 has a positive, an ignored and a negative one, image 1 two positive ones, one
    of them without partner."""
    logits = torch.logit(torch.tensor([[0.8, 0.9, 0.25], [0.5, 0.6, 0.1]])).unsqueeze(-1)
    deltas = torch.zeros(2, 3, 2, 1)
    displacement = torch.zeros(2, 3, 1)
    labels = torch.tensor([[1, -1, 0], [1, 1, 0]])
    boxed = labels > 0
    displaced = torch.tensor([[True, False, False], [True, False, False]])
    targets = PairTargets(labels, torch.full((2, 3, 2, 1), 0.5), boxed, torch.full((2, 3, 1), 2.0), displaced)
    return RetinaOutput(logits, deltas, displacement), targets


def test_the_whole_loss_by_hand():
    output, targets = case()
    parts = DetectionLoss(gamma=2.0, box_threshold=0.1)(output, targets)
    positive = [0.2**2 * math.log(0.8), 0.5**2 * math.log(0.5), 0.4**2 * math.log(0.6)]
    negative = [0.25**2 * math.log(0.75), 0.1**2 * math.log(0.9)]
    assert parts["classification"].item() == pytest.approx(-(sum(positive) + sum(negative)) / 3, rel=1e-5)
    assert parts["box"].item() == pytest.approx(2 * 0.1 * 0.45)
    assert parts["displacement"].item() == pytest.approx(4.0)


def test_weights_scale_their_part():
    output, targets = case()
    plain = DetectionLoss()(output, targets)
    weighed = DetectionLoss(classification_weight=2, box_weight=3, displacement_weight=0)(output, targets)
    ratios = {name: (weighed[name] / plain[name]).item() for name in plain}
    assert ratios == pytest.approx({"classification": 2, "box": 3, "displacement": 0})


def test_a_displacement_may_err_in_voxels_of_the_image():
    output, targets = case()
    strides = torch.tensor([[1.0], [2.0], [4.0]])
    assert DetectionLoss()(output, targets, strides)["displacement"].item() == pytest.approx(4.0)
    coarse = torch.tensor([[3.0], [2.0], [4.0]])
    in_image = DetectionLoss(displacement_unit="image")
    assert in_image(output, targets, coarse)["displacement"].item() == pytest.approx(36.0)


def test_classes_are_told_apart():
    output, targets = case()
    logits = torch.tensor([0.0, 8.0]).expand(2, 3, 2)
    second = PairTargets(torch.full((2, 3), 2), targets.deltas, targets.boxed, targets.displacement, targets.displaced)
    first = PairTargets(torch.full((2, 3), 1), targets.deltas, targets.boxed, targets.displacement, targets.displaced)
    answer = RetinaOutput(logits, output.deltas, output.displacement)
    assert DetectionLoss()(answer, second)["classification"] < DetectionLoss()(answer, first)["classification"]


def test_without_lesions_only_classification_costs():
    output, targets = case()
    empty = torch.zeros(2, 3, dtype=torch.bool)
    nothing = PairTargets(torch.zeros(2, 3, dtype=torch.long), targets.deltas, empty, targets.displacement, empty)
    parts = DetectionLoss()(output, nothing)
    assert parts["box"] == 0 and parts["displacement"] == 0 and parts["classification"] > 0


def test_what_is_not_a_target_gets_no_gradient():
    output, targets = case()
    for values in (output.logits, output.deltas, output.displacement):
        values.requires_grad_()
    sum(DetectionLoss()(output, targets).values()).backward()
    assert (output.logits.grad[..., 0] != 0).tolist() == [[True, False, True], [True, True, True]]
    assert torch.equal(output.deltas.grad.abs().sum((-1, -2)) > 0, targets.boxed)
    assert torch.equal(output.displacement.grad.abs().sum(-1) > 0, targets.displaced)


def test_the_auxiliary_segmentation_is_cross_entropy_plus_dice():
    masks = torch.tensor([1.0, 1, 0, 0]).reshape(1, 1, 2, 2)
    logits = torch.logit(torch.tensor([0.8, 0.5, 0.5, 0.25])).reshape(1, 1, 2, 2)
    expected = -math.log(0.8 * 0.5 * 0.5 * 0.75) / 4 + 1 - 2 * 1.3 / (2 + 2.05)
    loss = DetectionLoss(segmentation_weight=2).segmentation(logits, masks)
    assert loss.item() == pytest.approx(2 * expected, rel=1e-4)
