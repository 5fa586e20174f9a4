"""What is measured of every lesion, from its mask where there is one and else from its box, and of all together."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Box, Grid, volume_ml
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.measures.contrast import contrast_to_liver, mask_on_grid
from liverpair.measures.lesion_labels import LesionLabels
from liverpair.measures.lesion_rows import LesionRow, SideRow
from liverpair.measures.recist import (
    RecistLimits,
    axial_diameter_mm,
    axial_spacing_mm,
    diameter_sum,
    longest_axial_diameter_mm,
)

Images = Mapping[str, sitk.Image | None]


def lesion_measures(
    pairs: Sequence[Lesion], images: Images | None = None, livers: Images | None = None, masks: Images | None = None
) -> list[LesionRow]:
    """A row for every lesion, by number.

    Args:
        pairs: all lesions of one patient; rejected ones get a row, but do not count as lesions when the contrast of
            their neighbors is measured.
        images: the "t1" and "t2" volume; without one there are no slices and contrasts for it.
        livers: their liver masks; without one there are no contrasts for it.
        masks: label maps of the lesions on the grids of the volumes, by number; a lesion without a voxel in one is
            measured from its box.

    Raises `InputError` for a label map that lies on another grid than its volume, or holds fractions.
    """
    ordered = sorted(pairs, key=lambda pair: pair.number)
    scene = _Scene(ordered, images or {}, livers or {}, masks or {})
    return [scene.row(pair) for pair in ordered]


def summary(
    pairs: Sequence[Lesion],
    images: Images | None = None,
    livers: Images | None = None,
    limits: RecistLimits = RecistLimits(),
    masks: Images | None = None,
    rows: Sequence[LesionRow] | None = None,
) -> dict[str, Any]:
    """What the lesions that were not rejected come to; arguments as in `lesion_measures` and `diameter_sum`.

    `rows`: what was measured of these lesions, when that was done already.

    Returns:
        `lesions`, `accepted`, `proposed`, `rejected` (not among `lesions`) and, of `lesions`, `both`, `t1_only`,
        `t2_only`; all keys of `recist.diameter_sum`; for each image `t1_tumor_ml`, `t1_from_boxes` (how many of its
        lesions had no mask: the ellipsoids that their boxes hold were taken), `t1_liver_ml` and `t1_burden_percent` (of
        the liver), None without a liver mask.
    """
    counted = [pair for pair in pairs if pair.state != "rejected"]
    kinds = [pair.kind for pair in counted]
    slice_mm = {side: axial_spacing_mm(Grid.of(image)) for side, image in (images or {}).items() if image is not None}
    result: dict[str, Any] = {
        "lesions": len(counted),
        "accepted": sum(pair.state == "accepted" for pair in counted),
        "proposed": sum(pair.state == "proposed" for pair in counted),
        "rejected": len(pairs) - len(counted),
        "both": kinds.count("both"),
        "t1_only": kinds.count("T1 only"),
        "t2_only": kinds.count("T2 only"),
    }
    rows = lesion_measures(pairs, images, livers, masks) if rows is None else rows
    rows = [row for row in rows if row.state != "rejected"]
    result |= diameter_sum(rows, limits, slice_mm)
    for side in Side:
        own = [row.sides[side] for row in rows if row.sides[side].volume_ml is not None]
        tumor = float(sum(row.volume_ml for row in own))
        mask = (livers or {}).get(side)
        liver = None if mask is None else volume_ml(mask)
        result[f"{side}_tumor_ml"] = tumor
        result[f"{side}_from_boxes"] = sum(row.measured_from == "box" for row in own)
        result[f"{side}_liver_ml"] = liver
        result[f"{side}_burden_percent"] = burden_percent(tumor, liver)
    return result


def burden_percent(tumor_ml: float, liver_ml: float | None) -> float | None:
    """Tumor burden: what part of the liver is tumor, in percent; None without a liver."""
    return 100 * tumor_ml / liver_ml if liver_ml else None


def ellipsoid_volume_ml(box: Box) -> float:
    """Volume in ml of the ellipsoid that a box holds."""
    return float(math.pi / 6 * np.prod(box.size_mm) / 1000.0)


class _Scene:
    """The lesions of a patient with the images they are measured in."""

    def __init__(self, pairs: Sequence[Lesion], images: Images, livers: Images, masks: Images):
        self._images = {side: images.get(side) for side in Side}
        self._grids = {side: None if image is None else Grid.of(image) for side, image in self._images.items()}
        self._livers = {
            side: None if self._grids[side] is None or livers.get(side) is None else mask_on_grid(livers[side], grid)
            for side, grid in self._grids.items()
        }
        counted = [pair for pair in pairs if pair.state != "rejected"]
        self._maps = {
            side: LesionLabels(
                masks[side], self._images[side], livers.get(side), side.title, [pair.number for pair in counted]
            )
            for side in Side
            if masks.get(side) is not None
        }
        drawn = {side: self._maps[side].boxes if side in self._maps else {} for side in Side}
        self._boxes = {
            side: [p.box(side) for p in counted if side in p.boxes and p.number not in drawn[side]] for side in Side
        }

    def row(self, pair: Lesion) -> LesionRow:
        way = pair.measured_mm or pair.displacement_mm
        return LesionRow(
            number=pair.number,
            uid=pair.uid,
            state=pair.state,
            kind=pair.kind,
            sides={side: self._side(pair, side) for side in Side},
            displacement_mm=None if way is None else math.hypot(*way),
            note=pair.note,
            phases=pair.phases,
            predicted=tuple(side for side in pair.boxes if pair.seen(side) is None),
        )

    def _side(self, pair: Lesion, side: Side) -> SideRow:
        box, seen, grid = pair.box(side), pair.seen(side), self._grids[side]
        if box is None:
            return SideRow()
        score = pair.boxes[side].score
        slice_ = None if grid is None else longest_axial_diameter_mm(box, grid)[1]
        if seen is None:
            return SideRow(score=score, slice=slice_)
        found = self._maps[side].measured(pair.number, self._boxes[side]) if side in self._maps else None
        if found is None:
            diameter = axial_diameter_mm(seen) if grid is None else longest_axial_diameter_mm(seen, grid)[0]
            return SideRow(
                score=score,
                measured_from="box",
                diameter_mm=diameter,
                slice=slice_,
                volume_ml=ellipsoid_volume_ml(seen),
                contrast=self._contrast(seen, side),
            )
        return SideRow(
            score=score,
            measured_from="mask",
            diameter_mm=found.lines.long_mm,
            short_axis_mm=found.lines.short_mm,
            slice=found.lines.slice,
            volume_ml=found.volume_ml,
            mean=found.mean,
            sd=found.sd,
            contrast=found.contrast,
            capsule_mm=found.capsule_mm,
            nearest_mm=found.nearest_mm,
            long_line=found.lines.long_line,
            short_line=found.lines.short_line,
        )

    def _contrast(self, box: Box, side: Side) -> float | None:
        if self._livers[side] is None:
            return None
        labels = self._maps[side].labels if side in self._maps else None
        return contrast_to_liver(self._images[side], self._livers[side], box, self._boxes[side], labels=labels)
