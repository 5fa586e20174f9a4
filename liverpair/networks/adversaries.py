"""Networks that a segmentation network is trained against (Couteaux 2021, section 2.2.3).

The source leaves their layouts open.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from liverpair.networks.padding import logits_of
from liverpair.networks.unet import CONVOLUTIONS, UNet

GAMBLER_LAYOUT: dict[str, Any] = {
    "widths": [16, 32, 64],
    "kernels": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 2, 2], [2, 2, 2]],
    "normalization": "group",
}


class Discriminator(nn.Module):
    """Tells masks drawn by hand from those of a network: strided convolutions, mean over space, one number.

    Parameters
    ----------
    masks
        Channels of its input.
    widths
        Of its convolutions, each of which halves every side.
    dimensions
        2 or 3.
    """

    def __init__(self, masks: int = 1, widths: Sequence[int] = (16, 32, 64, 128), dimensions: int = 3):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(CONVOLUTIONS[dimensions](before, width, 3, stride=2, padding=1), nn.LeakyReLU(0.2))
            for before, width in pairwise((masks, *widths))
        )
        self.head = nn.Linear(widths[-1], 1)

    def features(self, masks: torch.Tensor) -> list[torch.Tensor]:
        """What each convolutional layer makes of masks (batch, masks, *space), values in [0, 1]."""
        found = []
        for layer in self.layers:
            masks = layer(masks)
            found.append(masks)
        return found

    def forward(self, masks: torch.Tensor) -> torch.Tensor:
        """Logits (batch,) of the masks (batch, masks, *space) being drawn by hand."""
        deepest = self.features(masks)[-1]
        return self.head(deepest.flatten(2).mean(dim=2))[:, 0]


class Gambler(nn.Module):
    """Says from images and predicted masks how probably each voxel of these masks is wrong: a small U-Net.

    Parameters
    ----------
    images, masks
        How many of each it looks at.
    layout
        Arguments of the U-Net where they differ from `GAMBLER_LAYOUT`.
    """

    def __init__(self, images: int = 1, masks: int = 1, **layout: Any):
        super().__init__()
        self.layout = {**GAMBLER_LAYOUT, **layout}
        self.network = UNet(images + masks, masks, **self.layout)

    def forward(self, images: torch.Tensor, probability: torch.Tensor) -> torch.Tensor:
        """Logits (batch, masks, *space) of images (batch, images, *space) and probabilities (batch, masks, *space)
        of any size.
        """
        return logits_of(self.network, torch.cat([images, probability], dim=1))
