"""A real bundle whose network is known by hand: it masks what is brighter than half of the intensity range."""

from pathlib import Path

import torch
from bundle_factory import manifest

from liverpair.bundle import Bundle
from liverpair.networks import build

ARGUMENTS = {"widths": [1], "kernels": [[1, 1, 1]], "normalization": "none", "activation": "relu"}
GAIN = 40.0


def write_brightness_bundle(folder: Path, channel: int = 0, middle: float = 0.5, **changes) -> Bundle:
    """A bundle of task segmentation whose probability is sigmoid(40 (x - `middle`)) of the normalized input
    `channel`."""
    arguments = {**ARGUMENTS, "in_channels": changes.pop("in_channels", 1)}
    network = build("unet", arguments)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    first, second = network.encoder[0][0], network.encoder[0][3]
    first.weight.data[0, channel] = 1.0
    second.weight.data[:] = 1.0
    network.head.weight.data[:] = GAIN
    network.head.bias.data[:] = -GAIN * middle
    settings = {
        "name": "brightness",
        "strategy": "single",
        "network": {"name": "unet", "arguments": arguments},
        "grid": {"spacing_mm": [2.0, 2.0, 4.0], "multiple_of": [1, 1, 1], "crop": "body"},
        "normalization": {"method": "percentile", "lower_percentile": 0.0, "upper_percentile": 100.0},
        "mirror_axes": ["x"],
    }
    return Bundle.write(folder, manifest(**{**settings, **changes}), network.state_dict())


def write_two_brightness_bundle(folder: Path, **changes) -> Bundle:
    """Likewise of strategy "double-out": each of its two outputs is the mask of the input of its place."""
    arguments = {**ARGUMENTS, "widths": [2], "in_channels": 2, "out_channels": 2}
    network = build("unet", arguments)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    both = torch.eye(2)[:, :, None, None, None]
    network.encoder[0][0].weight.data[:] = both
    network.encoder[0][3].weight.data[:] = both
    network.head.weight.data[:] = GAIN * both
    network.head.bias.data[:] = -GAIN / 2
    settings = {
        "name": "two-brightnesses",
        "strategy": "double-out",
        "inputs": ["T1", "T2"],
        "network": {"name": "unet", "arguments": arguments},
        "grid": {"spacing_mm": [2.0, 2.0, 4.0], "multiple_of": [1, 1, 1], "crop": "body"},
        "normalization": {"method": "percentile", "lower_percentile": 0.0, "upper_percentile": 100.0},
    }
    return Bundle.write(folder, manifest(**{**settings, **changes}), network.state_dict())
