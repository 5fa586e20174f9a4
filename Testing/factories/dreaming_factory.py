"""Small networks and subjects to dream with."""

from pathlib import Path

import numpy as np
import torch
from bundle_factory import manifest
from scipy import ndimage

from liverpair.bundle import Bundle
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.dreaming.subject import Subject
from liverpair.networks import build

SPACING = (1.5, 2.0, 6.0)
UNET = {"widths": [4, 6, 8], "normalization": "batch", "activation": "leaky_relu"}


def subject_of(image: np.ndarray, **changes) -> Subject:
    """A subject of one channel on a straight grid."""
    size = (*image.shape[::-1], 1)[:3]
    grid = Grid(size, SPACING, (-20.0, 5.0, 30.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    given = {"limits": ((-100.0, 300.0),), "dimensions": image.ndim, "side": Side.T1, **changes}
    return Subject(image.astype(np.float32)[None], grid, **given)


def smooth_noise(*shape: int, seed: int = 0) -> np.ndarray:
    """An image in [0, 1]."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.5)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


def batch_unet(dimensions: int = 2, seed: int = 0, **arguments) -> torch.nn.Module:
    """A U-Net in eval mode whose batch normalizations have statistics of their own, and that answers "no" at first."""
    torch.manual_seed(seed)
    network = build("unet", {**UNET, "dimensions": dimensions, **arguments}).train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(2, network.in_channels, *[16] * dimensions))
        network.head.weight *= 4.0
        network.eval()
        network.head.bias -= network(torch.rand(1, network.in_channels, *[16] * dimensions)).max()
    return network


def brightness_network(gain: float = 40.0, dimensions: int = 2) -> torch.nn.Module:
    """Probability sigmoid(gain · (x - 1/2)) of the voxel itself."""
    network = torch.nn.Conv2d(1, 1, 1) if dimensions == 2 else torch.nn.Conv3d(1, 1, 1)
    torch.nn.init.constant_(network.weight, gain)
    torch.nn.init.constant_(network.bias, -gain / 2)
    return network


def write_slice_bundle(folder: Path, **changes) -> Bundle:
    """A bundle of the task slice-segmentation with `batch_unet`, at 1.5 mm in plane."""
    settings = {
        "name": "slices",
        "task": "slice-segmentation",
        "network": {"name": "unet", "arguments": {**UNET, "dimensions": 2}},
        "inputs": ["T1"],
        "grid": {
            "spacing_mm": [1.5, 1.5, 6.0],
            "multiple_of": [4, 4],
            "crop": "body",
            "keep_slices_from_mm": 0,
            "keep_slices_to_mm": 1000,
        },
    }
    return Bundle.write(folder, manifest(**{**settings, **changes}), batch_unet().state_dict())
