"""A detector whose answer is known by hand: it finds bright peaks, and says that they lie a fixed way off in the
other image."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from bundle_factory import manifest, write_once

from liverpair.bundle import Bundle
from liverpair.core.geometry import Grid, on_grid
from liverpair.networks import build

ARGUMENTS = {
    "levels": [1],
    "anchors": 1,
    "width": 2,
    "head_depth": 0,
    "normalization": "none",
    "activation": "relu",
    "backbone": {"widths": [2], "depths": [0]},
}
SIZE = (4.0, 10.0, 10.0)
SPACING = (2.0, 2.0, 4.0)
LIVER_RADIUS_MM = 50.0
SECTION = {"anchor_sizes": [SIZE], "score_floor": 0.5, "margin_mm": 8.0}


def peak_network(displacement=(0.0, 0.0, 0.0)) -> torch.nn.Module:
    """Score sigmoid(40 x - 30) of channel x in its image; the box is the anchor; `displacement` (z, y, x) voxels from
    image 0 to image 1."""
    network = build("retina", ARGUMENTS)
    middle = (slice(None), slice(None), 1, 1, 1)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    network.pyramid.encoder.entries[0][0].weight.data[middle] = torch.eye(2)
    network.pyramid.lateral["1"].weight.data[:, :, 0, 0, 0] = torch.eye(2)
    network.pyramid.smooth["1"][0].weight.data[middle] = torch.eye(2)
    for image, heads in enumerate(network.heads):
        heads.last[0].weight.data[0, image, 1, 1, 1] = 40.0
        heads.last[0].bias.data[:] = -30.0
        heads.last[2].bias.data[:] = torch.tensor(displacement) * (1 - 2 * image)
    return network


def write_peak_bundle(folder: Path, displacement=(0.0, 0.0, 0.0), section=SECTION, **changes) -> Bundle:
    """A bundle of the task detection with that network, at 2 × 2 × 4 mm."""
    settings = {
        "name": "peaks",
        "task": "detection",
        "strategy": "pair",
        "inputs": ["T1", "T2"],
        "network": {"name": "retina", "arguments": ARGUMENTS},
        "grid": {"spacing_mm": list(SPACING), "multiple_of": [1, 1, 1], "crop": "liver"},
        "normalization": {"method": "percentile", "lower_percentile": 0.0, "upper_percentile": 100.0},
        "detection": section,
    }
    content = manifest(**{**settings, **changes})
    if any(displacement):
        return Bundle.write(folder, content, peak_network(displacement).state_dict())
    return write_once(Path(folder), content, _peak_weights)


def _peak_weights() -> dict[str, torch.Tensor]:
    return peak_network().state_dict()


def image_and_liver(grid: Grid, peaks, center=(0.0, 0.0, 0.0)) -> tuple[sitk.Image, sitk.Image]:
    """A spherical liver (value 20) around `center` in air, with smooth peaks (up to 100) at LPS points, and its
    mask.
    """
    z, y, x = np.indices(grid.shape)
    points = np.asarray(grid.origin) + (np.stack([x, y, z], axis=-1) * grid.spacing) @ grid.axes.T
    liver = np.linalg.norm(points - center, axis=-1) < LIVER_RADIUS_MM
    values = np.where(liver, 20.0, 0.0)
    for peak in peaks:
        values += 80.0 * np.exp(-(np.linalg.norm(points - peak, axis=-1) ** 2) / (2 * 6.0**2))
    return on_grid(values.astype(np.float32), grid), on_grid(liver.astype(np.uint8), grid)
