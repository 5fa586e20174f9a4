"""Requests of the job "dream", with networks that find what is bright around a voxel."""

from pathlib import Path
from typing import Any

import pytest
import torch
from bright_box import grid
from bundle_factory import manifest
from peak_detector import image_and_liver

from liverpair.bundle import Bundle
from liverpair.core.labels import LESION
from liverpair.io.study import write_image
from liverpair.networks import build

GRID = grid((4.0, 4.0, 8.0), degrees=(8.0, -5.0, 15.0), extent=140.0)
"""Oblique; the liver is a sphere of value 20 around the origin."""
FEATURES = ["firstorder_Mean", "shape2D_Sphericity"]
ITERATIONS = 15
PEAK = (-20.0, 10.0, 8.0)
POINT = [16.0, -8.0, 0.0]
"""A place in the liver, far from the peak (value 100)."""
GAIN = 12.0
RANGES = {
    "settings": {"dimensions": 2, "scale": 255, "bin_width": 10, "spacing_mm": [4.0, 4.0, 8.0]},
    "count": 12,
    "data": "Twelve drawn spheres",
    "features": {
        "firstorder_Mean": {"mean": 140.0, "sd": 10.0},
        "shape2D_Sphericity": {"mean": 0.8, "sd": 0.1},
    },
}


def write_dream_bundle(folder: Path, dimensions: int = 2, gain: float = GAIN, **changes: Any) -> Bundle:
    """A bundle whose logit is `gain` times the mean over 5 voxels along each axis (3 along z), minus gain / 2. The
    two-dimensional one has the task "slice-segmentation"."""
    kernel = [3, 5, 5][-dimensions:]
    arguments = {
        "in_channels": 1,
        "widths": [1],
        "kernels": [kernel],
        "normalization": "none",
        "activation": "leaky_relu",
        "dimensions": dimensions,
    }
    network = build("unet", arguments)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    first, second = network.encoder[0][0], network.encoder[0][3]
    first.weight.data[:] = 1.0 / first.weight[0, 0].numel()
    second.weight.data[(0, 0, *(k // 2 for k in kernel))] = 1.0
    network.head.weight.data[:] = gain
    network.head.bias.data[:] = -gain / 2
    settings = {
        "name": "bright-around",
        "task": "slice-segmentation" if dimensions == 2 else "segmentation",
        "strategy": "single",
        "inputs": ["T1"],
        "network": {"name": "unet", "arguments": arguments},
        "grid": {"spacing_mm": [4.0, 4.0, 8.0], "multiple_of": [1] * dimensions, "crop": "body"},
        "normalization": {"method": "percentile", "lower_percentile": 0.0, "upper_percentile": 100.0},
        "labels": [LESION],
    }
    if dimensions == 2:
        settings["grid"] |= {"keep_slices_from_mm": 0, "keep_slices_to_mm": 1000}
        settings["normal_ranges"] = RANGES
    return Bundle.write(folder, manifest(**{**settings, **changes}), network.state_dict())


def write_patient(folder: Path) -> dict[str, str]:
    """Write t1 and its liver mask; return their paths."""
    image, liver = image_and_liver(GRID, [PEAK])
    paths = {"t1": str(folder / "t1.nii.gz"), "t1_liver": str(folder / "t1_liver.nii.gz")}
    write_image(image, paths["t1"])
    write_image(liver, paths["t1_liver"])
    return paths


def short_request(place: Path, output: Path) -> dict[str, Any]:
    """A dream of 15 iterations from one point, with the model "b2" in the folder `place`."""
    return {
        "t1": str(place / "t1.nii.gz"),
        "model": str(place / "b2"),
        "starts": [{"point_mm": POINT}],
        "step": 0.01,
        "iterations": ITERATIONS,
        "minimum_gain": 0,
        "frames": [0, 10],
        "features": FEATURES,
        "precision": "fp32",
        "device": "cpu",
        "output": str(output),
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a patient, the two-dimensional model "b2" with normal ranges, and "b3" without."""
    folder = tmp_path_factory.mktemp("Läsion 肝")
    write_dream_bundle(folder / "b2")
    write_dream_bundle(folder / "b3", dimensions=3)
    write_patient(folder)
    return folder


@pytest.fixture
def request_for(place, tmp_path):
    """A request of a short dream from one point, with changes."""

    return lambda **changes: {**short_request(place, tmp_path / "out"), **changes}


class Watcher:
    """A `Progress` that keeps all samples, and on request stops at one of them."""

    def __init__(self, stop_after: int | None = None):
        self.samples: list[dict[str, Any]] = []
        self.fractions: list[float] = []
        self.stop_after = stop_after

    def __call__(self, fraction: float, message: str) -> None:
        self.fractions.append(fraction)
        self._check()

    def sample(self, sample: dict[str, Any]) -> None:
        self._check()
        self.samples.append(sample)

    def _check(self) -> None:
        from liverpair.core.errors import Cancelled

        if self.stop_after is not None and len(self.samples) >= self.stop_after:
            raise Cancelled
