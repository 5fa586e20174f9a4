"""Channels last: the order of values in memory that convolutions are fastest with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def channels_last(network: "torch.nn.Module") -> "torch.nn.Module":
    """The same network with the kernels of its convolutions channels last, be they of slices, of volumes or of both."""
    import torch

    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in network.parameters():
        if parameter.ndim in formats:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])
    return network
