"""Losses against a case computed by hand: 2 x 2 x 2 voxels, p = 0.8 in half of them and 0.25 in the others."""

import math

import pytest
import torch

from liverpair.segmentation.losses import binary_cross_entropy, dice_loss, sum_loss

TARGET = torch.tensor([1.0, 1, 1, 0, 0, 0, 0, 0]).reshape(1, 1, 2, 2, 2)
PROBABILITY = torch.tensor([0.8, 0.8, 0.8, 0.8, 0.25, 0.25, 0.25, 0.25]).reshape(1, 1, 2, 2, 2)
LOGITS = torch.logit(PROBABILITY)

BCE = -(3 * math.log(0.8) + math.log(0.2) + 4 * math.log(0.75)) / 8
DICE = 1 - 2 * 2.4 / (3 + 4.2)


def test_binary_cross_entropy_counts_the_background_too():
    assert binary_cross_entropy(LOGITS, TARGET).item() == pytest.approx(BCE, abs=1e-6)


def test_dice_has_the_sum_in_its_denominator():
    assert dice_loss(LOGITS, TARGET).item() == pytest.approx(DICE, abs=1e-5)


def test_sum_weighs_both():
    assert sum_loss(LOGITS, TARGET, 1.0, 0.5).item() == pytest.approx(BCE + 0.5 * DICE, abs=1e-5)


def test_dice_is_the_mean_over_batch_and_channels():
    both = torch.cat([LOGITS, -LOGITS])
    targets = torch.cat([TARGET, TARGET])
    expected = (dice_loss(LOGITS, TARGET) + dice_loss(-LOGITS, TARGET)) / 2
    assert dice_loss(both, targets).item() == pytest.approx(expected.item(), abs=1e-6)


def test_an_empty_target_costs_what_is_predicted():
    empty = torch.zeros(1, 1, 2, 2, 2)
    assert dice_loss(torch.full_like(empty, -40), empty).item() == pytest.approx(0, abs=1e-5)
    assert dice_loss(torch.full_like(empty, 40), empty).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("loss", [binary_cross_entropy, dice_loss, sum_loss])
def test_gradients_agree_with_finite_differences(loss):
    logits = LOGITS.double().clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, TARGET.double()), logits)
