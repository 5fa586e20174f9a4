"""Distances between the surfaces of two masks, in millimeters.

A mask's surface is its voxels that have a face neighbor outside the mask, or outside the volume; a distance runs from
the center of a surface voxel to the nearest surface voxel center of the other mask. Voxels count alike however far
apart they are along each axis, as in MONAI and nnU-Net. Definitions follow Maier-Hein et al., Metrics reloaded,
Nature Methods 21 (2024).

Two empty masks have distance 0; where only one is empty there is no distance, and the answer is NaN.
"""

import math

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

from liverpair.measures.masks import comparable_masks


def hd95_and_assd_mm(a: sitk.Image, b: sitk.Image) -> tuple[float, float]:
    """The 95th-percentile Hausdorff distance and the average symmetric surface distance, in mm.

    The first is the larger of the two directed 95th percentiles (linear interpolation), the second the mean over all
    surface voxels of both masks. Raises `InputError` when the masks do not lie on one grid.
    """
    distances = surface_distances_mm(a, b)
    if not any(map(len, distances)):
        return 0.0, 0.0
    if not all(map(len, distances)):
        return math.nan, math.nan
    return max(float(np.percentile(d, 95)) for d in distances), float(np.concatenate(distances).mean())


def surface_distances_mm(a: sitk.Image, b: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each surface voxel of `a` to the surface of `b`, and of each of `b` to that of `a`, in mm.

    Distances to an empty mask are infinite. Raises `InputError` when the masks do not lie on one grid.
    """
    first, second = (_surface_points(mask, a.GetSpacing()) for mask in comparable_masks(a, b))
    return _nearest(first, second), _nearest(second, first)


def _surface_points(mask: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """(n, 3) surface voxel centers in mm along the grid's own z, y, x axes, where distances are as in space."""
    occupied = np.argwhere(mask)
    if not len(occupied):
        return np.empty((0, 3))
    corner, end = occupied.min(axis=0), occupied.max(axis=0) + 1
    block = mask[tuple(slice(low, high) for low, high in zip(corner, end))]
    return (np.argwhere(block & ~binary_erosion(block)) + corner) * np.asarray(spacing[::-1])


def _nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    return KDTree(others).query(points)[0] if len(points) and len(others) else np.full(len(points), np.inf)
