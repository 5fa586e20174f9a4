"""The longest diameter of a lesion in an axial slice, and the longest one across it, from its mask.

RECIST 1.1 (Eisenhauer et al., European Journal of Cancer 45, 2009) asks for the longest diameter over all axial slices.
The outline of a mask runs through the middle of the faces between voxels in it and voxels outside, as marching squares
draw it: n voxels in a row are n voxels long.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liverpair.core.geometry import Grid, Vector

Line = tuple[Vector, Vector]
"""Both ends, LPS mm."""
_TOUCHING = np.ones((3, 3), bool)
_SAME_MM = 1e-6


@dataclass(frozen=True)
class AxialLines:
    """The two diameters of a lesion.

    Attributes:
        slice: index (from 0) along the axial axis of the grid.
        long_mm, short_mm: lengths; the short one is the longest at right angles to the long one, in the same slice.
        long_line, short_line: their ends, LPS mm.
    """

    slice: int
    long_mm: float
    long_line: Line
    short_mm: float
    short_line: Line


def axial_axis(direction: Sequence[float]) -> int:
    """Index axis (0 is x) nearest to the patient's long axis: axial slices lie across it."""
    return int(np.abs(np.reshape(direction, (3, 3))[2]).argmax())


def axial_lines(mask: np.ndarray, grid: Grid) -> AxialLines | None:
    """The diameters of a mask; None for an empty one.

    A line stays within one part of the mask in its slice (voxels that touch, if only by a corner). Of slices with the
    same diameter the one with the larger area counts, then the first.

    Args:
        mask: (z, y, x), what is not 0 is the lesion.
        grid: of the mask; may be oblique.
    """
    from scipy import ndimage  # here, as panels of a Slicer without it import this file
    from scipy.spatial.distance import pdist, squareform

    axis = axial_axis(grid.direction)
    plane_axes = [other for other in range(3) if other != axis]
    spacing = np.array([grid.spacing[other] for other in plane_axes])
    planes = np.moveaxis(np.asarray(mask) != 0, [2 - axis, *(2 - other for other in plane_axes)], [0, 1, 2])
    best = None
    for number in np.flatnonzero(planes.any(axis=(1, 2))):
        parts, count = ndimage.label(planes[number], _TOUCHING)
        for label in range(1, count + 1):
            hull = _hull_mm(parts == label, spacing)
            distances = squareform(pdist(hull))
            rank = round(float(distances.max()) / _SAME_MM), int((parts == label).sum()), -int(number)
            if best is None or rank > best[0]:
                best = rank, hull, distances
    if best is None:
        return None
    (_, _, last), hull, distances = best

    def line(ends: np.ndarray) -> Line:
        indices = np.empty((2, 3))
        indices[:, axis], indices[:, plane_axes] = -last, ends / spacing
        return tuple(tuple(map(float, grid.point(index))) for index in indices)

    ends = hull[list(np.unravel_index(distances.argmax(), distances.shape))]
    across = _across(hull, ends)
    return AxialLines(
        -last, float(distances.max()), line(ends), float(np.linalg.norm(across[1] - across[0])), line(across)
    )


def _hull_mm(part: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Corners (n, 2) in mm of the convex hull of the outline of a part of a slice, in order around it."""
    from scipy.spatial import ConvexHull

    padded = np.pad(part, 1)
    middles = []
    for axis in range(2):
        faces = np.argwhere(np.diff(padded, axis=axis)).astype(float) - 1
        faces[:, axis] += 0.5
        middles.append(faces)
    points = np.concatenate(middles) * spacing
    return points[ConvexHull(points).vertices]


def _across(hull: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Ends (2, 2) of the longest line through a convex outline at right angles to the one between `ends`.

    The length of such lines is a concave function of where they cross, straight between corners, so it is longest at a
    corner.
    """
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    turned = hull @ np.stack([along, [-along[1], along[0]]], axis=1)
    best = np.zeros((2, 2))
    length = -1.0
    starts, stops = turned, np.roll(turned, -1, axis=0)
    for u in turned[:, 0]:
        crossed = (np.minimum(starts[:, 0], stops[:, 0]) <= u) & (np.maximum(starts[:, 0], stops[:, 0]) >= u)
        first, second = starts[crossed], stops[crossed]
        width = second[:, 0] - first[:, 0]
        share = np.divide(u - first[:, 0], width, out=np.zeros_like(width), where=np.abs(width) > 1e-12)
        heights = np.concatenate([first[:, 1] + share * (second[:, 1] - first[:, 1]), turned[turned[:, 0] == u, 1]])
        if heights.max() - heights.min() > length:
            length = heights.max() - heights.min()
            best = np.array([[u, heights.min()], [u, heights.max()]])
    return best @ np.stack([along, [-along[1], along[0]]])
