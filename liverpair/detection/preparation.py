"""From two volumes and their livers to what a detector sees: the same code for training and inference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, Vector, centroid_mm, mask_corners, offset_t1_to_t2, resample, to_lps
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.segmentation.preparation import (
    GridPolicy,
    Normalization,
    anti_aliased,
    body_region,
    prepare_labels,
    unit_range,
    without_empty_slices,
)

WIDEST_MM = 1000.0
"""No two livers, breathing in between, take more room than this."""


@dataclass(frozen=True)
class PreparedPair:
    """Two volumes as channels.

    `channels` (2, z, y, x) float32; `livers` (2, z, y, x) bool; `grids`: where the voxels of each channel lie. The
    grids differ by `offset_t1_to_t2_mm` (LPS), which is 0 where the images are compared as scanned. `limits`: the
    intensities that became 0 and 1 in each channel. `shown` (2, z, y, x) bool: the voxels that are not masked.
    """

    channels: np.ndarray
    livers: np.ndarray
    grids: tuple[Grid, Grid]
    limits: tuple[tuple[float, float], ...] = ((0.0, 1.0), (0.0, 1.0))
    shown: np.ndarray | None = None

    @property
    def offset_t1_to_t2_mm(self) -> Vector:
        """How far the second channel was moved to lie on the first."""
        return tuple(float(b - a) for a, b in zip(self.grids[0].origin, self.grids[1].origin))


def liver_offset(t1_liver: sitk.Image, t2_liver: sitk.Image) -> Vector:
    """`offset_t1_to_t2` of two liver masks. Raises `InputError` for an empty one."""
    offset = offset_t1_to_t2(t1_liver, t2_liver)
    if offset is None:
        empty = "T2" if centroid_mm(t1_liver) else "T1"
        raise InputError(f"The liver mask of {empty} is empty.", "Segment the liver again, or draw it.")
    return offset


def prepare_pair(
    images: Sequence[sitk.Image],
    livers: Sequence[sitk.Image],
    policy: GridPolicy,
    normalization: Normalization,
    settings: DetectionSettings,
    multiple_of: Sequence[int] = (1, 1, 1),
    offset_t1_to_t2_mm: Vector | None = None,
) -> PreparedPair:
    """T1 and T2 on the block of T1's working grid that holds both livers.

    Parameters
    ----------
    images, livers
        Of T1 and of T2: volumes, and masks (not zero is liver) on any grid.
    policy
        Working spacing; its crop to the body is not used.
    normalization
        Percentiles, taken over what `settings.normalize_over` names.
    multiple_of
        What the sides (z, y, x) of the block are multiples of.
    offset_t1_to_t2_mm
        By how much T2 lies from T1 (LPS), when not as `settings.alignment` says.

    Raises `InputError` for an empty liver mask, or masks that together are wider than livers can be.
    """
    centroid_offset = liver_offset(*livers)
    if offset_t1_to_t2_mm is None:
        offset_t1_to_t2_mm = centroid_offset if settings.alignment == "aligned" else (0.0, 0.0, 0.0)
    images = [without_empty_slices(image) for image in images]
    whole = policy.grid_for(images[0])
    corners = np.concatenate([mask_corners(livers[0]), mask_corners(livers[1]) - offset_t1_to_t2_mm])
    widest = float(np.ptp(corners, axis=0).max())
    if widest > WIDEST_MM:
        raise InputError(
            f"The liver masks of T1 and T2 span {widest / 1000:.3g} m, more than is possible for a liver.",
            "Check both masks; when T1 and T2 lie that far apart, choose the alignment 'aligned'.",
        )
    first = block_around(whole, corners, settings.margin_mm, multiple_of)
    grids = first, replace(first, origin=tuple(float(o + s) for o, s in zip(first.origin, offset_t1_to_t2_mm)))
    channels, masks, shown, limits = [], [], [], []
    for image, liver, grid in zip(images, livers, grids):
        array, mask, seen, own = prepare_image(image, liver, grid, normalization, settings)
        channels.append(array)
        masks.append(mask)
        shown.append(seen)
        limits.append(own)
    return PreparedPair(np.stack(channels), np.stack(masks), grids, tuple(limits), np.stack(shown))


def prepare_image(
    image: sitk.Image, liver: sitk.Image, grid: Grid, normalization: Normalization, settings: DetectionSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float]]:
    """One image on a block of its working grid as a detector sees it: the channel (z, y, x) float32, the liver bool,
    the voxels that are not masked, and the intensities that became 0 and 1. Arguments as in `prepare_pair`."""
    low, high = intensity_range(image, liver, normalization, settings.normalize_over)
    array = sitk.GetArrayFromImage(resample(anti_aliased(image, grid), grid, fill=low))
    mask = prepare_labels(liver != 0, grid, [1])[0] >= 0.5
    array = unit_range(array, low, high)
    seen = np.ones_like(mask)
    if settings.mask:
        seen = shown_part(mask, grid, settings.mask_margin_mm, settings.mask_closing_mm)
        array[~seen] = 0.0
    if settings.standardize:
        zero, one = standard_limits(array)
        low, high = low + zero * (high - low), low + one * (high - low)
        array = standardized(array)
    return array, mask, seen, (low, high)


def intensity_range(
    image: sitk.Image, liver: sitk.Image, normalization: Normalization, over: str
) -> tuple[float, float]:
    """The intensities that become 0 and 1: of the percentiles of `normalization` over the patient's "body" or over the
    "liver", or as far on both sides of the liver's "median" as the voxel of the liver that is farthest from it."""
    if over != "body":
        inside = sitk.GetArrayFromImage(resample(sitk.Cast(liver != 0, sitk.sitkUInt8), Grid.of(image), "nearest"))
        values = sitk.GetArrayViewFromImage(image)[inside != 0]
    else:
        straight = to_lps(image)
        array = sitk.GetArrayViewFromImage(straight)
        values = array[(slice(None), *body_region(array, straight.GetSpacing()))]
    if not values.size:
        raise InputError("A liver mask does not lie in its image.")
    if over == "median":
        middle = float(np.median(values))
        reach = float(np.abs(values - middle).max())
        return middle - reach, middle + reach
    low, high = np.percentile(values, (normalization.lower_percentile, normalization.upper_percentile))
    return float(low), float(high)


