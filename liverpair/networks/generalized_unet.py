"""The U-Net of Tang et al. (2020), with pre-activation and coarse pooling, whose trained liver and lesion weights are
published."""

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import nn

from liverpair.networks.unet import with_outputs

EPSILON = 1e-7


def standardized(x: torch.Tensor) -> torch.Tensor:
    """Leaky ReLU of every channel of every sample with mean 0 and standard deviation 1 (instance normalization
    without weights)."""
    return functional.leaky_relu(functional.instance_norm(x, eps=EPSILON), 0.01)


class GeneralizedUNet(nn.Module):
    """U-Net whose blocks normalize before they convolve and whose levels are far apart. Returns logits.

    Source: Tang, Jafargholi Rangraz, Coudyzer et al., European Journal of Nuclear Medicine and Molecular Imaging 47
    (2020) 2742; `unet_generalized.py` of pyliverlesionseg 0.3 (KU Leuven, Apache-2.0). Their liver network has
    `widths=[[20, 40], [40, 80], [80, 160], [160, 160]]`, pooling 3 and volumes of 3 mm spacing, and computes what this
    one does, but for the voxels at the border of the volume, where theirs gives no result. Their lesion network has the
    same widths, pooling 2, is `residual` and not `smooth`, and sees livers of 1 × 1 × 3 mm spacing.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    widths
        Per level, from the finest: the channels of its two convolutions. The first sees one slice (1 × 3 × 3 voxels in
        z, y, x), but in the deepest level of a network that is not residual; the second sees 3 × 3 × 3.
    up_widths
        Per level but the deepest, from the finest: the channels of the two convolutions of its way up.
    pooling
        The factor between levels, the same along every axis.
    offset
        Subtracted from the image, so that the zeros around a volume are mid-gray as in their training.
    residual
        Whether each pair of convolutions adds to what enters it (brought to its width by 1 × 1 × 1 voxels where it has
        another).
    smooth
        Whether what is brought to a finer level is averaged over the voxels of the coarser one. Needs an odd pooling,
        so that it moves nothing.
    """

    dimensions = 3

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        widths: Sequence[Sequence[int]] = ((20, 40), (40, 80), (80, 160), (160, 160)),
        up_widths: Sequence[Sequence[int]] = ((40, 20), (80, 40), (160, 80)),
        pooling: int = 3,
        offset: float = 0.5,
        residual: bool = False,
        smooth: bool = True,
    ):
        super().__init__()
        if len(up_widths) != len(widths) - 1:
            raise ValueError(f"{len(widths)} levels need {len(widths) - 1} up_widths")
        if smooth and pooling % 2 == 0:
            raise ValueError(f"the pooling of a smooth network must be odd, not {pooling}")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.pooling, self.offset, self.smooth = pooling, offset, smooth
        deepest = -1 if residual else len(widths) - 1
        inputs_of_levels = [in_channels, *(level[-1] for level in widths[:-1])]
        self.down = nn.ModuleList(
            nn.ModuleList([_convolution(before, first, level == deepest), _convolution(first, second, True)])
            for level, (before, (first, second)) in enumerate(zip(inputs_of_levels, widths))
        )
        below_widths = [*(level[-1] for level in up_widths[1:]), widths[-1][-1]]
        self.up = nn.ModuleList(
            nn.ModuleList([_convolution(level[-1] + below, first, True), _convolution(first, second, False)])
            for level, below, (first, second) in zip(widths, below_widths, up_widths)
        )
        self.down_shortcuts, self.up_shortcuts = (
            nn.ModuleList(_shortcut(block) if residual else None for block in blocks) for blocks in (self.down, self.up)
        )
        self.head = nn.Conv3d(up_widths[0][-1], out_channels, 1)

    @property
    def multiple_of(self) -> tuple[int, int, int]:
        """What the side lengths of the input must be multiples of, (z, y, x)."""
        return (self.pooling ** len(self.up),) * 3

    def select_outputs(self, channels: Sequence[int]) -> None:
        """Keep only these output channels of the head, in this order."""
        self.head, self.out_channels = with_outputs(self.head, channels), len(channels)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps of the way up from the finest to the deepest level, which is the last of the way down."""
        x = x - self.offset
        skips: list[torch.Tensor] = []
        for level, ((first, second), shortcut) in enumerate(zip(self.down, self.down_shortcuts)):
            entered = functional.max_pool3d(x, self.pooling) if level else x
            x = second(standardized(first(standardized(entered) if level else entered)))
            skips.append(x if shortcut is None else x + shortcut(entered))
            x = skips[-1]
        pyramid = [skips.pop()]
        for (first, second), shortcut, skip in zip(*map(reversed, (self.up, self.up_shortcuts, skips))):
            raised = functional.interpolate(pyramid[-1], scale_factor=float(self.pooling), mode="nearest")
            if self.smooth:
                raised = functional.avg_pool3d(raised, self.pooling, 1, self.pooling // 2, count_include_pad=False)
            entered = torch.cat([skip, raised], dim=1)
            x = second(standardized(first(standardized(entered))))
            pyramid.append(x if shortcut is None else x + shortcut(entered))
        return pyramid[::-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, out_channels, *space) of images (batch, in_channels, *space). Sides must be multiples of
        `multiple_of`.
        """
        return self.head(standardized(self.features(x)[0]))


def _shortcut(block: nn.ModuleList) -> nn.Module:
    before, after = block[0].in_channels, block[1].out_channels
    return nn.Identity() if before == after else nn.Conv3d(before, after, 1)


def _convolution(before: int, after: int, is_volumetric: bool) -> nn.Conv3d:
    kernel = (3, 3, 3) if is_volumetric else (1, 3, 3)
    return nn.Conv3d(before, after, kernel, padding=tuple(k // 2 for k in kernel))
