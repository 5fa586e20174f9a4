"""A network that registers two masks, and what it needs: displacements, warping and a filter.

After Couteaux 2021, section 2.3. Displacements are in voxels, components in the order of the axes. Masks are pulled:
the warped value at p is the value at p + displacement(p).
"""

import warnings
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as functional
from monai.networks.blocks import Warp
from torch import nn

from liverpair.networks.unet import CONVOLUTIONS, POOLINGS

AVERAGES = {2: functional.avg_pool2d, 3: functional.avg_pool3d}
INTERPOLATIONS = {2: "bilinear", 3: "trilinear"}


class RegistrationNetwork(nn.Module):
    """Regresses from two masks the transformation that carries the first onto the second; at first the identity.

    Blocks of two convolutions and a max-pooling, then a linear convolution with one channel an axis: a displacement for
    every cell of the coarse grid. The defaults are as published: 0.88 million parameters in three dimensions.

    Parameters
    ----------
    dimensions
        2 or 3.
    widths
        Channels of each block.
    strides
        Pooling of each block, (z, y, x) or (y, x). Default 2 along every axis.
    reduction
        Average pooling of the masks before the first block; none when left out.
    translation
        Regress one displacement for the whole image instead: the mean over the coarse grid, then a linear layer.
    """

    def __init__(
        self,
        dimensions: int = 3,
        widths: Sequence[int] = (16, 32, 64, 128),
        strides: Sequence[Sequence[int]] | None = None,
        reduction: Sequence[int] | None = None,
        translation: bool = False,
    ):
        super().__init__()
        strides = [tuple(s) for s in strides or [(2,) * dimensions] * len(widths)]
        if len(strides) != len(widths):
            raise ValueError(f"{len(widths)} blocks need {len(widths)} strides")
        self.dimensions, self.translation = dimensions, translation
        self.reduction = tuple(reduction or (1,) * dimensions)
        self.strides = strides
        convolution, pooling = CONVOLUTIONS[dimensions], POOLINGS[dimensions]
        layers: list[nn.Module] = []
        for (before, width), stride in zip(pairwise((2, *widths)), strides):
            for channels in (before, width):
                layers += [convolution(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            layers.append(pooling(stride, stride))
        self.blocks = nn.Sequential(*layers)
        for layer in self.blocks:
            if isinstance(layer, convolution):  # torch's own start lets the signal fade without normalization
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        self.head = convolution(widths[-1], dimensions, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def multiple_of(self) -> tuple[int, ...]:
        """What the side lengths of the masks should be multiples of; also the size of a coarse cell in voxels."""
        totals = list(self.reduction)
        for stride in self.strides:
            totals = [t * s for t, s in zip(totals, stride)]
        return tuple(totals)

    def forward(self, masks: torch.Tensor) -> torch.Tensor:
        """Displacements (batch, dimensions, *coarse) of masks (batch, 2, *space), float32; *coarse is 1 for a
        translation.
        """
        features = self.blocks(AVERAGES[self.dimensions](masks, self.reduction))
        if self.translation:
            features = features.mean(dim=tuple(range(2, features.ndim)), keepdim=True)
        with torch.autocast(features.device.type, enabled=False):
            return self.head(features.float())


def dense(displacement: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Displacements (batch, axes, *coarse) on a coarse grid, interpolated to (batch, axes, *size)."""
    size = tuple(size)
    if all(n == 1 for n in displacement.shape[2:]):
        return displacement.expand(*displacement.shape[:2], *size)
    return functional.interpolate(displacement, size, mode=INTERPOLATIONS[len(size)], align_corners=False)


def warp(masks: torch.Tensor, displacement: torch.Tensor) -> torch.Tensor:
    """Masks (batch, channels, *space) pulled through displacements (batch, axes, *coarse), multilinear; 0 comes in
    from outside.
    """
    return _warp()(masks, dense(displacement, masks.shape[2:]))


@lru_cache(maxsize=1)
def _warp() -> Warp:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it uses torch's own sampling
        return Warp("bilinear", "zeros")


def binomial_blur(masks: torch.Tensor, length: int = 3) -> torch.Tensor:
    """Masks (batch, channels, *space) seen through a separable binomial filter: [1, 2, 1] / 4 for length 3.

    A binomial filter of length n is n - 1 averages of neighbors. Raises `ValueError` for an even length.
    """
    if length % 2 == 0 or length < 1:
        raise ValueError(f"a binomial filter has an odd length, not {length}")
    blurred = functional.pad(masks, [length // 2] * (2 * (masks.ndim - 2)))
    for axis in range(2, masks.ndim):
        for _ in range(length - 1):
            pairs = blurred.shape[axis] - 1
            blurred = (blurred.narrow(axis, 0, pairs) + blurred.narrow(axis, 1, pairs)) / 2
    return blurred
