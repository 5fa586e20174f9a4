"""What every comparison of two masks starts with."""

import numpy as np
import SimpleITK as sitk

from liverpair.errors import InputError
from liverpair.geometry import Grid, like


def check_mask(mask: sitk.Image) -> None:
    """Raise `InputError` unless `mask` is a scalar 3-D image of real, finite numbers."""
    if mask.GetDimension() != 3 or mask.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("Masks are compared as scalar 3-D images only.")
    values = sitk.GetArrayViewFromImage(mask)
    if np.issubdtype(values.dtype, np.complexfloating):
        raise InputError("Complex numbers make no mask.", "Compare label maps.")
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        raise InputError("A mask has voxels that are not a number (NaN) or infinite.", "Compare label maps.")


def label_mask(labels: sitk.Image, value: int) -> sitk.Image:
    """The mask of the voxels that hold `value`. Raises `InputError` for what `check_mask` refuses."""
    check_mask(labels)
    return like((sitk.GetArrayViewFromImage(labels) == value).astype(np.uint8), labels)


def comparable_masks(a: sitk.Image, b: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Two masks as boolean arrays (z, y, x), true where a voxel is not zero.

    Raises `InputError` for what `check_mask` refuses, or when the two do not lie on one grid.
    """
    for mask in (a, b):
        check_mask(mask)
    if not Grid.of(a).same_as(Grid.of(b)):
        raise InputError(
            f"The two masks lie on different grids: {_described(a)} and {_described(b)}.",
            "Resample one onto the grid of the other first.",
        )
    return sitk.GetArrayViewFromImage(a) != 0, sitk.GetArrayViewFromImage(b) != 0


def _described(mask: sitk.Image) -> str:
    spacing, origin = (tuple(round(v, 3) for v in values) for values in (mask.GetSpacing(), mask.GetOrigin()))
    return f"size {mask.GetSize()}, spacing {spacing} mm, origin {origin} mm"
