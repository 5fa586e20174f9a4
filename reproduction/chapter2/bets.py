"""Where a gambler bets: its map on a real volume, and how much of it lies on the border of the liver."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from scipy.ndimage import distance_transform_edt

from liverpair.bundle import Bundle
from liverpair.bundle.strategies import Pass
from liverpair.core.sides import Side
from liverpair.segmentation.channels import channels_of
from liverpair.segmentation.prediction import grid_policy, normalization
from liverpair.segmentation.preparation import prepare_labels
from reproduction.training.adversarial import AdversarialLiversTask

BORDER_MM = 6.0
"""How far a voxel's center may lie from the nearest one on the other side of the border to lie at the border."""


@dataclass(frozen=True)
class Wager:
    """The bets on one volume on its working grid, arrays (z, y, x).

    `image` in [0, 1]; `reference` and `predicted`: masks; `bets`: at least 0, their mean 1; `spacing_mm` (x, y, z).
    """

    image: np.ndarray
    reference: np.ndarray
    predicted: np.ndarray
    bets: np.ndarray
    spacing_mm: tuple[float, float, float]

    @property
    def middle(self) -> tuple[int, ...]:
        """Index (z, y, x) of the middle of the reference."""
        return tuple(round(place) for place in np.argwhere(self.reference).mean(axis=0))

    def scores(self) -> dict[str, float]:
        """Mean bet within `BORDER_MM` of the reference's border, in the rest of the liver (`inside`) and of the image
        (`outside`), and on voxels that are wrong and right; NaN where there is no such voxel.
        """
        spacing = self.spacing_mm[::-1]
        reach = max(BORDER_MM, min(spacing))  # on coarse grids the next voxel
        sides = (self.reference, ~self.reference)
        border = np.zeros_like(self.reference)
        if all(side.any() for side in sides):
            border = sum(distance_transform_edt(side, spacing) for side in sides) <= reach
        wrong = self.reference != self.predicted
        parts = {
            "border": border,
            "inside": self.reference & ~border,
            "outside": ~self.reference & ~border,
            "wrong": wrong,
            "right": ~wrong,
        }
        return {name: float(self.bets[part].mean()) if part.any() else np.nan for name, part in parts.items()}


def wager_on(
    image: sitk.Image, liver: sitk.Image, side: Side, bundle: Bundle, task: AdversarialLiversTask, device: torch.device
) -> Wager:
    """What the gambler of `task`, a single-input network exported as `bundle`, bets on an image of `side`.

    `liver`: mask on the grid of `image`.
    """
    channels, grid = channels_of(Pass((side,), (side,)), {side: image}, grid_policy(bundle), normalization(bundle))
    shown = torch.from_numpy(channels)[None].to(device)
    with torch.inference_mode():
        logits = task(shown)
        bets = task.adversary.bets(shown, logits)[0, 0].cpu().numpy()
    reference = prepare_labels(liver, grid, [1])[0] > 0.5
    return Wager(channels[0], reference, (logits[0, 0] > 0).cpu().numpy(), bets, grid.spacing)
