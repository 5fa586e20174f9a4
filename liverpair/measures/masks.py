"""Which voxels of an image file are the structure that is meant, and what every comparison of two masks starts with."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, like

LIVER_LABELS = {"totalsegmentator": (5,), "amos": (6,), "chaos": (63, 1)}
"""Values of the liver in well-known label maps, the first that a map holds; CHAOS publishes gray values, others number
its organs from 1."""
LESION_LABELS = {"totalsegmentator": (1,), "lits": (2,), "msd": (2,), "atlas": (2,)}
"""Values of the lesions likewise: TotalSegmentator's liver lesions are alone in their map; LiTS, the Medical
Segmentation Decathlon and ATLAS have the liver as 1."""
PROBABILITY_FLOOR = 0.5
_LISTED = 12


def structure_mask(
    image: sitk.Image, label: int | str | None, name: str, option: str = ""
) -> tuple[sitk.Image, list[str]]:
    """The mask (uint8, 0 and 1) of one structure in a mask, a label map or a probability map, and sentences about it.

    Args:
        image: of several labels only when `label` says which.
        label: the structure's value, or one of `LIVER_LABELS`; None for the only one there is.
        name: what the image is, to begin a sentence with.
        option: what a user names the label with.

    Raises `InputError` for an empty structure, several without a choice, numbers that are neither labels nor
    probabilities, and what `check_mask` refuses.
    """
    check_mask(image)
    values = sitk.GetArrayViewFromImage(image)
    if values.max(initial=0) <= 1 and values.min(initial=0) >= 0 and (values != np.rint(values)).any():
        mask = values >= PROBABILITY_FLOOR
        if not mask.any():
            raise InputError(f"{name} is a probability map that stays below {PROBABILITY_FLOOR:g}: it holds nothing.")
        note = f"{name} is a probability map: voxels from {PROBABILITY_FLOOR:g} on were taken."
        return like(mask.astype(np.uint8), image), [note]
    found = np.unique(values[values != 0])
    if (found != np.rint(found)).any():
        raise InputError(
            f"{name} holds fractions from {values.min():g} to {values.max():g}: it is neither a mask nor a map of "
            "labels or probabilities."
        )
    if not len(found):
        raise InputError(f"{name} is empty.")
    listed = ", ".join(f"{value:g}" for value in found[:_LISTED]) + (" …" if len(found) > _LISTED else "")
    if label is None and len(found) > 1:
        choice = f"with {option} (a number, or {', '.join(LIVER_LABELS)} for the liver in such a map)"
        raise InputError(
            f"{name} holds several labels: {listed}.",
            f"Name one {choice}." if option else "Give a mask of the one that is meant.",
        )
    wanted = _values_of(label) if label is not None else (found[0],)
    chosen = next((value for value in wanted if value in found), None)
    if chosen is None:
        raise InputError(f"{name} has no voxel of label {label}; it holds {listed}.")
    return like((values == chosen).astype(np.uint8), image), []


def _values_of(label: int | str) -> tuple[int, ...]:
    known = LIVER_LABELS.get(str(label).strip().lower())
    try:
        return known or (int(label),)
    except ValueError:
        raise InputError(f"'{label}' is not a label.", f"Give a number, or {', '.join(LIVER_LABELS)}.") from None


def lesion_values(labels: Sequence[int | str]) -> tuple[int, ...]:
    """The values of lesions that `labels` mean: numbers, or names of `LESION_LABELS`. Raises `InputError`."""
    found: list[int] = []
    for label in labels:
        known = LESION_LABELS.get(str(label).strip().lower())
        try:
            found += known or (int(label),)
        except ValueError:
            raise InputError(f"'{label}' is not a label.", f"Give a number, or {', '.join(LESION_LABELS)}.") from None
    return tuple(found)


def check_mask(mask: sitk.Image) -> None:
    """Raise `InputError` unless `mask` is a scalar 3-D image of real, finite numbers."""
    if mask.GetDimension() != 3 or mask.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("Masks are compared as scalar 3-D images only.")
    values = sitk.GetArrayViewFromImage(mask)
    if np.issubdtype(values.dtype, np.complexfloating):
        raise InputError("A mask cannot hold complex numbers.", "Compare label maps.")
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        raise InputError("A mask has voxels that are not a number (NaN) or infinite.", "Compare label maps.")


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
