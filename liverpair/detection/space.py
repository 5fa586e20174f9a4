"""Boxes between the voxels of a working grid and the millimeters of an image."""

from collections.abc import Sequence

import numpy as np

from liverpair.core.geometry import Box, Grid
from liverpair.measures.boxes import turned


def to_space(bounds: np.ndarray, grid: Grid, direction: Sequence[float]) -> list[Box]:
    """Boxes (n, 2, 3) in voxels (z, y, x) of `grid` as boxes in LPS mm, with sides along the axes of `direction` (see
    `measures.boxes.turned`)."""
    boxes = []
    for lower, upper in np.asarray(bounds, float)[..., ::-1]:
        center = grid.point((lower + upper) / 2 - 0.5)
        size = (upper - lower) * grid.spacing
        boxes.append(turned(Box(tuple(map(float, center)), tuple(map(float, size)), grid.direction), direction))
    return boxes


def to_voxels(boxes: Sequence[Box | None], grid: Grid) -> np.ndarray:
    """Boxes in LPS mm as bounds (n, 2, 3) in voxels (z, y, x) of `grid`; NaN for None."""
    bounds = np.full((len(boxes), 2, 3), np.nan)
    for row, box in enumerate(boxes):
        if box is not None:
            center = grid.index(box.center_mm) + 0.5
            half = np.divide(turned(box, grid.direction).size_mm, grid.spacing) / 2
            bounds[row] = (center - half)[::-1], (center + half)[::-1]
    return bounds
