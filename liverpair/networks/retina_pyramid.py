"""Feature pyramids for detection: lateral sums over a residual encoder, or the maps of a U-Net's decoder.

Levels are numbered from 1, the finest. A pyramid maps images to `{level: features}` for the levels from `finest` down
to its deepest.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol

import torch
import torch.nn.functional as functional
from torch import nn

from liverpair.networks.unet import ACTIVATIONS, CONVOLUTIONS, ConvolutionBlock, UNet, normalization_layer


class Pyramid(Protocol):
    """What a detector needs of its backbone. `strides`: image voxels per voxel of each level, and `widths` its
    channels, from level 1."""

    strides: list[tuple[int, ...]]
    widths: list[int]

    def __call__(self, x: torch.Tensor, finest: int) -> dict[int, torch.Tensor]:
        """Features (batch, width, *space) of the levels from `finest` on."""
        ...


class ResidualBlock(nn.Module):
    """Two convolutions and the input added to them (He et al. 2016). Channels and resolution stay."""

    def __init__(self, channels: int, kernel: Sequence[int], normalization: str, activation: str):
        super().__init__()
        self.first = ConvolutionBlock(channels, [channels], kernel, normalization, activation)
        self.second = CONVOLUTIONS[len(kernel)](
            channels, channels, tuple(kernel), padding=tuple(k // 2 for k in kernel), bias=normalization == "none"
        )
        self.normalization = normalization_layer(normalization, channels, len(kernel))
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (batch, channels, *space) of features of the same shape."""
        return self.activation(x + self.normalization(self.second(self.first(x))))


