"""How good paired detection is on cases whose lesions are known: the measures of a detection paper out of one call.

An image is one volume, so T1 and T2 of a patient are two. A lesion counts in the images where the truth has a box of
it. What is detected is pairs (Couteaux 2021, section 4.2.3: every object comes out as one), and so is what a reader
filters: both boxes of a pair count, a moved one too, with the score of the pair. Sensitivity of the boxes alone, each
with the score that its own image gave it, stands beside.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from liverpair.core.errors import InputError
from liverpair.core.geometry import Vector
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.measures.boxes import iou_mm
from liverpair.measures.froc import ImageResult, Matches, detection_measures, froc
from liverpair.measures.pairing_scores import PairingCase, largest_side_mm, pairing_measures
from liverpair.registration.livers import LiverCorrespondence

FOUND_IOU, STRICT_IOU = 0.1, 0.3
"""Overlap from which a box finds a lesion, and the stricter one at which average precision is given too."""
OPERATING_RATE, STRICT_RATE = 2.0, 0.5
"""False boxes per volume at which pairs are judged and single figures are given, and the stricter one."""
MEASURABLE_MM = 10.0
"""Size from which lesions count in the single figures (RECIST 1.1)."""
SIZE_EDGES_MM = (10.0, 20.0)


@dataclass(frozen=True)
class ScoredCase:
    """One patient, or one set of synthetic lesions in one.

    Attributes:
        name: of the case, for the table.
        predicted: what was detected, at the lowest score threshold.
        truth: the lesions there are.
        kinds: uid of a true lesion to its kind; "" or missing when not known.
        sizes_mm: uid of a true lesion to its size; missing means the longest side of its boxes.
        offset_t1_to_t2_mm: centroid of the T2 liver minus centroid of the T1 liver, LPS: a baseline of displacement.
        correspondence: the registration of the two livers, another one.
        mask_dice: as in `PairingCase`.
    """

    name: str
    predicted: Sequence[Lesion]
    truth: Sequence[Lesion]
    kinds: Mapping[str, str] = field(default_factory=dict)
    sizes_mm: Mapping[str, float] = field(default_factory=dict)
    offset_t1_to_t2_mm: Vector = (0.0, 0.0, 0.0)
    correspondence: LiverCorrespondence | None = None
    mask_dice: Mapping[tuple[Side, int, int], float] = field(default_factory=dict)

    def size_mm(self, lesion: Lesion) -> float:
        """Size of a true lesion."""
        return self.sizes_mm.get(lesion.uid) or largest_side_mm(lesion)

    def kind(self, lesion: Lesion) -> str:
        """Kind of a true lesion, "" when not known."""
        return self.kinds.get(lesion.uid, "")

    def image(self, side: Side, own_scores: bool = False) -> ImageResult:
        """The boxes in one image against the lesions there, each with the score of its pair; with `own_scores`, those
        that the network found in this image, with their score there.

        A box where a lesion lies that this image does not show is left out: it is neither a hit nor a false box.
        """
        lesions = [pair for pair in self.truth if side in pair.boxes]
        hidden = [place for pair in self.truth if side not in pair.boxes if (place := pair.box_or_moved(side))]
        boxes, scores = [], []
        for pair in self.predicted:
            score = pair.boxes[side].score if own_scores else pair.score
            if score is not None and side in pair.boxes:
                boxes.append(pair.box(side))
                scores.append(score)
        overlaps = iou_mm(boxes, [pair.box(side) for pair in lesions])
        if hidden and boxes:
            on_hidden = (iou_mm(boxes, hidden) >= FOUND_IOU).any(axis=1)
            kept = ~on_hidden | (overlaps >= FOUND_IOU).any(axis=1)
            overlaps, scores = overlaps[kept], [score for score, keep in zip(scores, kept) if keep]
        return ImageResult(overlaps, scores, [self.size_mm(p) for p in lesions], [self.kind(p) for p in lesions])


def score_cases(cases: Sequence[ScoredCase]) -> dict[str, Any]:
    """Every measure of paired detection over some cases.

    Returns a dictionary with

    - `values`: single figures. On lesions from `MEASURABLE_MM` on: `sensitivity_at_2fp`, `sensitivity_at_half_fp`
      and, of boxes with their own scores, `sensitivity_at_2fp_own_scores`, at IoU 0.1 and 2 (1/2) false boxes per
      volume; at the former (`score_threshold`) `pairing_accuracy`, the mean `mask_dice` and the medians
      `displacement_error_mm`, `displacement_error_none_mm`, `displacement_error_centroid_mm`,
      `displacement_error_registration_mm` of the `judged` found lesions (see `measures.pairing_scores`). `lesions`,
      `cases`, `volumes`: how many there are.
    - `detection`: rows (all lesions, by size, by kind) of `lesions`, `froc`, `sensitivity_at_…`, `ap_0.1`, `ap_0.3`.
    - `pairing`: rows of the same groups at the operating point.
    - `cases`: a row per case at the operating point, over lesions of any size.

    Raises `InputError` when no case has a lesion.
    """
    if not any(case.truth for case in cases):
        raise InputError("No case has a lesion.", "Score studies with a lesions.json.")
    images = [case.image(side) for case in cases for side in Side]
    threshold = score_at_rate([measurable(image) for image in images])
    values = {
        "sensitivity_at_2fp": _sensitivity(images),
        "sensitivity_at_half_fp": _sensitivity(images, STRICT_RATE),
        "sensitivity_at_2fp_own_scores": _sensitivity([case.image(side, True) for case in cases for side in Side]),
        **_pairing(cases, threshold, lambda case, lesion: case.size_mm(lesion) >= MEASURABLE_MM),
        "score_threshold": threshold,
        "lesions": sum(len(case.truth) for case in cases),
        "cases": len(cases),
        "volumes": len(images),
    }
    return {
        "values": values,
        "detection": detection_rows(images),
        "pairing": pairing_rows(cases, threshold),
        "cases": [case_row(case, threshold) for case in cases],
    }


def detection_rows(images: Sequence[ImageResult]) -> list[dict[str, Any]]:
    """FROC at IoU 0.1 and average precision at 0.1 and 0.3: all lesions, by size, by kind."""
    rows = detection_measures(images, FOUND_IOU, SIZE_EDGES_MM)
    strict = detection_measures(images, STRICT_IOU, SIZE_EDGES_MM)
    return [
        {**{key: value for key, value in row.items() if key != "ap"}, "ap_0.1": row["ap"], "ap_0.3": other["ap"]}
        for row, other in zip(rows, strict, strict=True)
        if row["group"]
    ]


def pairing_rows(cases: Sequence[ScoredCase], threshold: float = 0.0) -> list[dict[str, Any]]:
    """Pairing accuracy and displacement errors of boxes from a score on: all lesions, by size, by kind."""
    low, high = SIZE_EDGES_MM
    groups: dict[str, Callable[[ScoredCase, Lesion], bool]] = {
        "all": lambda case, lesion: True,
        f"from {low:g} mm": lambda case, lesion: case.size_mm(lesion) >= low,
        f"from {high:g} mm": lambda case, lesion: case.size_mm(lesion) >= high,
        f"0 to {low:g} mm": lambda case, lesion: case.size_mm(lesion) < low,
        f"{low:g} to {high:g} mm": lambda case, lesion: low <= case.size_mm(lesion) < high,
    }
    for kind in sorted({case.kind(lesion) for case in cases for lesion in case.truth} - {""}):
        groups[kind] = lambda case, lesion, kind=kind: case.kind(lesion) == kind
    rows = []
    for name, belongs in groups.items():
        row = _pairing(cases, threshold, belongs)
        if row["judged"]:
            rows.append({"group": name, **row})
    return rows


def case_row(case: ScoredCase, threshold: float) -> dict[str, Any]:
    """One case at a score threshold: lesions, boxes found and false in T1 and T2, pairs."""
    row: dict[str, Any] = {"case": case.name, "lesions": len(case.truth)}
    for side in Side:
        matches = case.image(side).matches(FOUND_IOU)
        counted = matches.scores >= threshold
        row[f"{side}_boxes"] = matches.lesions
        row[f"{side}_found"] = int((counted & (matches.found >= 0)).sum())
        row[f"{side}_false"] = int((counted & (matches.found < 0)).sum())
    return {**row, **_pairing([case], threshold, lambda case, lesion: True)}


def score_at_rate(matches: Sequence[Matches], rate: float = OPERATING_RATE) -> float:
    """The lowest score from which on there are at most `rate` false boxes per image; 0 when there are never more."""
    false = np.sort(np.concatenate([m.scores[m.found < 0] for m in matches]))[::-1] if matches else np.empty(0)
    allowed = math.floor(rate * len(matches) + 1e-9)
    return float(np.nextafter(false[allowed], np.inf)) if len(false) > allowed else 0.0


def measurable(image: ImageResult) -> Matches:
    """Who finds whom in an image, of the lesions from `MEASURABLE_MM` on; boxes on smaller ones are not false."""
    return image.matches(FOUND_IOU).only(np.array([size >= MEASURABLE_MM for size in image.size_mm], bool))


def _sensitivity(images: Sequence[ImageResult], rate: float = OPERATING_RATE) -> float:
    matches = [measurable(image) for image in images]
    if not any(m.lesions for m in matches):
        return math.nan
    return froc(matches, [rate])["mean"]


def _pairing(
    cases: Sequence[ScoredCase], threshold: float, belongs: Callable[[ScoredCase, Lesion], bool]
) -> dict[str, Any]:
    chosen = [
        PairingCase(
            case.predicted,
            [pair for pair in case.truth if belongs(case, pair)],
            case.offset_t1_to_t2_mm,
            case.correspondence and case.correspondence.way_t1_to_t2,
            case.mask_dice,
        )
        for case in cases
    ]
    measured = pairing_measures(chosen, FOUND_IOU, minimum_score=threshold)
    return {
        "judged": measured["n"],
        "pairing_accuracy": measured["pairing_accuracy"],
        "displacement_error_mm": measured["displacement_error_mm"],
        "displacement_error_none_mm": measured["error_none_mm"],
        "displacement_error_centroid_mm": measured["error_centroid_mm"],
        "displacement_error_registration_mm": measured["error_registration_mm"],
        "mask_dice": measured["mask_dice"],
    }
