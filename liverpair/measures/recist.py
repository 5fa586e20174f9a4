"""Lesion diameters and their sum after RECIST 1.1 (Eisenhauer et al., European Journal of Cancer 45, 2009).

RECIST asks for the longest diameter of a lesion in the axial plane, measured by a reader; `axial_lines` measures it in
a mask. A box knows less: the longer of its two axial sides. That falls short of the longest diameter of a lesion that
lies diagonally in its box (by a factor of at most √2), and exceeds it when the box is loose, or when slices above and
below shift the outline. Both are estimates to be checked by a reader, not a RECIST reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid
from liverpair.core.sides import Side
from liverpair.measures.axial_lines import axial_axis
from liverpair.measures.boxes import turned
from liverpair.measures.lesion_rows import LesionRow


@dataclass(frozen=True)
class RecistLimits:
    """Which lesions are measured; the defaults are those of RECIST 1.1. Raises `InputError` for negative limits.

    Attributes:
        minimum_mm: shortest diameter of a measurable lesion.
        minimum_slices: a measurable lesion is also at least so many slices thick across; it matters where slices are
            thicker than 5 mm.
        most: target lesions in all.
        most_per_organ: target lesions in the liver.
    """

    minimum_mm: float = 10.0
    minimum_slices: float = 2.0
    most: int = 5
    most_per_organ: int = 2

    def __post_init__(self) -> None:
        if not all(v >= 0 for v in (self.minimum_mm, self.minimum_slices, self.most, self.most_per_organ)):
            raise InputError("RECIST limits must not be negative.")

    def smallest_mm(self, slice_mm: float = 0.0) -> float:
        """The shortest measurable diameter in an image with slices `slice_mm` apart."""
        return max(self.minimum_mm, self.minimum_slices * slice_mm)


def axial_diameter_mm(box: Box) -> float:
    """The longer side of a box in its most nearly axial plane (the two axes that lie least along the patient)."""
    sides = np.delete(box.size_mm, axial_axis(box.direction))
    return float(sides.max())


def longest_axial_diameter_mm(box: Box, grid: Grid) -> tuple[float, int]:
    """Diameter of a lesion as its box tells it, and the slice to look at.

    Args:
        box: in LPS mm, along any axes; it is turned to those of the image.
        grid: of the image the lesion was seen in. Its axial planes are those across the index axis nearest to the
            patient's long axis: the slices of an axial acquisition, planes across the slices of a coronal one.

    Returns:
        The longer axial side in mm, and the index (from 0) along that axis of the slice through the center of the box.
        Every slice through a box shows the same diameter. Where the center lies outside the image, the slice is the
        last one on that side.
    """
    aligned = turned(box, grid.direction)
    axis = axial_axis(grid.direction)
    index = int(np.floor(grid.index(aligned.center_mm)[axis] + 0.5))
    return axial_diameter_mm(aligned), min(max(index, 0), grid.size[axis] - 1)


def axial_spacing_mm(grid: Grid) -> float:
    """Distance in mm between the axial planes of an image."""
    return float(grid.spacing[axial_axis(grid.direction)])


def diameter_sum(
    rows: Sequence[LesionRow],
    limits: RecistLimits = RecistLimits(),
    slice_mm: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Sum of the diameters of the target lesions of one liver, in each image and over both.

    Targets are the largest measurable lesions that were not rejected; equals rank by number. A box that was only
    predicted from its partner measures nothing. The T1 and the T2 sum each have targets of their own, so that either
    can be followed over time; the sum over both takes the larger diameter of each lesion.

    Args:
        rows: measures of the lesions of one patient (see `burden.lesion_measures`).
        limits: of RECIST.
        slice_mm: distance between axial planes of "t1" and "t2"; where missing, only `minimum_mm` limits.

    Returns:
        `sum_mm`, `t1_sum_mm`, `t2_sum_mm`; `targets`, `t1_targets`, `t2_targets` (uids, largest first); `measurable`
        (number of lesions measurable in at least one image).
    """
    spacing = slice_mm or {}
    diameters: dict[str, dict[str, float]] = {side: {} for side in Side}
    ordered = sorted((row for row in rows if row.state != "rejected"), key=lambda row: row.number)
    for row in ordered:
        for side in Side:
            diameter = row.sides[side].diameter_mm
            if diameter is not None and diameter >= limits.smallest_mm(spacing.get(side, 0.0)):
                diameters[side][row.uid] = diameter
    both = {
        row.uid: max(found)
        for row in ordered
        if (found := [diameters[side][row.uid] for side in Side if row.uid in diameters[side]])
    }
    result: dict[str, Any] = {"measurable": len(both)}
    for prefix, measurable in (("", both), ("t1_", diameters["t1"]), ("t2_", diameters["t2"])):
        targets = sorted(measurable, key=measurable.get, reverse=True)[: min(limits.most, limits.most_per_organ)]
        result |= {f"{prefix}sum_mm": sum(measurable[uid] for uid in targets), f"{prefix}targets": targets}
    return result
