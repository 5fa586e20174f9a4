"""What is measured of every lesion, and of all of them together."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Box, Grid, volume_ml
from liverpair.core.lesions import Kind, Lesion, State
from liverpair.core.sides import Side
from liverpair.measures.contrast import contrast_to_liver, mask_on_grid
from liverpair.measures.recist import (
    RecistLimits,
    axial_diameter_mm,
    axial_spacing_mm,
    diameter_sum,
    longest_axial_diameter_mm,
)

Images = Mapping[str, sitk.Image | None]


@dataclass(frozen=True)
class SideRow:
    """One lesion in one image in numbers; None where there is nothing to measure.

    Boxes that were only predicted from their partner have no diameter, volume or contrast: nobody saw a lesion there.

    Attributes:
        score: of the detector, 0 to 1.
        diameter_mm: longest axial diameter as the box tells it.
        slice: index (from 0) of the axial slice through the center of the box, predicted ones too.
        volume_ml: of the box.
        contrast: (lesion − liver) / liver.
    """

    score: float | None
    diameter_mm: float | None
    slice: int | None
    volume_ml: float | None
    contrast: float | None


@dataclass(frozen=True)
class LesionRow:
    """One lesion in numbers; None where there is nothing to measure.

    Attributes:
        number, uid, state, note: of the lesion.
        kind: where the lesion was seen.
        sides: what T1 and T2 show of it.
        predicted: images in which its box was only predicted.
        displacement_mm: distance between the centers in T1 and T2, else length of the predicted displacement.
    """

    number: int
    uid: str
    state: State
    kind: Kind
    sides: Mapping[Side, SideRow]
    displacement_mm: float | None
    note: str
    predicted: tuple[Side, ...] = ()


def lesion_measures(
    pairs: Sequence[Lesion], images: Images | None = None, livers: Images | None = None
) -> list[LesionRow]:
    """A row for every lesion, by number.

    Args:
        pairs: all lesions of one patient; rejected ones get a row, but do not count as lesions when the contrast of
            their neighbors is measured.
        images: the "t1" and "t2" volume; without one there are no slices and contrasts for it.
        livers: their liver masks; without one there are no contrasts for it.
    """
    ordered = sorted(pairs, key=lambda pair: pair.number)
    scene = _Scene(ordered, images or {}, livers or {})
    return [scene.row(pair) for pair in ordered]


def summary(
    pairs: Sequence[Lesion],
    images: Images | None = None,
    livers: Images | None = None,
    limits: RecistLimits = RecistLimits(),
) -> dict[str, Any]:
    """What the lesions that were not rejected come to; arguments as in `lesion_measures` and `diameter_sum`.

    Returns:
        `lesions`, `accepted`, `proposed`, `rejected` (not among `lesions`) and, of `lesions`, `both`, `t1_only`,
        `t2_only`; all keys of `recist.diameter_sum`; for each image `t1_tumor_ml` (ellipsoids that the boxes hold),
        `t1_liver_ml` and `t1_burden_percent` (of the liver), None without a liver mask.
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
    result |= diameter_sum(counted, limits, slice_mm)
    for side in Side:
        boxes = [box for pair in counted if (box := pair.seen(side)) is not None]
        tumor = sum(math.pi / 6 * box_volume_ml(box) for box in boxes)
        mask = (livers or {}).get(side)
        liver = None if mask is None else volume_ml(mask)
        result[f"{side}_tumor_ml"] = tumor
        result[f"{side}_liver_ml"] = liver
        result[f"{side}_burden_percent"] = 100 * tumor / liver if liver else None
    return result


def box_volume_ml(box: Box) -> float:
    """Volume of a box in ml."""
    return float(np.prod(box.size_mm) / 1000.0)


class _Scene:
    """The lesions of a patient with the images they are measured in."""

    def __init__(self, pairs: Sequence[Lesion], images: Images, livers: Images):
        self._images = {side: images.get(side) for side in Side}
        self._grids = {side: None if image is None else Grid.of(image) for side, image in self._images.items()}
        self._livers = {
            side: None if self._grids[side] is None or livers.get(side) is None else mask_on_grid(livers[side], grid)
            for side, grid in self._grids.items()
        }
        self._boxes = {side: [p.box(side) for p in pairs if p.state != "rejected" and side in p.boxes] for side in Side}

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
            predicted=tuple(side for side in pair.boxes if pair.seen(side) is None),
        )

    def _side(self, pair: Lesion, side: Side) -> SideRow:
        box, seen, grid = pair.box(side), pair.seen(side), self._grids[side]
        diameter = None
        if seen is not None:
            diameter = axial_diameter_mm(seen) if grid is None else longest_axial_diameter_mm(seen, grid)[0]
        return SideRow(
            score=None if box is None else pair.boxes[side].score,
            diameter_mm=diameter,
            slice=None if box is None or grid is None else longest_axial_diameter_mm(box, grid)[1],
            volume_ml=None if seen is None else box_volume_ml(seen),
            contrast=None if seen is None else self._contrast(seen, side),
        )

    def _contrast(self, box: Box, side: Side) -> float | None:
        if self._livers[side] is None:
            return None
        return contrast_to_liver(self._images[side], self._livers[side], box, self._boxes[side])
