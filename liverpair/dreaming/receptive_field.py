"""What part of the image an output depends on, so that only that part is computed.

A network that normalizes with fixed statistics (batch normalization in eval mode, or none) computes the same from a
part of the image as from the whole, except near the part's own border, where zeros stand for what was cut off. Which
outputs that border reaches follows from kernels and strides alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from liverpair.networks.unet import CONVOLUTIONS, TRANSPOSED, UNet

Bounds = tuple[tuple[int, int], ...]
"""Per axis the first voxel and the one after the last."""

GLOBAL_NORMALIZATIONS = (nn.GroupNorm, nn.LayerNorm, nn.modules.instancenorm._InstanceNorm)
"""Layers whose output depends on the whole image."""


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of every output of a U-Net."""

    network: UNet

    @classmethod
    def of(cls, network: nn.Module) -> "ReceptiveField | None":
        """None for a network whose every output depends on the whole image, or whose field is not known here."""
        if not isinstance(network, UNet) or any(isinstance(m, GLOBAL_NORMALIZATIONS) for m in network.modules()):
            return None
        return cls(network)

    def needed(self, outputs: Bounds) -> Bounds:
        """The inputs on which `outputs` depend; they may reach beyond the image."""
        return tuple(self._needed(axis, *interval) for axis, interval in enumerate(outputs))

    def window(self, outputs: Bounds, shape: Sequence[int]) -> Bounds:
        """The smallest part of an image of `shape` that gives `outputs` exactly and starts and ends at multiples of the
        network's `multiple_of`."""
        return tuple(
            (max(0, first) // m * m, min(n, -(-last // m) * m))
            for (first, last), m, n in zip(self.needed(outputs), self.network.multiple_of, shape)
        )

    def exact(self, window: Bounds, shape: Sequence[int]) -> Bounds:
        """The outputs that do not change when an image of `shape` is cut to `window`. Empty intervals are (0, 0)."""
        found = []
        for axis, ((start, stop), n) in enumerate(zip(window, shape)):
            whole = [
                i
                for i in range(start, stop)
                if (start == 0 or self._needed(axis, i, i + 1)[0] >= start)
                and (stop == n or self._needed(axis, i, i + 1)[1] <= stop)
            ]
            found.append((whole[0], whole[-1] + 1) if whole else (0, 0))
        return tuple(found)

    def _needed(self, axis: int, first: int, last: int) -> tuple[int, int]:
        """From the head back to the image, along one axis."""
        network = self.network
        here = _back(network.head, axis, (first, last))
        skips = []
        for block, up in zip(network.decoder, network.ups):
            here = _back(block, axis, here)
            skips.append(here)
            here = _back(up, axis, here)
        for level in reversed(range(len(network.encoder))):
            here = _back(network.encoder[level], axis, here)
            if level:
                below = _back(network.pools[level - 1], axis, here)
                here = hull(below, skips[level - 1])
        return _back(network.stem, axis, here)


def hull(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    """The smallest interval that holds both."""
    return min(first[0], second[0]), max(first[1], second[1])


def _back(module: nn.Module, axis: int, outputs: tuple[int, int]) -> tuple[int, int]:
    """The interval of a module's inputs on which an interval of its outputs depends."""
    first, last = outputs
    if isinstance(module, nn.Sequential):
        for layer in reversed(module):
            first, last = _back(layer, axis, (first, last))
    elif isinstance(module, tuple(TRANSPOSED.values())):  # kernel and stride are the same, so that outputs tile
        stride = module.stride[axis]
        first, last = first // stride, (last - 1) // stride + 1
    elif isinstance(module, (*CONVOLUTIONS.values(), nn.MaxPool2d, nn.MaxPool3d)):
        kernel, stride, padding = (_along(v, axis) for v in (module.kernel_size, module.stride, module.padding))
        first, last = first * stride - padding, (last - 1) * stride - padding + kernel
    return first, last


def _along(value: int | Sequence[int], axis: int) -> int:
    return value if isinstance(value, int) else value[axis]


def cut(tensor: torch.Tensor, window: Bounds) -> torch.Tensor:
    """The part of a tensor (..., *space) inside `window`, as a view."""
    return tensor[(..., *(slice(first, last) for first, last in window))]


def grown(bounds: Bounds, margin: int, shape: Sequence[int]) -> Bounds:
    """`bounds` widened by `margin` within `shape`."""
    return tuple((max(0, first - margin), min(n, last + margin)) for (first, last), n in zip(bounds, shape))


def contains(outer: Bounds, inner: Bounds) -> bool:
    """Whether `inner` lies within `outer`."""
    return all(a <= c and d <= b for (a, b), (c, d) in zip(outer, inner))
