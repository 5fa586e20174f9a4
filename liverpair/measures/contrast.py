"""How bright a lesion is against the liver around it."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from liverpair.geometry import Box, Grid, resample

RING_MM = 15.0
"""How far around a lesion its liver reaches: near enough that the coil's shading does not count."""
FEWEST_VOXELS = 20
"""Fewer voxels of liver make no mean."""


def contrast_to_liver(
    image: sitk.Image, liver: sitk.Image, box: Box, others: Sequence[Box] = (), ring_mm: float = RING_MM
) -> float | None:
    """Relative contrast (lesion − liver) / liver: −0.4 is 40 % darker than the liver around it, 1 twice as bright.

    The lesion is the mean over the ellipsoid its box holds (over the voxel at its center when the box is smaller than
    a voxel); the liver the mean over the liver mask within `ring_mm` of the box, outside this and every other box. Both
    are means of image values in arbitrary units, so a contrast compares lesions within one image, and not scanners.

    Args:
        image: scalar volume.
        liver: mask; on another grid it is resampled.
        box: of the lesion, LPS mm.
        others: boxes of the other lesions in this image, LPS mm; `box` may be among them.
        ring_mm: width of the ring.

    Returns:
        The contrast, or None where the box lies outside the image, less than 20 voxels of healthy liver are near, or
        their mean is not above zero.
    """
    grid = Grid.of(image)
    block = _block(box, grid, ring_mm)
    if block is None:
        return None
    lower, upper = block
    window = tuple(slice(low, high) for low, high in zip(lower[::-1], upper[::-1]))
    values = sitk.GetArrayViewFromImage(image)[window].astype(float)
    mask = sitk.GetArrayViewFromImage(mask_on_grid(liver, grid))[window] > 0
    points = _points(grid, lower, upper)

    lesion = _ellipsoid(box, points)
    if not lesion.any():
        center = np.floor(grid.index(box.centre_mm) + 0.5).astype(int) - lower
        if (center < 0).any() or (center >= upper - lower).any():
            return None
        lesion[tuple(center[::-1])] = True
    healthy = mask & ~lesion & _inside(box, points, ring_mm)
    for other in (box, *others):
        if _near(other, points):
            healthy &= ~_inside(other, points)
    if np.count_nonzero(healthy) < FEWEST_VOXELS:
        return None
    around = values[healthy].mean()
    return float(values[lesion].mean() / around - 1.0) if around > 0 else None


def mask_on_grid(mask: sitk.Image, grid: Grid) -> sitk.Image:
    """`mask` itself when it lies on `grid`, else resampled onto it."""
    return mask if Grid.of(mask).same_as(grid) else resample(mask, grid, "nearest")


def _block(box: Box, grid: Grid, margin_mm: float) -> tuple[np.ndarray, np.ndarray] | None:
    """First and one-past-last index (x, y, z) of the voxels around a box; None when there are none."""
    grown = Box(box.centre_mm, tuple(s + 2 * margin_mm for s in box.size_mm), box.direction)
    corners = np.array([grid.index(corner) for corner in grown.corners_mm])
    lower = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    upper = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, grid.size)
    return (lower, upper) if (upper > lower).all() else None


def _points(grid: Grid, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """(z, y, x, 3) voxel centers of a block in LPS mm."""
    z, y, x = np.meshgrid(*(np.arange(a, b) for a, b in zip(lower[::-1], upper[::-1])), indexing="ij")
    return (np.stack([x, y, z], axis=-1) * grid.spacing) @ grid.axes.T + grid.origin


def _along(box: Box, points: np.ndarray) -> np.ndarray:
    """Points along the axes of a box, in mm from its center."""
    return (points - box.centre_mm) @ np.reshape(box.direction, (3, 3))


def _ellipsoid(box: Box, points: np.ndarray) -> np.ndarray:
    return ((_along(box, points) / (np.asarray(box.size_mm) / 2)) ** 2).sum(axis=-1) <= 1.0


def _inside(box: Box, points: np.ndarray, margin_mm: float = 0.0) -> np.ndarray:
    return (np.abs(_along(box, points)) <= np.asarray(box.size_mm) / 2 + margin_mm).all(axis=-1)


def _near(box: Box, points: np.ndarray) -> bool:
    """Whether the ball around a box touches the ball around a block of points."""
    first, last = points[0, 0, 0], points[-1, -1, -1]
    reach = (np.linalg.norm(box.size_mm) + np.linalg.norm(last - first)) / 2
    return bool(np.linalg.norm((first + last) / 2 - box.centre_mm) <= reach)
