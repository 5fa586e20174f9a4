"""Whether an engine gives the same answer as PyTorch in single precision."""

from dataclasses import dataclass

import torch

MINIMUM_DICE = 0.999
MAXIMUM_CHANGED_FRACTION = 0.001
MAXIMUM_PROBABILITY_DIFFERENCE = {"fp32": 0.02, "bf16": 0.3, "fp16": 0.3}
"""At any one voxel. In half precision a voxel on an edge may move this far while hardly any mask voxel changes."""


@dataclass(frozen=True)
class Agreement:
    """How far two engines' outputs on one image are apart.

    `probability_difference` is the largest difference of sigmoid probabilities; `changed_voxels` counts voxels that are
    in one mask (probability above 0.5) and not in the other, of `voxels`; `mask_voxels` is the sum of both masks'
    sizes.
    """

    finite: bool
    probability_difference: float
    changed_voxels: int
    mask_voxels: int
    voxels: int

    @property
    def dice(self) -> float:
        """Dice coefficient between the two masks; 1 if both are empty."""
        return 1 - self.changed_voxels / self.mask_voxels if self.mask_voxels else 1.0

    @property
    def informative(self) -> bool:
        """Whether there was a mask large enough to see a Dice of `MINIMUM_DICE` missed."""
        return self.mask_voxels * (1 - MINIMUM_DICE) >= 1

    def acceptable(self, precision: str) -> bool:
        """Whether the masks are the same for all purposes. One changed voxel is allowed even in a tiny mask."""
        return (
            self.finite
            and self.probability_difference <= MAXIMUM_PROBABILITY_DIFFERENCE[precision]
            and self.changed_voxels <= max(1, MAXIMUM_CHANGED_FRACTION * self.voxels)
            and self.changed_voxels <= max(1, (1 - MINIMUM_DICE) * self.mask_voxels)
        )

    def __str__(self) -> str:
        if not self.finite:
            return "its output is not finite"
        return f"Dice {self.dice:.4f}, probabilities up to {self.probability_difference:.3f} apart"


def compare(reference: torch.Tensor, logits: torch.Tensor) -> Agreement:
    """Agreement of logits with reference logits. Raises `ValueError` if their shapes differ."""
    if reference.shape != logits.shape:
        raise ValueError(f"its output has the shape {tuple(logits.shape)}, not {tuple(reference.shape)}")
    reference, logits = reference.float().cpu(), logits.float().cpu()
    expected, found = reference > 0, logits > 0
    return Agreement(
        finite=bool(torch.isfinite(logits).all()),
        probability_difference=float((reference.sigmoid() - logits.sigmoid()).abs().max()),
        changed_voxels=int((expected != found).sum()),
        mask_voxels=int(expected.sum() + found.sum()),
        voxels=reference.numel(),
    )
