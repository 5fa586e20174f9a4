"""How bright a lesion is against the liver around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Box, Grid, Vector, resample

RING_MM = 15.0
"""How far around a lesion its liver reaches: near enough that the coil's shading does not count."""
FEWEST_VOXELS = 20
"""Fewer voxels of liver make no mean."""


def contrast_to_liver(
    image: sitk.Image,
    liver: sitk.Image,
    box: Box,
    others: Sequence[Box] = (),
    ring_mm: float = RING_MM,
    labels: sitk.Image | None = None,
    number: int | None = None,
) -> float | None:
    """Relative contrast (lesion − liver) / liver: −0.4 is 40 % darker than the liver around it, 1 twice as bright.

    The lesion is the mean over its mask, or the ellipsoid its box holds (the voxel at its center when the box is
    smaller than a voxel); the liver the mean over the liver mask within `ring_mm` of the box, outside every mask of a
    lesion and every box of one without a mask. Both
    are means of image values in arbitrary units, so a contrast compares lesions within one image, and not scanners.

    Args:
        image: scalar volume.
        liver: mask; on another grid it is resampled.
        box: of the lesion, LPS mm.
        others: boxes of the other lesions in this image, LPS mm; `box` may be among them.
        ring_mm: width of the ring.
        labels: masks of the lesions on the grid of `image`, by number.
        number: of the lesion in `labels`; None for one without a mask.

    Returns:
        The contrast, or None where the box lies outside the image, less than 20 voxels of healthy liver are near, or
        their mean is not above zero.
    """
    found = lesion_and_liver(Grid.of(image), box, liver, others, ring_mm, labels, number)
    if found is None:
        return None
    window, lesion, healthy = found
    values = sitk.GetArrayViewFromImage(image)[window].astype(float)
    if np.count_nonzero(healthy) < FEWEST_VOXELS:
        return None
    around = values[healthy].mean()
    return float(values[lesion].mean() / around - 1.0) if around > 0 else None


def lesion_and_liver(
    grid: Grid,
    box: Box,
    liver: sitk.Image,
    others: Sequence[Box] = (),
    ring_mm: float = RING_MM,
    labels: sitk.Image | None = None,
    number: int | None = None,
) -> tuple[tuple[slice, ...], np.ndarray, np.ndarray] | None:
    """The part (z, y, x) of a grid around a lesion, which of its voxels are the lesion, and which the liver that it is
    compared with; arguments as in `contrast_to_liver`. None where the box lies outside the grid."""
    block = _Block.around(box, grid, ring_mm)
    if block is None:
        return None
    drawn = None if labels is None else sitk.GetArrayViewFromImage(labels)[block.window]
    lesion = block.ellipsoid(box) if drawn is None or number is None else drawn == number
    if not lesion.any():
        center = block.nearest(box.center_mm)
        if center is None:
            return None
        lesion[center] = True
    healthy = sitk.GetArrayFromImage(mask_on_grid(liver, grid))[block.window] > 0
    healthy &= ~lesion & block.inside(box, ring_mm)
    if drawn is not None:
        healthy &= drawn == 0
    for other in (*others, *(() if number is not None else (box,))):
        if block.may_meet(other):
            healthy &= ~block.inside(other)
    return block.window, lesion, healthy


def mask_on_grid(mask: sitk.Image, grid: Grid) -> sitk.Image:
    """`mask` itself when it lies on `grid`, else resampled onto it."""
    return mask if Grid.of(mask).same_as(grid) else resample(mask, grid, "nearest")


@dataclass(frozen=True)
class _Block:
    """The voxels of a grid from index `lower` up to, not including, `upper` (x, y, z)."""

    grid: Grid
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def around(cls, box: Box, grid: Grid, margin_mm: float) -> "_Block | None":
        """The voxels near a box; None when there are none."""
        grown = Box(box.center_mm, tuple(s + 2 * margin_mm for s in box.size_mm), box.direction)
        corners = np.array([grid.index(corner) for corner in grown.corners_mm])
        lower = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        upper = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, grid.size)
        return cls(grid, lower, upper) if (upper > lower).all() else None

    @property
    def window(self) -> tuple[slice, ...]:
        """Of an array (z, y, x)."""
        return tuple(slice(low, high) for low, high in zip(self.lower[::-1], self.upper[::-1]))

    def nearest(self, point_mm: Vector) -> tuple[int, ...] | None:
        """Place (z, y, x) in the block of the voxel that holds a point; None outside."""
        index = np.floor(self.grid.index(point_mm) + 0.5).astype(int)
        within = (index >= self.lower).all() and (index < self.upper).all()
        return tuple((index - self.lower)[::-1].tolist()) if within else None

    def ellipsoid(self, box: Box) -> np.ndarray:
        """Which voxels (z, y, x) lie in the ellipsoid that a box holds."""
        return sum((along / (side / 2)) ** 2 for along, side in zip(self._along(box), box.size_mm)) <= 1.0

    def inside(self, box: Box, margin_mm: float = 0.0) -> np.ndarray:
        """Which voxels (z, y, x) lie in a box grown by a margin."""
        sides = [np.abs(along) <= side / 2 + margin_mm for along, side in zip(self._along(box), box.size_mm)]
        return sides[0] & sides[1] & sides[2]

    def may_meet(self, box: Box) -> bool:
        """Whether the ball around a box touches the ball around the block."""
        first, last = self.grid.point(self.lower), self.grid.point(self.upper - 1)
        reach = (np.linalg.norm(box.size_mm) + np.linalg.norm(last - first)) / 2
        return bool(np.linalg.norm((first + last) / 2 - box.center_mm) <= reach)

    def _along(self, box: Box) -> list[np.ndarray]:
        """Distance in mm of the voxel centers from the center of a box along each of its axes.

        An axis of the box that is one of the grid costs a row of numbers and not a volume of them.
        """
        own = np.reshape(box.direction, (3, 3))
        start = (self.grid.point(self.lower) - box.center_mm) @ own
        steps = own.T @ self.grid.axes * self.grid.spacing
        counts = [np.arange(n) for n in self.upper - self.lower]
        index = np.meshgrid(*counts[::-1], indexing="ij", sparse=True)[::-1]
        return [
            start[k] + sum((steps[k, j] * index[j] for j in range(3) if abs(steps[k, j]) > 1e-9), np.zeros((1, 1, 1)))
            for k in range(3)
        ]
