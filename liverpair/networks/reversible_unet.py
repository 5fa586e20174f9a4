"""A U-Net whose levels are chains of reversible steps, with pooling between them or without."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from liverpair.networks.reversible import Chain, Coupling, Down, Keeping, Step, Up
from liverpair.networks.unet import (
    ACTIVATIONS,
    CONVOLUTIONS,
    POOLINGS,
    TRANSPOSED,
    normalization_layer,
    with_outputs,
)

STATELESS = ("group", "instance")
"""The normalizations that may run twice."""


class ReversibleUNet(nn.Module):
    """U-Net that takes as much memory while it learns however deep its levels are. Returns logits.

    Each level is a chain of additive couplings (`liverpair.networks.reversible`) of which only the output is kept;
    what enters a level again on the way up is the sum of its skip and of what comes from below. Without pooling the
    whole network between its first and its last convolution is one chain, and its memory does not depend on the
    number of levels either.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the logits.
    widths
        Per level, from the finest: its channels, an even number. Without pooling each must be half of the one before
        times the voxels of a cell: 16, 32, 128 with the strides (1, 2, 2) and (2, 2, 2).
    depth
        Couplings of each level, on the way down and again on the way up; each has two convolutions.
    dimensions, strides, kernels, stem_stride
        As in `UNet`.
    normalization, activation
        As in `UNet`; "group" or "instance", before each convolution.
    pooling
        "max", or "none": each level hands half of its channels down, the voxels of each cell as channels.
    keep
        What is kept for the way back: "output", "checkpoints" (gradient checkpointing) or "everything". It changes
        memory and time, not what the network computes, and not its weights.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        widths: Sequence[int] = (16, 32, 64, 96),
        depth: int = 1,
        dimensions: int = 3,
        strides: Sequence[Sequence[int]] | None = None,
        kernels: Sequence[Sequence[int]] | None = None,
        normalization: str = "group",
        activation: str = "leaky_relu",
        stem_stride: Sequence[int] | None = None,
        pooling: Literal["max", "none"] = "max",
        keep: Keeping = "output",
    ):
        super().__init__()
        strides = [tuple(s) for s in strides or [(2,) * dimensions] * (len(widths) - 1)]
        kernels = [tuple(k) for k in kernels or [(3,) * dimensions] * len(widths)]
        if len(strides) != len(widths) - 1 or len(kernels) != len(widths):
            raise ValueError(f"{len(widths)} levels need {len(widths) - 1} strides and {len(widths)} kernels")
        if normalization not in STATELESS:
            raise ValueError(f"a reversible network's normalization is 'group' or 'instance', not '{normalization}'")
        if pooling not in ("max", "none"):
            raise ValueError(f"pooling is 'max' or 'none', not '{pooling}'")
        if any(width % 2 for width in widths) or depth < 1:
            raise ValueError("a reversible network has an even number of channels on each level and a depth from 1 on")
        self.dimensions, self.in_channels, self.out_channels = dimensions, in_channels, out_channels
        self.stem_stride = tuple(stem_stride) if stem_stride else (1,) * dimensions
        self.level_strides = strides
        first, convolution = widths[0], CONVOLUTIONS[dimensions]
        padding = tuple(k // 2 for k in kernels[0])
        if stem_stride:
            self.stem = convolution(in_channels, first, self.stem_stride, self.stem_stride)
            self.head = TRANSPOSED[dimensions](first, out_channels, self.stem_stride, self.stem_stride)
        else:
            self.stem = convolution(in_channels, first, kernels[0], padding=padding)
            self.head = convolution(first, out_channels, 1)
        self.last = nn.Sequential(normalization_layer(normalization, first, dimensions), ACTIVATIONS[activation]())

        def branch(level: int) -> nn.Sequential:
            half, kernel = widths[level] // 2, kernels[level]
            return nn.Sequential(
                normalization_layer(normalization, half, dimensions),
                ACTIVATIONS[activation](),
                convolution(half, half, kernel, padding=tuple(k // 2 for k in kernel)),
            )

        def couplings(level: int) -> list[Step]:
            return [Coupling(branch(level), branch(level)) for _ in range(depth)]

        levels = range(len(widths))
        if pooling == "none":
            for (above, below), stride in zip(pairwise(widths), strides):
                if 2 * below != above * math.prod(stride):
                    wanted = above * math.prod(stride) // 2
                    raise ValueError(f"without pooling, {wanted} channels follow {above} at the stride {stride}")
            down = [step for i in levels for step in (*([Down(strides[i - 1])] if i else []), *couplings(i))]
            up = [step for i in reversed(levels[:-1]) for step in (Up(strides[i]), *couplings(i))]
            self.trunk: nn.Module = Chain([*down, *up], keep)
            return
        down_chains, up_chains = ([Chain(couplings(i), keep) for i in one] for one in (levels, levels[:-1]))
        self.trunk = _Pooled(widths, dimensions, strides, down_chains, up_chains)

    @property
    def multiple_of(self) -> tuple[int, ...]:
        """What the side lengths of the input must be multiples of, (z, y, x) or (y, x)."""
        return tuple(math.prod(along) for along in zip(self.stem_stride, *self.level_strides))

    def select_outputs(self, channels: Sequence[int]) -> None:
        """Keep only these output channels of the head, in this order."""
        self.head, self.out_channels = with_outputs(self.head, channels), len(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, out_channels, *space) of images (batch, in_channels, *space). Sides must be multiples of
        `multiple_of`.
        """
        return self.head(self.last(self.trunk(self.stem(x))))


class _Pooled(nn.Module):
    """Levels of chains with pooling between them."""

    def __init__(
        self,
        widths: Sequence[int],
        dimensions: int,
        strides: Sequence[tuple[int, ...]],
        down: Sequence[Chain],
        up: Sequence[Chain],
    ):
        super().__init__()
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        self.pools = nn.ModuleList(
            nn.Sequential(POOLINGS[dimensions](stride, stride), CONVOLUTIONS[dimensions](above, below, 1))
            for (above, below), stride in zip(pairwise(widths), strides)
        )
        self.ups = nn.ModuleList(
            TRANSPOSED[dimensions](below, above, stride, stride)
            for (above, below), stride in zip(pairwise(widths), strides)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for level, chain in enumerate(self.down):
            x = chain(self.pools[level - 1](x) if level else x)
            skips.append(x)
        x = skips.pop()
        for level in reversed(range(len(self.up))):
            x = self.up[level](self.ups[level](x) + skips.pop())
        return x
