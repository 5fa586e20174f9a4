"""Two visits of one patient: ellipsoids for livers, balls for lesions, everything known."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from lesion_factory import lesion_of

from liverpair.core.geometry import Grid, on_grid
from liverpair.core.lesions import LesionBox, write_lesions
from liverpair.core.sides import Side
from liverpair.io.study import write_image
from liverpair.measures.boxes import label_boxes

GRID = Grid((96, 72, 32), (2.5, 2.5, 5.0), (-118.75, -88.75, -77.5), (1, 0, 0, 0, 1, 0, 0, 0, 1))
LIVER_RADII = (90.0, 60.0, 55.0)
SHIFT = {Side.T1: (0.0, 0.0, 0.0), Side.T2: (4.0, 3.0, 10.0)}
BASELINE = {1: ((-40.0, 0.0, 0.0), 15.0), 2: ((30.0, 10.0, 10.0), 12.0), 3: ((0.0, -25.0, -20.0), 8.0)}
"""Center in mm and radius in mm, by number."""
FOLLOWUP = {1: ((0.0, -25.0, -20.0), 8.0), 2: ((-40.0, 0.0, 0.0), 20.0), 4: ((60.0, -5.0, -5.0), 9.0)}
"""Lesion 1 of the baseline has grown and is 2 now, 3 is the same and is 1 now, 2 is gone, and 4 is new."""
MOVED = (5.0, -4.0, 6.0)
"""Where the liver lies at the second visit, beside where it lay at the first."""


def write_visit(
    folder: Path, lesions: dict, moved=(0.0, 0.0, 0.0), masks: bool = True, state: str = "accepted"
) -> Path:
    """Write a study folder with volumes, livers, `lesions.json` and masks of the lesions; return it."""
    z, y, x = np.indices(GRID.shape)
    points = np.stack([x, y, z], axis=-1) * GRID.spacing + GRID.origin
    boxes: dict[int, dict[Side, LesionBox]] = {number: {} for number in lesions}
    folder.mkdir(parents=True, exist_ok=True)
    for side in Side:
        shift = np.add(SHIFT[side], moved)
        liver = np.linalg.norm((points - shift) / LIVER_RADII, axis=-1) <= 1
        labels = np.zeros(GRID.shape, np.uint16)
        for number, (center, radius) in lesions.items():
            labels[np.linalg.norm(points - shift - center, axis=-1) <= radius] = number
        noise = np.random.default_rng(3).normal(0.0, 4.0, GRID.shape)
        values = np.where(liver, np.where(labels > 0, 60.0 if side is Side.T1 else 200.0, 100.0), 20.0) + noise
        map_ = on_grid(labels, GRID)
        write_image(on_grid(values.astype(np.float32), GRID), folder / f"{side}.nii.gz")
        write_image(sitk.Cast(on_grid(liver.astype(np.uint8), GRID), sitk.sitkUInt8), folder / f"{side}_liver.nii.gz")
        if masks:
            write_image(map_, folder / f"{side}_lesions.nii.gz")
        for number, box in label_boxes(map_).items():
            boxes[number][side] = LesionBox(box, "detected", 0.9)
    pairs = [
        lesion_of(number, *map(own.get, Side), uid=f"{folder.name}-{number}", state=state)
        for number, own in boxes.items()
    ]
    write_lesions(folder / "lesions.json", pairs)
    return folder
