"""Losses against a case computed by hand: 2 x 2 x 2 voxels, p = 0.8 in half of them and 0.25 in the others."""

import math

import pytest
import torch

from liverpair.segmentation.losses import binary_cross_entropy, dice_loss, sum_loss, surface_loss

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


def test_far_from_a_surface_the_surface_loss_is_the_sum_loss():
    target = torch.ones(1, 1, 4, 6, 6)
    logits = torch.full_like(target, 1.5)
    assert surface_loss(logits, target).item() == pytest.approx(sum_loss(logits, target).item(), abs=1e-6)


def test_a_wrong_voxel_costs_more_at_the_surface_than_far_from_it():
    """Half of the space is liver; three fifths of what surrounds the voxel at the border: it weighs 1 + 4 * 0.96."""
    target = torch.zeros(1, 1, 3, 5, 20)
    target[..., :10] = 1
    right = torch.where(target > 0.5, 30.0, -30.0)

    def cost(column: int) -> float:
        logits = right.clone()
        logits[0, 0, 1, 2, column] *= -1
        return surface_loss(logits, target).item() - dice_loss(logits, target).item()

    assert cost(9) / cost(2) == pytest.approx(1 + 4 * 4 * 0.6 * 0.4, rel=1e-4)


def test_the_surface_loss_knows_slices_too():
    target = torch.zeros(1, 1, 8, 8)
    target[..., :4] = 1
    assert torch.isfinite(surface_loss(torch.zeros_like(target), target))