def standardized(array: np.ndarray) -> np.ndarray:
    """float32: of the voxels above 0, the median becomes 1/2 and the interquartile range 1/8, within 0 to 2; the others
    stay 0.

    Unlike percentiles, neither moves when many lesions fill the liver.
    """
    shown = array > 0
    if not shown.any():
        return array
    middle, width = _spread(array[shown])
    return np.where(shown, np.clip(0.5 + (array - middle) / width, 0.0, 2.0), 0.0).astype(np.float32)


def standard_limits(array: np.ndarray) -> tuple[float, float]:
    """The values that `standardized` makes 0 and 1; 0 and 1 themselves when no voxel is above 0."""
    shown = array[array > 0]
    if not shown.size:
        return 0.0, 1.0
    middle, width = _spread(shown)
    return middle - width / 2, middle + width / 2


def _spread(values: np.ndarray) -> tuple[float, float]:
    """The median, and eight times the interquartile range."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float(middle), float(max(8.0 * (high - low), 1e-6))


def block_around(whole: Grid, points: np.ndarray, margin_mm: float, multiple_of: Sequence[int]) -> Grid:
    """The voxels of `whole`, continued where it ends, around `points` with a margin; the sides are multiples and the
    surplus lies on both ends."""
    index = np.array([whole.index(point) for point in points])
    margin = np.divide(margin_mm, whole.spacing)
    start, stop = np.floor(index.min(axis=0) - margin + 0.5), np.ceil(index.max(axis=0) + margin + 0.5)
    multiples = np.array(multiple_of[::-1])
    size = np.ceil((stop - start) / multiples) * multiples
    start -= (size - (stop - start)) // 2
    return Grid(tuple(int(n) for n in size), whole.spacing, tuple(map(float, whole.point(start))), whole.direction)


def shown_part(mask: np.ndarray, grid: Grid, margin_mm: float, closing_mm: float) -> np.ndarray:
    """The mask closed by a ball of radius `closing_mm`, then widened by `margin_mm`."""
    if margin_mm + closing_mm <= 0 or not mask.any():
        return mask
    spacing = grid.spacing[::-1]
    room = [int(np.ceil(closing_mm / s)) + 1 for s in spacing]
    padded = np.pad(mask, [(r, r) for r in room])  # the edge of the block must not stop the closing
    wide = ndimage.distance_transform_edt(~padded, sampling=spacing) <= margin_mm + closing_mm
    if closing_mm > 0:
        wide = ndimage.distance_transform_edt(wide, sampling=spacing) > closing_mm
    return wide[tuple(slice(r, -r) for r in room)] | mask
