"""Why a box has no partner: what lies in the other image where it should be. Plain library objects, no scene."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from slicer.i18n import tr as _

from liverpair.bundle import Bundle
from liverpair.core.errors import BundleError
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.measures.boxes import iou_mm
from liverpair.registration.places import PlaceMap

LINK_OVERLAP = DetectionSettings.link_iou
"""Overlap (IoU) above which a detector links a moved box with one of the other image, unless its bundle says else."""
NEAREST = 5


@dataclass(frozen=True)
class Candidate:
    """A box of the other image that might be the partner.

    `overlap` is the IoU with the box moved to the other image, `distance_mm` that of the centers. `taken`: whether the
    box has a partner already.
    """

    uid: str
    number: int
    overlap: float
    distance_mm: float
    taken: bool


@dataclass(frozen=True)
class Unmatched:
    """What the other image holds near the place of a box, nearest first.

    `side` is the image of the box, `source` says how its place in the other was found, `sentence` why it is not linked.
    """

    uid: str
    side: Side
    source: str
    candidates: tuple[Candidate, ...]
    sentence: str


def unmatchedSide(pair: Lesion) -> str | None:
    """The image in which a lesion was seen when it was seen in one only, else None."""
    seen = [side for side in Side if pair.seen(side) is not None]
    return seen[0] if len(seen) == 1 else None


def linkOverlap(bundle: Bundle | None) -> float:
    """The overlap above which the detector of a bundle links; the usual one for None, or a bundle that does not say."""
    settings = _settings(bundle)
    return settings.link_iou if settings is not None else LINK_OVERLAP


def looksAtEachAlone(bundle: Bundle | None) -> bool:
    """Whether the detector of a bundle sees one image at a time, so that it cannot say where a partner lies."""
    settings = _settings(bundle)
    return settings is not None and settings.from_masks


def _settings(bundle: Bundle | None) -> DetectionSettings | None:
    """How a bundle detects; None for none, or for one that does not say."""
    try:
        return DetectionSettings.read(bundle.section("detection"), bundle.name) if bundle else None
    except BundleError:
        return None


def explain(
    pair: Lesion, pairs: list[Lesion], placeMap: PlaceMap, neededOverlap: float = LINK_OVERLAP
) -> Unmatched | None:
    """The `Unmatched` of a lesion that was seen in one image only; None for another, or where no place is known.

    `pairs` are all lesions of the study, `placeMap` a `PlaceMap` that is asked when the lesion itself does not say
    where it should be in the other image. Boxes are linked above `neededOverlap`.
    """
    side = unmatchedSide(pair)
    if side is None:
        return None
    moved, source = _moved(pair, side, placeMap)
    if moved is None:
        return None
    other = side.other
    there = [each for each in pairs if each.uid != pair.uid and each.state != "rejected" and each.seen(other)]
    boxes = [each.box(other) for each in there]
    overlaps = iou_mm([moved], boxes)[0] if boxes else []
    candidates = [
        Candidate(each.uid, each.number, float(overlap), _distance(moved, box), unmatchedSide(each) is None)
        for each, box, overlap in zip(there, boxes, overlaps)
    ]
    nearest = tuple(sorted(candidates, key=lambda candidate: (candidate.distance_mm, candidate.number))[:NEAREST])
    return Unmatched(pair.uid, side, source, nearest, _sentence(other.title, nearest, neededOverlap))


def _moved(pair: Lesion, side: Side, placeMap: PlaceMap) -> tuple[Box | None, str]:
    """The lesion's box in the other image, and in words how that is known; (None, "") when it is not."""
    box, predicted = pair.box(side), pair.box_or_moved(side.other)
    if side.other in pair.boxes:
        return predicted, _("Its predicted box is compared.")
    if predicted is not None:
        return predicted, _("Moved as the network predicted.")
    place = placeMap.to_other(box.center_mm, side)
    if place is None:
        return None, ""
    return box.moved(np.subtract(place.point_mm, box.center_mm)), place.sentence


def _distance(first: Box, second: Box) -> float:
    return float(np.linalg.norm(np.subtract(first.center_mm, second.center_mm)))


def _sentence(side: str, nearest: Sequence[Candidate], neededOverlap: float) -> str:
    if not nearest:
        return _("There is no other box in {side}.").format(side=side)
    best = max(nearest, key=lambda candidate: candidate.overlap)
    if best.overlap == 0:
        return _("No box in {side} overlaps it; the nearest, of lesion {number}, is {distance:.0f} mm away.").format(
            side=side, number=nearest[0].number, distance=nearest[0].distance_mm
        )
    if best.overlap <= neededOverlap:
        return _("It overlaps lesion {number} by {overlap:.2f}; more than {limit:.2f} is needed to link them.").format(
            number=best.number, overlap=best.overlap, limit=neededOverlap
        )
    if best.taken:
        return _("It overlaps lesion {number} by {overlap:.2f}, which has a partner already.").format(
            number=best.number, overlap=best.overlap
        )
    return _("It overlaps lesion {number} by {overlap:.2f}: enough to link them.").format(
        number=best.number, overlap=best.overlap
    )