class ResidualEncoder(nn.Module):
    """A small residual network whose levels are entered by strided convolutions.

    Parameters
    ----------
    in_channels, dimensions
        Channels and dimensions (2 or 3) of the image.
    widths
        Channels per level, from the finest.
    strides
        Per level: the stride of the convolution that enters it, (z, y, x) or (y, x). Default 1 for the first level and
        2 for the others.
    kernels
        Per level: the kernel size. Default 3 along every axis.
    depths
        Per level: its number of residual blocks. Default none in the first, where they cost most, and one in the
        others.
    normalization, activation
        As in `liverpair.networks.unet.UNet`.
    """

    def __init__(
        self,
        in_channels: int,
        dimensions: int,
        widths: Sequence[int] = (8, 16, 32, 48, 64),
        strides: Sequence[Sequence[int]] | None = None,
        kernels: Sequence[Sequence[int]] | None = None,
        depths: Sequence[int] | None = None,
        normalization: str = "group",
        activation: str = "leaky_relu",
    ):
        super().__init__()
        count = len(widths)
        strides = [tuple(s) for s in strides or [(1,) * dimensions] + [(2,) * dimensions] * (count - 1)]
        kernels = [tuple(k) for k in kernels or [(3,) * dimensions] * count]
        depths = list(depths or [0] + [1] * (count - 1))
        if not len(strides) == len(kernels) == len(depths) == count:
            raise ValueError(f"{count} levels need {count} strides, kernels and depths")
        if any(len(t) != dimensions for t in (*strides, *kernels)):
            raise ValueError(f"strides and kernels of a {dimensions}-D network have {dimensions} numbers each")
        self.widths = list(widths)
        self.strides = cumulative(strides)
        self.entries = nn.ModuleList()
        self.blocks = nn.ModuleList()
        for before, width, stride, kernel, depth in zip((in_channels, *widths), widths, strides, kernels, depths):
            padding = tuple(k // 2 for k in kernel)
            self.entries.append(
                nn.Sequential(
                    CONVOLUTIONS[dimensions](before, width, kernel, stride, padding, bias=normalization == "none"),
                    normalization_layer(normalization, width, dimensions),
                    ACTIVATIONS[activation](),
                )
            )
            self.blocks.append(
                nn.Sequential(*(ResidualBlock(width, kernel, normalization, activation) for _ in range(depth)))
            )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps from the finest to the deepest level."""
        maps = []
        for enter, blocks in zip(self.entries, self.blocks):
            x = blocks(enter(x))
            maps.append(x)
        return maps


class ResNetEncoder(nn.Module):
    """A ResNet (He et al. 2016), MONAI's: level 1 is its stem of stride 2, levels 2 to 5 what its four stages make.

    `resnet`: how many layers, 50 in the published two-dimensional detector (Couteaux 2021, section 4.3).
    """

    def __init__(self, in_channels: int, dimensions: int, resnet: int = 50):
        super().__init__()
        from monai.networks.nets.resnet import ResNetFeatures

        self.features = ResNetFeatures(f"resnet{resnet}", False, dimensions, in_channels)
        growth = 4 if resnet >= 50 else 1
        self.widths = [64, *(growth * width for width in (64, 128, 256, 512))]
        self.strides = cumulative([(2,) * dimensions] * len(self.widths))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps from the finest to the deepest level."""
        return self.features(x)


class LateralPyramid(nn.Module):
    """P_k = p_k(B_k + up(P_{k+1})) over the maps B_k of an encoder (Couteaux 2021, section 4.2.1; Lin et al. 2017).

    1 × 1 convolutions bring every B_k to the pyramid's width, so that the sum is defined. The deepest map of the
    encoder is the start: P_K = p_K(B_K + up(B_{K+1})) where the encoder has a level beyond the deepest of `levels`, and
    P_K = p_K(B_K) where it has none.
    """

    def __init__(
        self,
        encoder: ResidualEncoder | ResNetEncoder,
        levels: Sequence[int],
        width: int,
        dimensions: int,
        normalization: str,
        activation: str,
    ):
        super().__init__()
        self.encoder = encoder
        self.strides = encoder.strides
        self.widths = [width] * len(encoder.widths)
        self.deepest = len(encoder.widths)
        smoothed = range(min(levels), self.deepest + (max(levels) == self.deepest))
        self.lateral = nn.ModuleDict(
            {
                str(k): CONVOLUTIONS[dimensions](encoder.widths[k - 1], width, 1)
                for k in range(min(levels), self.deepest + 1)
            }
        )
        self.smooth = nn.ModuleDict(
            {str(k): ConvolutionBlock(width, [width], (3,) * dimensions, normalization, activation) for k in smoothed}
        )

    def forward(self, x: torch.Tensor, finest: int) -> dict[int, torch.Tensor]:
        """Features (batch, width, *space) of the levels from `finest` to the deepest."""
        maps = self.encoder(x)
        pyramid: dict[int, torch.Tensor] = {}
        above: torch.Tensor | None = None
        for level in range(self.deepest, finest - 1, -1):
            here = self.lateral[str(level)](maps[level - 1])
            if above is not None:
                here = here + functional.interpolate(above, size=here.shape[2:], mode="nearest")
            above = self.smooth[str(level)](here) if str(level) in self.smooth else here
            pyramid[level] = above
        return pyramid


class UNetPyramid(UNet):
    """The maps of a U-Net's decoder as pyramid (Couteaux 2021, section 4.4). What lies above level `finest` is left
    out."""

    def __init__(self, finest: int, **arguments: Any):
        super().__init__(**arguments)
        self.head = nn.Identity()
        for level in range(1, finest):
            self.ups[level - 1] = nn.Identity()
            self.decoder[level - 1] = nn.Identity()
        self.strides = cumulative([self.stem_stride, *self.level_strides])
        self.widths = self.level_widths

    def forward(self, x: torch.Tensor, finest: int) -> dict[int, torch.Tensor]:
        """Features (batch, width of the level, *space) of the levels from `finest` to the deepest."""
        x = self.stem(x)
        skips = []
        for i, encode in enumerate(self.encoder):
            x = encode(self.pools[i - 1](x) if i else x)
            skips.append(x)
        deepest = len(skips)
        pyramid = {deepest: self.dropout(skips[-1])}
        for level in range(deepest - 1, finest - 1, -1):
            raised = self.ups[level - 1](pyramid[level + 1])
            pyramid[level] = self.decoder[level - 1](torch.cat([raised, skips[level - 1]], dim=1))
        return pyramid


def cumulative(strides: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Image voxels per voxel of each level, from the stride by which each level is entered."""
    return list(accumulate(strides, lambda total, stride: tuple(t * s for t, s in zip(total, stride))))


def build_pyramid(
    kind: str,
    in_channels: int,
    dimensions: int,
    levels: Sequence[int],
    width: int,
    normalization: str,
    activation: str,
    backbone: Mapping[str, Any],
) -> Pyramid:
    """The pyramid called `kind`, "lateral" or "decoder", on a backbone made with the arguments `backbone`.

    Raises `ValueError` for an unknown kind, or when the backbone lacks a level.
    """
    shared = {"in_channels": in_channels, "dimensions": dimensions}
    shared |= {"normalization": normalization, "activation": activation}
    if kind == "lateral":
        if "resnet" in backbone:
            encoder = ResNetEncoder(in_channels, dimensions, **backbone)
        else:
            encoder = ResidualEncoder(**{**shared, **backbone})
        _check_levels(levels, len(encoder.widths))
        return LateralPyramid(encoder, levels, width, dimensions, normalization, activation)
    if kind == "decoder":
        unet = UNetPyramid(min(levels), **{**shared, **backbone})
        _check_levels(levels, len(unet.widths))
        return unet
    raise ValueError(f"unknown pyramid {kind!r}: it is 'lateral' or 'decoder'")


def _check_levels(levels: Sequence[int], deepest: int) -> None:
    if not levels or min(levels) < 1 or max(levels) > deepest or len(set(levels)) != len(levels):
        raise ValueError(f"levels {list(levels)} are not distinct levels of a backbone that has 1 to {deepest}")
