"""Detection as a free-response task: which predicted box finds which lesion, FROC, average precision.

A prediction finds the lesion that it overlaps most among those not yet found, if by at least the asked IoU; predictions
choose by falling score. Every other prediction is false, a second one of the same lesion too (as in COCO and
nnDetection). An "image" is one volume: a pair of volumes counts as two.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from liverpair.core.errors import InputError
from liverpair.measures.boxes import iou

FALSE_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False boxes per image at which sensitivity is reported."""


@dataclass(frozen=True)
class Matches:
    """The predictions of one image against its lesions.

    `scores` (n,); `found` (n,): row of the lesion that each prediction finds, -1 for none; `iou` (n,) with it;
    `lesions`: how many there are.
    """

    scores: np.ndarray
    found: np.ndarray
    iou: np.ndarray
    lesions: int

    def only(self, keep: np.ndarray) -> "Matches":
        """The same for the lesions where `keep` (lesions,) is true. Predictions that find another lesion are no
        longer there; false ones stay."""
        keep = np.asarray(keep, bool)
        false = self.found < 0
        stays = false | keep[np.where(false, 0, self.found)] if self.lesions else false
        rows = np.cumsum(keep) - 1
        found = np.where(false, -1, rows[np.where(false, 0, self.found)] if self.lesions else -1)
        return Matches(self.scores[stays], found[stays], self.iou[stays], int(keep.sum()))


def match(overlaps: np.ndarray, scores: Sequence[float], minimum_iou: float) -> Matches:
    """Match predictions to lesions by their IoU (predictions, lesions), as `measures.boxes.iou` or `iou_mm` gives
    it.
    """
    scores = np.asarray(scores, float)
    overlaps = np.asarray(overlaps, float)
    found, values = np.full(len(scores), -1), np.zeros(len(scores))
    free = np.ones(overlaps.shape[1], bool)
    for row in np.argsort(-scores, kind="stable"):
        reach = np.where(free, overlaps[row], -1.0)
        if reach.size and reach.max() >= max(minimum_iou, np.finfo(float).tiny):
            found[row], values[row] = reach.argmax(), reach.max()
            free[found[row]] = False
    return Matches(scores, found, values, overlaps.shape[1])


def match_boxes(predicted: np.ndarray, scores: Sequence[float], lesions: np.ndarray, minimum_iou: float) -> Matches:
    """`match` of boxes (n, 2, d) and (m, 2, d)."""
    return match(iou(predicted, lesions), scores, minimum_iou)


def sensitivity(images: Iterable[Matches], minimum_score: float = 0.0) -> float:
    """Lesions found by a prediction of at least this score, of all; NaN without lesions."""
    images = list(images)
    total = sum(m.lesions for m in images)
    hits = sum(int(((m.found >= 0) & (m.scores >= minimum_score)).sum()) for m in images)
    return hits / total if total else math.nan


def precision(images: Iterable[Matches], minimum_score: float = 0.0) -> float:
    """Predictions of at least this score that find a lesion, of all such; NaN without predictions."""
    hits = [(m.found >= 0)[m.scores >= minimum_score] for m in images]
    hits = np.concatenate(hits) if hits else np.empty(0)
    return float(hits.mean()) if len(hits) else math.nan


def froc_curve(images: Sequence[Matches]) -> tuple[np.ndarray, np.ndarray]:
    """False boxes per image and sensitivity at every score threshold, from the lowest threshold to "nothing".

    Raises `InputError` without images or lesions.
    """
    from monai.metrics.froc import compute_froc_curve_data

    lesions = sum(m.lesions for m in images)
    if not lesions:
        raise InputError("FROC needs at least one image with a lesion.")
    scores = np.concatenate([m.scores for m in images])
    hits = np.concatenate([m.found >= 0 for m in images])
    # MONAI leaves out the lowest of all scores; one below them is given it to leave out.
    below = [scores.min() - 1.0] if len(scores) else [0.0]
    return compute_froc_curve_data(np.concatenate([scores[~hits], below]), scores[hits], lesions, len(images))


def froc(images: Sequence[Matches], rates: Sequence[float] = FALSE_RATES) -> dict[str, float]:
    """Sensitivity at each rate of false boxes per image (keys "0.125" …), linear between thresholds, and "mean".

    Where even all predictions together are fewer than the rate allows, it is the sensitivity of all. Raises
    `InputError` without images or lesions.
    """
    from monai.metrics.froc import compute_froc_score

    curve = froc_curve(images)
    values = {f"{rate:g}": float(compute_froc_score(*curve, (rate,))) for rate in rates}
    return {**values, "mean": float(np.mean(list(values.values())))}


def average_precision(images: Sequence[Matches]) -> float:
    """Area under the precision-recall curve, precision made monotone (all points, Everingham et al. 2010); NaN without
    lesions.

    Predictions with the same score enter together, so that their order does not matter.
    """
    lesions = sum(m.lesions for m in images)
    if not lesions:
        return math.nan
    scores = np.concatenate([m.scores for m in images])
    hits = np.concatenate([m.found >= 0 for m in images])
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)[: len(order)]
    recall = (np.cumsum(hits[order]) / lesions)[last]
    precisions = (np.cumsum(hits[order]) / np.arange(1, len(order) + 1))[last]
    envelope = np.maximum.accumulate(precisions[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


@dataclass(frozen=True)
class ImageResult:
    """One image: `overlaps` IoU (predictions, lesions), `scores` (predictions,), and of each lesion its `size_mm` and
    `kind`."""

    overlaps: np.ndarray
    scores: Sequence[float]
    size_mm: Sequence[float]
    kind: Sequence[str]

    def matches(self, minimum_iou: float) -> Matches:
        """Who finds whom."""
        return match(np.reshape(self.overlaps, (len(self.scores), len(self.size_mm))), self.scores, minimum_iou)


def detection_measures(
    images: Sequence[ImageResult], minimum_iou: float = 0.1, size_edges_mm: Sequence[float] = (10.0, 20.0)
) -> list[dict[str, float | str | int]]:
    """Rows of a table: all lesions, those of each range of sizes, those of each kind.

    Columns: `lesions`, how many; `froc`, the mean over `FALSE_RATES`; `sensitivity_at_…` each of them; `ap` at
    `minimum_iou`. A group without lesions has no row.
    """

    def between(low: float, high: float) -> Callable[[ImageResult], list[bool]]:
        return lambda result: [low <= size < high for size in result.size_mm]

    def of_kind(kind: str) -> Callable[[ImageResult], list[bool]]:
        return lambda result: [own == kind for own in result.kind]

    groups = {"all": between(0.0, math.inf)}
    groups |= {f"from {low:g} mm": between(low, math.inf) for low in size_edges_mm}
    groups |= {f"{low:g} to {high:g} mm": between(low, high) for low, high in pairwise([0.0, *size_edges_mm])}
    groups |= {kind: of_kind(kind) for kind in sorted({kind for result in images for kind in result.kind})}
    matched = [r.matches(minimum_iou) for r in images]
    rows = []
    for name, chosen in groups.items():
        part = [m.only(np.array(chosen(r), bool)) for m, r in zip(matched, images)]
        if sum(m.lesions for m in part):
            curve = froc(part)
            rates = {f"sensitivity_at_{rate}": value for rate, value in curve.items() if rate != "mean"}
            counts = {"group": name, "lesions": sum(m.lesions for m in part)}
            rows.append({**counts, "froc": curve["mean"], **rates, "ap": average_precision(part)})
    return rows
