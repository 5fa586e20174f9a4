"""How well lesions of one image are found again in the other."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from liverpair.core.geometry import Vector
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.measures.boxes import iou_mm
from liverpair.measures.froc import match


@dataclass(frozen=True)
class PairingCase:
    """One patient: the pairs that were predicted, the true ones, the centroid of the T2 liver minus that of the T1
    liver (LPS mm), where the livers were registered, the way from T1 to T2 (LPS mm) of a place in either image, and,
    where lesions were drawn, the Dice of a side's drawn and true masks by their numbers."""

    predicted: Sequence[Lesion]
    truth: Sequence[Lesion]
    offset_t1_to_t2_mm: Vector = (0.0, 0.0, 0.0)
    registered_mm: Callable[[Side, Vector], Vector] | None = None
    mask_dice: Mapping[tuple[Side, int, int], float] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundLesion:
    """A true lesion that a predicted box of image `side` finds.

    `partner_iou`: of that prediction's box in the other image with the true one there. `error_mm`, `error_none_mm`,
    `error_centroid_mm`, `error_registration_mm`: length of the predicted displacement minus the true one, and what
    would remain when nothing is moved, everything by the offset of the livers, or the box by their registration (NaN
    without). `mask_dice`: of the masks in this image, 0 where they do not meet, NaN where no lesion was drawn.
    """

    side: Side
    partner_iou: float
    error_mm: float
    error_none_mm: float
    error_centroid_mm: float
    error_registration_mm: float
    mask_dice: float


def found_lesions(case: PairingCase, minimum_iou: float = 0.1, minimum_score: float = 0.0) -> list[FoundLesion]:
    """Every true lesion with a box in both images, once for each image in which a box finds it whose pair has a score
    of at least `minimum_score`.

    Predicted boxes that no network scored are somebody else's box moved: they find nothing themselves. A pair without a
    box on the other side counts with `partner_iou` 0 and the error of its `displacement_mm`, NaN without.
    """
    results = []
    for side in Side:
        truth = [pair for pair in case.truth if side in pair.boxes]
        scored = [pair for pair in case.predicted if side in pair.boxes and pair.boxes[side].score is not None]
        pairs = [pair for pair in scored if pair.score >= minimum_score]
        overlaps = iou_mm([pair.box(side) for pair in pairs], [pair.box(side) for pair in truth])
        matches = match(overlaps, [pair.boxes[side].score for pair in pairs], minimum_iou)
        for pair, row in zip(pairs, matches.found):
            if row >= 0 and side.other in truth[row].boxes:
                results.append(_found(pair, truth[row], side, case))
    return results


def pairing_measures(
    cases: Sequence[PairingCase],
    minimum_iou: float = 0.1,
    partner_iou: float = 0.1,
    smallest_mm: float = 0.0,
    minimum_score: float = 0.0,
) -> dict[str, float]:
    """Over all lesions that are found in an image, counted once for each image in which they are.

    `n`; `pairing_accuracy`: fraction whose partner box has at least `partner_iou` with the true one; medians of the
    displacement error: `displacement_error_mm`, and of the baselines on the same boxes `error_none_mm`,
    `error_centroid_mm` and `error_registration_mm`; `mask_dice`: mean Dice of the masks. Lesions whose largest side in
    T1 and T2 is below `smallest_mm` are left out, and so are boxes below `minimum_score`. NaN without lesions.
    """
    found = []
    for case in cases:
        large = [pair for pair in case.truth if largest_side_mm(pair) >= smallest_mm]
        kept = replace(case, truth=large)
        found += found_lesions(kept, minimum_iou, minimum_score)
    return {
        "n": len(found),
        "pairing_accuracy": float(np.mean([f.partner_iou >= partner_iou for f in found])) if found else math.nan,
        "displacement_error_mm": _median([f.error_mm for f in found]),
        "error_none_mm": _median([f.error_none_mm for f in found]),
        "error_centroid_mm": _median([f.error_centroid_mm for f in found]),
        "error_registration_mm": _median([f.error_registration_mm for f in found]),
        "mask_dice": float(np.mean(drawn)) if (drawn := [f.mask_dice for f in found if f.mask_dice >= 0]) else math.nan,
    }


def largest_side_mm(pair: Lesion) -> float:
    """The longest side of a pair's boxes."""
    return max(max(found.box.size_mm) for found in pair.boxes.values())


def _found(pair: Lesion, true: Lesion, side: Side, case: PairingCase) -> FoundLesion:
    partner, true_partner = pair.box(side.other), true.box(side.other)
    overlap = float(iou_mm([true_partner], [partner])[0, 0]) if partner is not None else 0.0
    shift = pair.displacement_mm or pair.measured_mm or (math.nan,) * 3
    own = pair.box(side).center_mm
    registered = case.registered_mm(side, own) if case.registered_mm else (math.nan,) * 3
    guesses = (shift, np.zeros(3), case.offset_t1_to_t2_mm, registered)
    errors = (np.linalg.norm(np.subtract(guess, true.measured_mm)) for guess in guesses)
    drawn = case.mask_dice.get((side, pair.number, true.number), 0.0) if case.mask_dice else math.nan
    return FoundLesion(side, overlap, *map(float, errors), drawn)


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else math.nan
