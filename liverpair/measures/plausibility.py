"""What makes a liver mask suspicious: the volume's edge cuts it, it was in several parts or has holes, T1 and T2 differ
in size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import to_lps, volume_ml

EDGES = (("right", "left"), ("front", "back"), ("bottom", "top"))
"""The first and the last layer of voxels along x, y and z of an image in LPS order, as the patient's sides."""

SMALLEST_EDGE_CM2 = 1.0
"""Less mask on an edge is not told. Where a dome of 6 cm radius, as the liver's, is cut over an area A, a cap of about
A² / (4 π 6 cm) lies beyond: 0.01 ml for 1 cm², which a few wrong voxels make too. The smallest cut among the livers
drawn in 16 CHAOS cases has 14 cm²."""

SMALLEST_PART_PERCENT = 1.0
"""A separate part of a mask that is no more of it is a crumb."""

SMALLEST_HOLES_ML = 0.5
"""Holes that have less together are voxels; a sphere of 0.5 ml is 10 mm across, as a lesion that is measured. Of the
livers drawn in 16 CHAOS cases one has holes, of 2.5 ml."""

LARGEST_DIFFERENCE_PERCENT = 5.0
"""More difference between the volumes of one liver in two images is told. Of the 16 pairs drawn in CHAOS seven differ
by more, the two with an incomplete mask by the most: 22 % and 30 %."""


@dataclass(frozen=True)
class MaskQuality:
    """What the model thinks of its mask: the mean probability in it, and the Dice with the liver to be expected, None
    where the models bring no calibration for that."""

    certainty: float
    expected_dice: float | None = None


def edges_cm2(mask: sitk.Image) -> dict[str, float]:
    """The edges of its volume that a mask touches, each with the area of the mask in its outermost layer of voxels.

    Edges are the patient's ("top" toward the head, "left" the patient's left), whatever the order of the voxels; of an
    oblique volume the nearest. Areas below `SMALLEST_EDGE_CM2` are left out.
    """
    upright = to_lps(mask)
    inside = sitk.GetArrayViewFromImage(upright) != 0
    spacing = upright.GetSpacing()
    found = {}
    for axis, names in enumerate(EDGES):
        voxel_cm2 = np.prod(np.delete(spacing, axis)) / 100.0
        for index, name in zip((0, -1), names):
            area = float(np.count_nonzero(inside.take(index, axis=2 - axis)) * voxel_cm2)
            if area >= SMALLEST_EDGE_CM2:
                found[name] = area
    return found


def parts(mask: sitk.Image) -> tuple[sitk.Image, list[float]]:
    """The connected parts of a mask (faces touch), numbered from the largest, and how much of the mask each is, in
    percent, where that is more than `SMALLEST_PART_PERCENT`."""
    ordering = sitk.RelabelComponentImageFilter()
    numbered = ordering.Execute(sitk.ConnectedComponent(mask))
    sizes = np.array(ordering.GetSizeOfObjectsInPixels(), dtype=float)
    percents = 100.0 * sizes / max(sizes.sum(), 1.0)
    return numbered, percents[percents > SMALLEST_PART_PERCENT].tolist()


def holes_ml(mask: sitk.Image) -> float:
    """The volume in ml of what a mask encloses on all sides (faces touch) and leaves out."""
    inside = mask != 0
    return volume_ml(sitk.BinaryFillhole(inside) - inside)


def difference_percent(t1_ml: float, t2_ml: float) -> float | None:
    """By how much two volumes differ, in percent of their mean; None when one is zero."""
    return 200.0 * abs(t1_ml - t2_ml) / (t1_ml + t2_ml) if t1_ml and t2_ml else None


def mask_warnings(
    name: str, milliliters: float, edges: Mapping[str, float], percents: Sequence[float], holes: float = 0.0
) -> list[str]:
    """What to know about one liver mask, in sentences; `name` ("T1") is the image's, the rest as measured above."""
    if not milliliters:
        return [f"No liver was found in {name}."]
    said = []
    if edges:
        where = _listed([f"{edge} ({area:.0f} cm²)" for edge, area in edges.items()])
        said.append(
            f"The liver in {name} reaches the edge of its volume at the {where}: what lies beyond is missing from the "
            "mask and its volume."
        )
    if len(percents) > 1:
        listed = _listed([f"{percent:.0f} %" for percent in percents])
        said.append(
            f"The liver mask of {name} was in {len(percents)} parts ({listed} of it) before clean-up: check whether a "
            "piece of the liver is missing, or something else was taken for liver."
        )
    if holes >= SMALLEST_HOLES_ML:
        said.append(f"The liver mask of {name} has holes of {holes:.1f} ml: a lesion or vessel in it may be left out.")
    return said


def pair_warnings(t1_ml: float, t2_ml: float) -> list[str]:
    """What to know about the volumes of one liver in two images, in sentences."""
    difference = difference_percent(t1_ml, t2_ml)
    if difference is None or difference <= LARGEST_DIFFERENCE_PERCENT:
        return []
    return [
        f"The volumes of the liver in T1 and T2 differ by {difference:.0f} %: it is one liver, so look at both masks."
    ]


def describe(mask: sitk.Image, percents: Sequence[float]) -> dict[str, Any]:
    """The values behind `mask_warnings`, as `measures.json` keeps them."""
    return {"edges_cm2": edges_cm2(mask), "parts_percent": list(percents), "holes_ml": round(holes_ml(mask), 3)}


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
