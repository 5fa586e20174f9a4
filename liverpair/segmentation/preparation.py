"""From a scanner's volume to what a network sees: the same code for training and inference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair.core.geometry import Grid, on_grid, resample, to_lps, working_grid

COARSE_MM = 8.0
BODY_MARGIN_MM = 12.0
SLICES_AT_ONCE = 16
BODY_PART = 0.02
"""More than this part of a slice, row or column lies in the patient, where he is in it at all."""


@dataclass(frozen=True)
class GridPolicy:
    """Which working grid a bundle asks for.

    `spacing_mm` (x, y, z) is the working spacing. Slices at least `keep_slices_from_mm` apart (and at most
    `keep_slices_to_mm`) stay where they are, so that
    thick slices are not interpolated. With `crop_to_body` the air beside the patient is left out in plane.
    """

    spacing_mm: tuple[float, float, float] = (2.2, 2.2, 6.0)
    keep_slices_from_mm: float = 5.0
    keep_slices_to_mm: float = 10.0
    crop_to_body: bool = True

    def __post_init__(self):
        if not all(spacing > 0 for spacing in self.spacing_mm):
            raise ValueError(f"the working spacing {self.spacing_mm} must be above 0 mm along every axis")

    def grid_for(self, image: sitk.Image) -> Grid:
        """The working grid of `image`, before the crop."""
        own = to_lps(image).GetSpacing()[2]
        keep = self.keep_slices_from_mm <= own <= self.keep_slices_to_mm
        return working_grid(image, (*self.spacing_mm[:2], own if keep else self.spacing_mm[2]))


def unit_range(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """float32: `low` and less become 0, `high` and more 1; where the two are equal, what is above them becomes 1."""
    scaled = np.clip((array - low) / (high - low), 0.0, 1.0) if high > low else array > low
    return scaled.astype(np.float32)


@dataclass(frozen=True)
class Normalization:
    """Percentiles of the body that become 0 and 1; everything beyond is clipped."""

    lower_percentile: float = 1.0
    upper_percentile: float = 99.0

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """float32 in [0, 1]. The percentiles are taken over the whole array, so that a volume is normalized as one."""
        return unit_range(array, *self.limits(array))

    def limits(self, array: np.ndarray) -> tuple[float, float]:
        """The intensities of `array` that become 0 and 1."""
        low, high = np.percentile(array, (self.lower_percentile, self.upper_percentile))
        return float(low), float(high)


def anti_aliased(image: sitk.Image, grid: Grid) -> sitk.Image:
    """Float image smoothed along the axes that `grid` samples more than half again as coarsely, so that thin slices
    are averaged, not skipped.
    """
    return _smoothed(sitk.Cast(to_lps(image), sitk.sitkFloat32), grid, (0, 1, 2))


def _smoothed(image: sitk.Image, grid: Grid, axes: Sequence[int]) -> sitk.Image:
    for axis in axes:
        own, wanted = image.GetSpacing()[axis], grid.spacing[axis]
        if wanted > 1.5 * own and image.GetSize()[axis] >= 4:
            image = sitk.RecursiveGaussian(image, sigma=0.35 * wanted, direction=axis)
    return image


def reduced(image: sitk.Image, grid: Grid) -> sitk.Image:
    """`image` smoothed as `anti_aliased` does and brought onto `grid`, the axes of which are its own; a few slices at a
    time, so that a large volume is never whole in floating point."""
    image = to_lps(image)
    own = Grid.of(image)
    corner = own.index(grid.origin)
    layers = []
    for start in range(0, own.size[2], SLICES_AT_ONCE):
        part = image[:, :, start : start + SLICES_AT_ONCE]
        size = (*grid.size[:2], part.GetSize()[2])
        place = own.point((*corner[:2], start))
        flat = Grid(size, (*grid.spacing[:2], own.spacing[2]), tuple(place.tolist()), grid.direction)
        layers.append(
            sitk.GetArrayFromImage(resample(_smoothed(sitk.Cast(part, sitk.sitkFloat32), grid, (0, 1)), flat))
        )
    whole = Grid(
        (*grid.size[:2], own.size[2]), flat.spacing, tuple(own.point((*corner[:2], 0)).tolist()), grid.direction
    )
    return resample(_smoothed(on_grid(np.concatenate(layers), whole), grid, (2,)), grid)


def _coarse(array: np.ndarray, spacing: tuple[float, float, float]) -> tuple[np.ndarray, list[int]]:
    """A (z, y, x) array averaged over cells of `COARSE_MM` within its slices, and voxels per cell along y and x."""
    factor = [max(1, round(COARSE_MM / s)) for s in spacing[1::-1]]
    layers = (ndimage.uniform_filter(layer.astype(np.float32, copy=False), size=factor) for layer in array)
    return np.stack([layer[:: factor[0], :: factor[1]].copy() for layer in layers]), factor  # else all layers are kept


def without_empty_slices(image: sitk.Image) -> sitk.Image:
    """`image` in LPS order without the slices above and below the patient, be they padding or noise, which would
    change its percentiles; whole when no body stands out from the background.

    What is background is judged slice by slice, so that it does not depend on how many slices are empty.
    """
    image = to_lps(image)
    smooth, _ = _coarse(sitk.GetArrayViewFromImage(image), image.GetSpacing())
    low, high = (np.percentile(smooth, part, axis=(1, 2)) for part in (5, 90))
    threshold = low.min() + 0.12 * (high.max() - low.min())
    held = np.flatnonzero((smooth > threshold).mean(axis=(1, 2)) > BODY_PART)
    if not len(held) or held[-1] - held[0] + 1 == image.GetSize()[2]:
        return image
    return image[:, :, int(held[0]) : int(held[-1]) + 1]


def body_region(array: np.ndarray, spacing: tuple[float, float, float]) -> tuple[slice, slice]:
    """The (y, x) slices of a (z, y, x) array that hold the patient with a margin; everything when no body stands
    out from the background.

    A slice of which the background is brighter than that of the others, as where scaling differs from slice to slice,
    is judged by its own.
    """
    everything = slice(0, array.shape[1]), slice(0, array.shape[2])
    smooth, factor = _coarse(array, spacing)
    low, high = np.percentile(smooth, (5, 98))
    background = np.maximum(low, np.percentile(smooth, 5, axis=(1, 2), keepdims=True))
    components, count = ndimage.label(smooth > background + 0.12 * (high - low))
    if not count:
        return everything
    body = components == np.argmax(np.bincount(components.ravel())[1:]) + 1
    slices = []
    for axis, step, length, mm in zip((1, 2), factor, array.shape[1:], spacing[1::-1]):
        profile = np.flatnonzero(body.mean(axis=tuple(a for a in range(3) if a != axis)) > BODY_PART)
        if not len(profile):
            return everything
        margin = round(BODY_MARGIN_MM / mm)
        first, last = int(profile[0]), int(profile[-1])
        slices.append(slice(max(0, first * step - margin), min(length, (last + 1) * step + margin)))
    return tuple(slices)


@dataclass(frozen=True)
class Prepared:
    """What a network sees: `array` (z, y, x), float32 in [0, 1], the `grid` it lies on, and the intensities that became
    0 and 1."""

    array: np.ndarray
    grid: Grid
    limits: tuple[float, float]


def prepare(image: sitk.Image, policy: GridPolicy, normalization: Normalization) -> Prepared:
    """`image` on its working grid, cropped to the body and normalized."""
    if policy.crop_to_body:
        image = without_empty_slices(image)
    grid = policy.grid_for(image)
    array = sitk.GetArrayFromImage(reduced(image, grid))
    if policy.crop_to_body:
        rows, columns = body_region(array, grid.spacing)
        array = array[:, rows, columns]
        size = (columns.stop - columns.start, rows.stop - rows.start, grid.size[2])
        grid = Grid(size, grid.spacing, tuple(grid.point((columns.start, rows.start, 0))), grid.direction)
    limits = normalization.limits(array)
    return Prepared(unit_range(array, *limits), grid, limits)


def prepare_labels(labels: sitk.Image, grid: Grid, values: list[int]) -> np.ndarray:
    """Soft masks (len(values), z, y, x), float32 in [0, 1]: how much of each voxel of `grid` every label fills."""
    return np.stack(
        [sitk.GetArrayFromImage(resample(anti_aliased(labels == value, grid), grid)) for value in values]
    ).clip(0.0, 1.0)


def to_image_grid(probability: np.ndarray, grid: Grid, own: Grid) -> sitk.Image:
    """A probability map (z, y, x) on `grid` brought linearly onto the grid `own` of an image; 0 outside."""
    return resample(on_grid(np.ascontiguousarray(probability, dtype=np.float32), grid), own)
