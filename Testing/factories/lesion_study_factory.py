"""Study folders with drawn lesions: bright balls in a body."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Grid, on_grid
from liverpair.core.sides import Side
from liverpair.io.study import write_image

LESIONS = {(-25.0, 0.0, 3.0): 9.0, (20.0, 15.0, -12.0): 12.0, (15.0, -25.0, 15.0): 15.0}
"""Center in LPS mm and radius in mm."""
GRID = Grid((80, 80, 12), (1.5, 1.5, 6.0), (-59.25, -59.25, -33.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def write_lesion_study(folder: Path, seed: int = 0, sides: tuple[str, ...] = (Side.T1,)) -> Path:
    """Write `t1.nii.gz` and `t2.nii.gz` with noise, and for `sides` the label map of the lesions; return the folder."""
    z, y, x = np.indices(GRID.shape)
    points = np.stack([x, y, z], axis=-1) * GRID.spacing + GRID.origin
    labels = np.zeros(GRID.shape, np.uint8)
    for number, (center, radius) in enumerate(LESIONS.items(), start=1):
        labels[np.linalg.norm(points - center, axis=-1) <= radius] = number
    body = np.linalg.norm(points[..., :2], axis=-1) < 55
    noise = np.random.default_rng(seed).normal(0.0, 20.0, GRID.shape)
    values = np.where(body, np.where(labels > 0, 800.0, 300.0) + noise, 0.0)
    values[6, 40, 40] = 1000.0
    folder.mkdir(parents=True, exist_ok=True)
    for side in Side:
        write_image(on_grid(values.astype(np.float32), GRID), folder / f"{side}.nii.gz")
    for side in sides:
        write_image(sitk.Cast(on_grid(labels, GRID), sitk.sitkUInt8), folder / f"{side}_lesions.nii.gz")
    return folder
