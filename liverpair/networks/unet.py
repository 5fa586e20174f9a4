"""The U-Net (Ronneberger et al. 2015, Çiçek et al. 2016) in two or three dimensions, with its layout as arguments."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

PUBLISHED_3D = {
    "widths": [[32, 64], [64, 128], [128, 256], [256, 512]],
    "normalization": "batch",
    "activation": "relu",
    "up_widths": [128, 256, 512],
}
"""Arguments of the 19 M-parameter layout of Models Genesis (Zhou et al. 2019), which Couteaux (2021, section 2.2.2)
uses.
"""

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
POOLINGS = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
NORMALIZATIONS = {
    "batch": {2: nn.BatchNorm2d, 3: nn.BatchNorm3d},
    "instance": {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d},
}
ACTIVATIONS = {"relu": lambda: nn.ReLU(inplace=True), "leaky_relu": lambda: nn.LeakyReLU(0.01, inplace=True)}


def normalization_layer(name: str, channels: int, dimensions: int) -> nn.Module:
    """A normalization over `channels`: "batch", "instance" (affine), "group" (8 channels a group) or "none"."""
    if name == "none":
        return nn.Identity()
    if name == "group":
        return nn.GroupNorm(max(1, channels // 8), channels)
    if name not in NORMALIZATIONS:
        raise ValueError(f"unknown normalization {name!r}")
    return NORMALIZATIONS[name][dimensions](channels, affine=True)


def with_outputs(head: nn.Module, channels: Sequence[int]) -> nn.Module:
    """A convolution that gives only these channels of `head`, a convolution (transposed or not), in this order."""
    kept = type(head)(head.in_channels, len(channels), head.kernel_size, head.stride)
    picked = torch.as_tensor(list(channels))
    output_axis = 1 if isinstance(head, tuple(TRANSPOSED.values())) else 0
    kept.weight.data = head.weight.data.index_select(output_axis, picked)
    kept.bias.data = head.bias.data.index_select(0, picked)
    return kept


class ConvolutionBlock(nn.Sequential):
    """Convolutions of the given widths, each followed by normalization and activation. The resolution stays."""

    def __init__(
        self, in_channels: int, widths: Sequence[int], kernel: Sequence[int], normalization: str, activation: str
    ):
        dimensions = len(kernel)
        layers: list[nn.Module] = []
        for before, width in pairwise((in_channels, *widths)):
            layers += [
                CONVOLUTIONS[dimensions](
                    before, width, tuple(kernel), padding=tuple(k // 2 for k in kernel), bias=normalization == "none"
                ),
                normalization_layer(normalization, width, dimensions),
                ACTIVATIONS[activation](),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """U-Net of any width, depth and anisotropy. Returns logits.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    widths
        Per level, from the finest: the widths of its convolutions, or one number for two convolutions of that width.
    dimensions
        2 or 3.
    strides
        Per transition between levels: the pooling, (z, y, x) or (y, x). Default 2 along every axis.
    kernels
        Per level: the kernel size, (z, y, x) or (y, x). Default 3 along every axis.
    normalization
        "batch", "instance", "group" or "none".
    activation
        "relu" or "leaky_relu".
    up_widths
        Per transition: the channels of the transposed convolution that enters the level from below. Default: the
        width of the level it enters.
    stem_stride
        When given, a convolution of this kernel and stride brings the input to the finest level, and a transposed
        one brings the logits back to the input's
        resolution: full-resolution layers are what costs most on a processor.
    dropout
        Probability that a channel of the deepest level is dropped while training.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        widths: Sequence[int | Sequence[int]] = (16, 32, 64, 96),
        dimensions: int = 3,
        strides: Sequence[Sequence[int]] | None = None,
        kernels: Sequence[Sequence[int]] | None = None,
        normalization: str = "instance",
        activation: str = "leaky_relu",
        up_widths: Sequence[int] | None = None,
        stem_stride: Sequence[int] | None = None,
        dropout: float = 0.0,
    ):
        super().__init__()
        levels = [(w, w) if isinstance(w, int) else tuple(w) for w in widths]
        strides = [tuple(s) for s in strides or [(2,) * dimensions] * (len(levels) - 1)]
        kernels = [tuple(k) for k in kernels or [(3,) * dimensions] * len(levels)]
        ups = list(up_widths or [level[-1] for level in levels[:-1]])
        if len(strides) != len(levels) - 1 or len(ups) != len(levels) - 1 or len(kernels) != len(levels):
            raise ValueError(
                f"{len(levels)} levels need {len(levels) - 1} strides and up_widths and {len(levels)} kernels"
            )
        if any(len(t) != dimensions for t in (*strides, *kernels, *([stem_stride] if stem_stride else []))):
            raise ValueError(f"strides and kernels of a {dimensions}-D network have {dimensions} numbers each")

        def block(before: int, level: int, layer_widths: Sequence[int]) -> ConvolutionBlock:
            return ConvolutionBlock(before, layer_widths, kernels[level], normalization, activation)

        self.dimensions = dimensions
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.level_widths = [level[-1] for level in levels]
        self.level_strides = strides
        self.stem_stride = tuple(stem_stride) if stem_stride else (1,) * dimensions
        self.stem = nn.Identity()
        self.head = CONVOLUTIONS[dimensions](self.level_widths[0], out_channels, 1)
        finest_channels = in_channels
        if stem_stride:
            finest_channels = levels[0][0]
            self.stem = nn.Sequential(
                CONVOLUTIONS[dimensions](in_channels, finest_channels, self.stem_stride, self.stem_stride),
                normalization_layer(normalization, finest_channels, dimensions),
                ACTIVATIONS[activation](),
            )
            self.head = TRANSPOSED[dimensions](self.level_widths[0], out_channels, self.stem_stride, self.stem_stride)
        self.encoder = nn.ModuleList(
            block(before, i, levels[i]) for i, before in enumerate([finest_channels, *self.level_widths[:-1]])
        )
        self.pools = nn.ModuleList(POOLINGS[dimensions](s, s) for s in strides)
        self.ups = nn.ModuleList(
            TRANSPOSED[dimensions](self.level_widths[i + 1], ups[i], s, s) for i, s in enumerate(strides)
        )
        self.decoder = nn.ModuleList(
            block(ups[i] + width, i, [width] * 2) for i, width in enumerate(self.level_widths[:-1])
        )
        dropouts = {2: nn.Dropout2d, 3: nn.Dropout3d}
        self.dropout = dropouts[dimensions](dropout) if dropout else nn.Identity()

    @property
    def multiple_of(self) -> tuple[int, ...]:
        """What the side lengths of the input must be multiples of, (z, y, x) or (y, x)."""
        totals = list(self.stem_stride)
        for stride in self.level_strides:
            totals = [t * s for t, s in zip(totals, stride)]
        return tuple(totals)

    def select_outputs(self, channels: Sequence[int]) -> None:
        """Keep only these output channels of the head, in this order."""
        self.head, self.out_channels = with_outputs(self.head, channels), len(channels)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps of the decoder from the finest to the deepest level, which is the encoder's last."""
        return self.decoded(self.encoded(x))

    def encoded(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps of the encoder from the finest to the deepest level."""
        x = self.stem(x)
        skips = []
        for i, encode in enumerate(self.encoder):
            x = encode(self.pools[i - 1](x) if i else x)
            skips.append(x)
        return skips

    def decoded(self, skips: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """As `features`, from the feature maps of the encoder."""
        pyramid = [self.dropout(skips[-1])]
        for i in reversed(range(len(self.decoder))):
            pyramid.append(self.decoder[i](torch.cat([self.ups[i](pyramid[-1]), skips[i]], dim=1)))
        return pyramid[::-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, out_channels, *space) of images (batch, in_channels, *space). Sides must be multiples of
        `multiple_of`.
        """
        return self.head(self.features(x)[0])
