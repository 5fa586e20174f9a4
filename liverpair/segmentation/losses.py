"""Losses of liver segmentation (Couteaux 2021, section 2.2.3), as voxel means; those that a second network takes part
in are in `adversarial_losses`.

`logits` and `target` are (batch, channels, *space); `target` holds the fraction of each voxel that the structure fills.
"""

from typing import Literal

import torch
import torch.nn.functional as functional

EPSILON = 1e-6


def binary_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean of -[y log p + (1 - y) log(1 - p)]; the printed equation lacks its second term, without which p = 1
    everywhere is optimal.
    """
    return functional.binary_cross_entropy_with_logits(logits, target)


def dice_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over batch and channels of 1 - (2 Σ y p + ε) / (Σ y + Σ p + ε); the printed equation has a product in
    its denominator and no "1 -".
    """
    probability = logits.sigmoid()
    space = tuple(range(2, logits.ndim))
    overlap = (probability * target).sum(space)
    return (1 - (2 * overlap + EPSILON) / (probability.sum(space) + target.sum(space) + EPSILON)).mean()


def sum_loss(
    logits: torch.Tensor, target: torch.Tensor, bce_weight: float = 1.0, dice_weight: float = 1.0
) -> torch.Tensor:
    """λ_bce L_bce + λ_dice L_dice, both weights 1 as published."""
    return bce_weight * binary_cross_entropy(logits, target) + dice_weight * dice_loss(logits, target)


def surface_loss(logits: torch.Tensor, target: torch.Tensor, surface_weight: float = 4.0) -> torch.Tensor:
    """L_Dice plus a cross-entropy in which voxels near the structure's surface weigh up to 1 + `surface_weight`.

    Near is where the mean of the target over 3 voxels across slices and 5 within (on the last axes) is between 0 and 1.
    """
    mean = {4: functional.avg_pool2d, 5: functional.avg_pool3d}[target.ndim]
    size = (3, 5, 5)[5 - target.ndim :]
    near = mean(target, size, 1, tuple(n // 2 for n in size), count_include_pad=False)
    weight = 1 + surface_weight * 4 * near * (1 - near)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, weight=weight)
    return entropy + dice_loss(logits, target)


LossName = Literal["bce", "dice", "sum", "surface"]
LOSSES = {"bce": binary_cross_entropy, "dice": dice_loss, "sum": sum_loss, "surface": surface_loss}
