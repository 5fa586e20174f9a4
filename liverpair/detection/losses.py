"""Losses of paired detection (Couteaux 2021, section 4.2.2)."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as functional

from liverpair.detection.targets import IGNORED, PairTargets
from liverpair.networks.retina import RetinaOutput
from liverpair.segmentation.losses import sum_loss


def focal_loss(logits: torch.Tensor, target: torch.Tensor, gamma: float = 2.0) -> torch.Tensor:
    """Focal loss (Lin et al. 2017) of every element, without class weights: -(1-q)^γ log q where `target` is 1, -q^γ
    log(1-q) where it is 0.

    q = sigmoid(logits). With γ = 0 it is binary cross-entropy.
    """
    toward = torch.where(target > 0.5, logits, -logits)
    return torch.sigmoid(-toward) ** gamma * functional.softplus(-toward)


def smooth_l1(prediction: torch.Tensor, target: torch.Tensor, threshold: float = 1 / 9) -> torch.Tensor:
    """Huber loss of every element: ½e² where |e| < α, else α(|e| - α/2), with α = `threshold`."""
    return functional.huber_loss(prediction, target, reduction="none", delta=threshold)


def displacement_loss(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Squared length (...) of the difference of vectors (..., d)."""
    return (prediction - target).square().sum(dim=-1)


@dataclass(frozen=True)
class DetectionLoss:
    """The parts of the loss and their weights.

    `gamma`: of the focal loss. `box_threshold`: α of the smooth L1, in anchor sides. The source leaves α, weights and
    normalization open: each part is a sum divided by the number of positive anchors that it counts, at least 1.
    `displacement_unit`: whether a displacement errs in voxels of its level, as published, or in those of the image,
    where a millimeter costs the same for large lesions and small ones.
    """

    gamma: float = 2.0
    box_threshold: float = 1 / 9
    classification_weight: float = 1.0
    box_weight: float = 1.0
    displacement_weight: float = 1.0
    segmentation_weight: float = 1.0
    displacement_unit: Literal["level", "image"] = "level"

    def __call__(
        self, output: RetinaOutput, targets: PairTargets, strides: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Weighted `classification`, `box` and `displacement` losses, whose sum is to be minimized.

        `output` and `targets` have the same leading axes; `strides` (anchors, axis): image voxels per voxel of each
        anchor's level, for a displacement in voxels of the image. Computed in single precision.
        """
        logits, deltas, displacement = (t.float() for t in (output.logits, output.deltas, output.displacement))
        counted = targets.labels != IGNORED
        unit = strides.expand_as(displacement)[targets.displaced] if self.displacement_unit == "image" else 1.0
        wanted = torch.arange(1, logits.shape[-1] + 1, device=logits.device) == targets.labels.unsqueeze(-1)
        return {
            "classification": self.classification_weight
            * focal_loss(logits[counted], wanted[counted].float(), self.gamma).sum()
            / (targets.labels > 0).sum().clamp(min=1),
            "box": self.box_weight
            * smooth_l1(deltas[targets.boxed], targets.deltas[targets.boxed], self.box_threshold).sum()
            / targets.boxed.sum().clamp(min=1),
            "displacement": self.displacement_weight
            * displacement_loss(
                unit * displacement[targets.displaced], unit * targets.displacement[targets.displaced]
            ).sum()
            / targets.displaced.sum().clamp(min=1),
        }

    def segmentation(self, logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """Weighted cross-entropy plus Dice loss of the auxiliary voxel segmentation (batch, channels, *space) (Jaeger
        et al. 2020)."""
        return self.segmentation_weight * sum_loss(logits.float(), masks)
