"""A two-dimensional U-Net on the slices of a volume, with or without their neighbors as further channels."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import nn

from liverpair.networks.unet import UNet

View = Literal["axial", "coronal", "sagittal"]
AXES = {"axial": 0, "coronal": 1, "sagittal": 2}
"""The axis, of (z, y, x), that slices of each name are stacked along."""
DIMENSIONS = 3


class SliceUNet(nn.Module):
    """A U-Net that masks a volume slice by slice. Returns logits.

    Parameters
    ----------
    in_channels, out_channels
        As in `UNet`.
    view
        Which slices it sees.
    slices
        How many adjacent slices it is shown to mask the middle one (2.5-D): an odd number.
    strides, kernels, stem_stride
        As those of a three-dimensional `UNet`, (z, y, x); of each, the numbers within the slices count.
    settings
        The other arguments of the `UNet`.
    """

    dimensions = DIMENSIONS

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        view: View = "axial",
        slices: int = 1,
        widths: Sequence[int | Sequence[int]] = (16, 32, 64, 96),
        strides: Sequence[Sequence[int]] | None = None,
        kernels: Sequence[Sequence[int]] | None = None,
        stem_stride: Sequence[int] | None = None,
        **settings: Any,
    ):
        super().__init__()
        if view not in AXES:
            raise ValueError(f"a view is {', '.join(AXES)}, not '{view}'")
        if slices < 1 or slices % 2 == 0:
            raise ValueError(f"a network sees an odd number of adjacent slices, not {slices}")
        if any(len(triple) != DIMENSIONS for triple in (*(strides or ()), *(kernels or ()), stem_stride or (1,) * 3)):
            raise ValueError("strides and kernels have three numbers each, also where slices are seen")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.axis, self.slices = AXES[view], slices

        def within(triples: Sequence[Sequence[int]] | None) -> list[list[int]] | None:
            return triples and [self._within(triple) for triple in triples]

        self.network = UNet(
            in_channels * slices,
            out_channels,
            widths,
            2,
            within(strides),
            within(kernels),
            stem_stride=stem_stride and self._within(stem_stride),
            **settings,
        )

    def _within(self, triple: Sequence[int]) -> list[int]:
        return [number for axis, number in enumerate(triple) if axis != self.axis]

    @property
    def head(self) -> nn.Module:
        """The last layer."""
        return self.network.head

    @property
    def multiple_of(self) -> tuple[int, int, int]:
        """What the side lengths of the input must be multiples of, (z, y, x)."""
        sides = list(self.network.multiple_of)
        sides.insert(self.axis, 1)
        return tuple(sides)

    def select_outputs(self, channels: Sequence[int]) -> None:
        """Keep only these output channels of the head, in this order."""
        self.network.select_outputs(channels)
        self.out_channels = len(channels)

    def cut(self, x: torch.Tensor) -> torch.Tensor:
        """The slices (batch · count, channels · slices, *plane) of volumes (batch, channels, z, y, x); beyond the first
        and the last slice these are seen again."""
        stack = x.movedim(2 + self.axis, 1)
        if self.slices > 1:
            reach, count = self.slices // 2, stack.shape[1]
            places = torch.arange(count, device=x.device)
            shifted = [(places + shift).clamp(0, count - 1) for shift in range(-reach, reach + 1)]
            stack = torch.cat([stack.index_select(1, one) for one in shifted], 2)
        return stack.flatten(0, 1)

    def stacked(self, slices: torch.Tensor, batch: int) -> torch.Tensor:
        """Volumes (batch, channels, z, y, x) of what was made of their slices."""
        return slices.unflatten(0, (batch, -1)).movedim(1, 2 + self.axis)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, out_channels, z, y, x) of volumes (batch, in_channels, z, y, x). Sides must be multiples of
        `multiple_of`.
        """
        return self.stacked(self.network(self.cut(x)), x.shape[0])
