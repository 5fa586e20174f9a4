"""Overlap of boxes that share their axes, and boxes in millimeters brought to shared axes.

Box arrays are (n, 2, d): lower and upper bounds along d axes, in any unit.
"""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import IDENTITY_DIRECTION, Box, Grid


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union (n, m) of boxes (n, 2, d) and (m, 2, d). Boxes without volume overlap nothing."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    lower = np.maximum(first[:, None, 0], second[None, :, 0])
    upper = np.minimum(first[:, None, 1], second[None, :, 1])
    shared = np.prod(np.clip(upper - lower, 0.0, None), axis=-1)
    union = volumes(first)[:, None] + volumes(second)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=(shared > 0) & (union > 0))


def volumes(boxes: np.ndarray) -> np.ndarray:
    """Volumes (n,) of boxes (n, 2, d); 0 where an upper bound does not lie above its lower bound."""
    boxes = np.asarray(boxes, float)
    return np.prod(np.clip(boxes[:, 1] - boxes[:, 0], 0.0, None), axis=-1)


def centers(boxes: np.ndarray) -> np.ndarray:
    """Centers (n, d) of boxes (n, 2, d)."""
    return np.asarray(boxes, float).mean(axis=1)


def turned(box: Box, direction: Sequence[float]) -> Box:
    """`box` with its sides along the axes of `direction`, around the same center.

    The new sides are the extents of the ellipsoid that the box holds: exact where the axes are only permuted or
    flipped, and free of the growth that the corners of an oblique box would cause; a lesion has no corners.
    """
    axes, own = np.reshape(direction, (3, 3)), np.reshape(box.direction, (3, 3))
    size = np.linalg.norm((axes.T @ own) * np.asarray(box.size_mm), axis=1)
    return Box(box.center_mm, tuple(float(s) for s in size), tuple(float(d) for d in np.ravel(direction)))


def bounds_mm(boxes: Sequence[Box], direction: Sequence[float] = IDENTITY_DIRECTION) -> np.ndarray:
    """Bounds (n, 2, 3) in mm along the axes of `direction` (x, y, z), of boxes turned to those axes."""
    axes = np.reshape(direction, (3, 3))
    if not boxes:
        return np.empty((0, 2, 3))
    center = np.array([box.center_mm for box in boxes], float) @ axes
    half = np.array([turned(box, direction).size_mm for box in boxes]) / 2
    return np.stack([center - half, center + half], axis=1)


def iou_mm(first: Sequence[Box], second: Sequence[Box]) -> np.ndarray:
    """Intersection over union (n, m) of boxes in space, along the axes of the first box of `first`."""
    direction = first[0].direction if first else IDENTITY_DIRECTION
    return iou(bounds_mm(first, direction), bounds_mm(second, direction))


def label_boxes(labels: sitk.Image) -> dict[int, Box]:
    """The tight box of every label above 0 of an integer image, in LPS mm along the axes of the image."""
    grid, statistics = Grid.of(labels), sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(labels)
    boxes = {}
    for label in statistics.GetLabels():
        start, size = np.reshape(statistics.GetBoundingBox(label), (2, 3))
        center = grid.point(start + (size - 1) / 2)
        boxes[label] = Box(tuple(map(float, center)), tuple(map(float, size * grid.spacing)), grid.direction)
    return boxes
