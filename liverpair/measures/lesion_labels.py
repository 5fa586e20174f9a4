"""What the label map of the lesions in one image tells of each: every voxel holds the number of its lesion, or 0."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid, like
from liverpair.measures.axial_lines import AxialLines, axial_axis, axial_lines
from liverpair.measures.boxes import label_boxes
from liverpair.measures.contrast import contrast_to_liver, mask_on_grid

if TYPE_CHECKING:  # scipy is imported where it computes, as panels of a Slicer without it import this file
    from scipy.spatial import KDTree


@dataclass(frozen=True)
class MaskMeasures:
    """One lesion in one image, from its mask; None where there is no image, no liver, or no other lesion.

    Attributes:
        lines: its axial diameters.
        volume_ml: of its voxels.
        mean, sd: of the image in it, in the image's own units.
        contrast: (lesion − liver) / liver, see `contrast_to_liver`.
        capsule_mm: shortest distance to the surface of the liver, between the centers of voxels; 0 when a voxel of the
            lesion is one of the surface. The end of the image is no surface. None for a lesion outside the liver.
        nearest_mm: shortest distance to another lesion, between the centers of voxels.
    """

    lines: AxialLines
    volume_ml: float
    mean: float | None
    sd: float | None
    contrast: float | None
    capsule_mm: float | None
    nearest_mm: float | None


class LesionLabels:
    """The lesions of one image, measured by number.

    Raises `InputError` for a label map that is no whole numbers, or lies on another grid than the image.
    """

    def __init__(
        self,
        labels: sitk.Image,
        image: sitk.Image | None = None,
        liver: sitk.Image | None = None,
        name: str = "image",
        numbers: Collection[int] | None = None,
    ):
        """Take the label map apart.

        Args:
            labels: label map, integers.
            image: that it was drawn in.
            liver: its mask, on any grid.
            name: of the image, for sentences: "T1".
            numbers: of the lesions that count; all when None. Others are liver to their neighbors.
        """
        if labels.GetDimension() != 3 or labels.GetNumberOfComponentsPerPixel() != 1:
            raise InputError(f"The lesion masks of {name} are not a 3-D label map.")
        values = sitk.GetArrayViewFromImage(labels)
        if not np.issubdtype(values.dtype, np.integer):
            if not np.isfinite(values).all() or (values != np.rint(values)).any():
                raise InputError(
                    f"The lesion masks of {name} hold fractions.",
                    "A label map holds the whole number of the lesion in each of its voxels.",
                )
            labels = sitk.Cast(labels, sitk.sitkInt32)
        self.grid = Grid.of(labels)
        if image is not None and not Grid.of(image).same_as(self.grid):
            raise InputError(
                f"The lesion masks of {name} do not lie on the grid of its volume.",
                "Resample them onto it, with nearest neighbors.",
            )
        from scipy import ndimage

        if numbers is not None:
            values = sitk.GetArrayFromImage(labels)
            labels = like(np.where(np.isin(values, list(numbers)), values, 0).astype(values.dtype), labels)
        self.labels, self._image, self._liver = labels, image, liver
        self._array = sitk.GetArrayFromImage(labels)
        self._windows = ndimage.find_objects(np.maximum(self._array, 0).astype(np.int32))
        self.boxes: dict[int, Box] = label_boxes(labels)
        self._surfaces = {number: self._surface(number) for number in self.boxes}
        self._capsule, self._covered = (None, None) if liver is None else self._of_liver(liver)

    def mask(self, number: int) -> sitk.Image:
        """The voxels of one lesion, uint8 (0, 1)."""
        return self.labels == number

    def measured(self, number: int, others: Sequence[Box] = ()) -> MaskMeasures | None:
        """The measures of one lesion; None where it has no voxel.

        `others`: boxes (LPS mm) of lesions of the image that have no mask: what they hold is no liver to compare with.
        """
        if number not in self.boxes:
            return None
        window = self._windows[number - 1]
        inside = self._array[window] == number
        start = [side.start for side in window[::-1]]
        lines = axial_lines(inside, self._cropped_grid(start, inside.shape))
        values = None
        if self._image is not None:
            values = sitk.GetArrayViewFromImage(self._image)[window][inside].astype(float)
        contrast = None
        if values is not None and self._liver is not None:
            contrast = contrast_to_liver(
                self._image, self._liver, self.boxes[number], others, labels=self.labels, number=number
            )
        shift = start[axial_axis(self.grid.direction)]
        return MaskMeasures(
            lines=replace(lines, slice=lines.slice + shift),
            volume_ml=float(inside.sum() * np.prod(self.grid.spacing) / 1000.0),
            mean=None if values is None else float(values.mean()),
            sd=None if values is None else float(values.std()),
            contrast=contrast,
            capsule_mm=self._to_capsule(number, window, inside),
            nearest_mm=self._to_nearest(number),
        )

    def _cropped_grid(self, start: Sequence[int], shape: Sequence[int]) -> Grid:
        return Grid(tuple(shape[::-1]), self.grid.spacing, tuple(self.grid.point(start)), self.grid.direction)

    def _surface(self, number: int) -> np.ndarray:
        """(n, 3) centers in mm along the axes of the grid (z, y, x), of the voxels with a face to the outside."""
        from scipy import ndimage

        window = self._windows[number - 1]
        inside = self._array[window] == number
        shell = inside & ~ndimage.binary_erosion(inside)
        return (np.argwhere(shell) + [side.start for side in window]) * np.array(self.grid.spacing[::-1])

    def _of_liver(self, liver: sitk.Image) -> "tuple[KDTree | None, np.ndarray]":
        """The surface of the liver, which may leave lesions out, and what it covers."""
        from scipy import ndimage
        from scipy.spatial import KDTree

        drawn = sitk.GetArrayFromImage(mask_on_grid(liver, self.grid)) != 0
        windows = ndimage.find_objects((drawn | (self._array > 0)).astype(np.uint8))
        if not windows or not drawn.any():
            return None, drawn
        window = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in windows[0])
        near, covered = drawn[window], drawn.copy()
        covered[window] = ndimage.binary_fill_holes(near)
        whole = ndimage.binary_fill_holes(near | (self._array[window] > 0))
        shell = np.argwhere(whole & ~ndimage.binary_erosion(whole, border_value=1)) + [side.start for side in window]
        return KDTree(shell * np.array(self.grid.spacing[::-1])), covered

    def _to_capsule(self, number: int, window: tuple[slice, ...], inside: np.ndarray) -> float | None:
        if self._capsule is None or not self._covered[window][inside].any():
            return None
        return float(self._capsule.query(self._surfaces[number])[0].min())

    def _to_nearest(self, number: int) -> float | None:
        from scipy.spatial import KDTree

        own = KDTree(self._surfaces[number])
        found = [own.query(points)[0].min() for other, points in self._surfaces.items() if other != number]
        return float(min(found)) if found else None
