"""What a network that draws the lesion in a box sees: the image in and around the box, on a grid that grows with it, so
that every lesion is seen at one size, whatever its own and the scanner's."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import BOX
from liverpair.core.geometry import Box, Grid, resample, to_lps
from liverpair.measures.boxes import turned
from liverpair.segmentation.preparation import Normalization, anti_aliased

MARGIN = 2
"""Voxels of the image that are read beyond a crop, for what is smoothed and interpolated there."""


@dataclass(frozen=True)
class BoxSight:
    """How much a network sees: a crop of `shape` (z, y, x) voxels, which is `reach` times as long as the box along each
    of the image's axes."""

    shape: tuple[int, int, int] = (16, 32, 32)
    reach: float = 2.0

    def __post_init__(self):
        if min(self.shape) < 1 or not self.reach >= 1:
            raise ValueError(f"a crop of {self.shape} voxels, {self.reach} times as long as its box, holds no box")

    @classmethod
    def of(cls, bundle: Bundle) -> "BoxSight":
        """What a model's manifest says of it. Raises `BundleError` where it says nothing."""
        section = bundle.section(BOX)
        return cls(tuple(section["shape"]), section["reach"])

    def grid(self, image: sitk.Image, box: Box) -> Grid:
        """The grid of the crop around a box (LPS, mm), along the axes of `image` in LPS order."""
        direction = to_lps(image[:1, :1, :1]).GetDirection()
        size = self.shape[::-1]
        spacing = np.maximum(turned(box, direction).size_mm, 1e-3) * self.reach / size
        corner = np.reshape(direction, (3, 3)) @ ((np.array(size) - 1) / 2 * spacing)
        origin = np.subtract(box.center_mm, corner)
        return Grid(size, tuple(map(float, spacing)), tuple(map(float, origin)), direction)

    def channels(self, image: sitk.Image, grid: Grid, normalization: Normalization) -> np.ndarray:
        """(2, z, y, x) float32: the image on the grid of a crop in [0, 1], and how far each voxel lies from the center
        of the box, 0 there, 0.5 on the surface of the ellipsoid that the box holds, 1 from twice as far on."""
        values = sitk.GetArrayFromImage(resample(part := _part(image, grid), grid, fill=_least(part)))
        return np.stack([normalization(values), self._distance()])

    def _distance(self) -> np.ndarray:
        z, y, x = (np.square((np.arange(n) - (n - 1) / 2) / n * 2 * self.reach) for n in self.shape)
        distance = np.sqrt(z[:, None, None] + y[:, None] + x)
        return np.minimum(distance / 2, 1.0).astype(np.float32)


def _part(image: sitk.Image, grid: Grid) -> sitk.Image:
    """What a grid covers of the image, and a margin, smoothed where the grid is much coarser."""
    own = Grid.of(image)
    ends = np.stack([np.zeros(3), np.subtract(grid.size, 1)])
    corners = [own.index(grid.point(ends[pick, range(3)])) for pick in np.ndindex(2, 2, 2)]
    margin = MARGIN + np.ceil(np.divide(grid.spacing, own.spacing).max())
    low = np.clip(np.floor(np.min(corners, axis=0)) - margin, 0, np.subtract(own.size, 1)).astype(int)
    high = np.clip(np.ceil(np.max(corners, axis=0)) + margin + 1, low + 1, own.size).astype(int)
    return anti_aliased(image[tuple(slice(int(a), int(b)) for a, b in zip(low, high))], grid)


def _least(image: sitk.Image) -> float:
    return float(sitk.GetArrayViewFromImage(image).min())
