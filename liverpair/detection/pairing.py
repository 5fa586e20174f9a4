"""Which box of one image is which box of the other.

A box moved by its predicted displacement is the same lesion as a box of the other image that it overlaps (Couteaux
2021, section 4.2.3). The source does not say what holds when one overlaps many: here both directions are asked, and the
one-to-one assignment with the largest total overlap is taken. A box left without a partner is completed by its moved
self, so that every lesion comes out as a pair.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from liverpair.measures.boxes import centers, iou

Agreement = Literal["both", "one", "moved"]


@dataclass(frozen=True)
class Found:
    """Boxes found in one image: `boxes` (n, 2, d), `scores` (n,), and `displacements` (n, d) to the other image, all
    in voxels of one grid."""

    boxes: np.ndarray
    scores: np.ndarray
    displacements: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def moved(self) -> np.ndarray:
        """The boxes where the other image should have them, (n, 2, d)."""
        return self.boxes + self.displacements[:, None, :]

    @classmethod
    def none(cls, dimensions: int) -> "Found":
        """Nothing."""
        return cls(np.empty((0, 2, dimensions)), np.empty(0), np.empty((0, dimensions)))


@dataclass(frozen=True)
class LinkedBoxes:
    """One lesion: its box in image 0 and in image 1.

    `boxes` (2, 2, d); `rows`: where each stands in its `Found`, None where it is the other one moved; `scores`, None
    likewise; `overlaps`: IoU of box 0 moved with box 1, and of box 1 moved with box 0, as `link` saw them (enlarged by
    its growth), None where there is no such box.
    `agreement`: both directions see the link, one does, or the partner was moved.
    `predicted` (d,): the way from image 0 to image 1 that the boxes found bring with them, the mean of two; not that
    between the centers of two boxes, which says where they were found.
    """

    boxes: np.ndarray
    rows: tuple[int | None, int | None]
    scores: tuple[float | None, float | None]
    overlaps: tuple[float | None, float | None]
    agreement: Agreement
    predicted: np.ndarray

    @property
    def score(self) -> float:
        """The higher of the scores."""
        return max(score for score in self.scores if score is not None)


def overlaps(first: Found, second: Found, growth: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """IoU (n, m) of the moved boxes of `first` with those of `second`, and of the boxes of `first` with the moved
    ones of `second`, all boxes enlarged by `growth` around their centers."""
    return (
        iou(_grown(first.moved, growth), _grown(second.boxes, growth)),
        iou(_grown(first.boxes, growth), _grown(second.moved, growth)),
    )


def link(first: Found, second: Found, threshold: float, growth: float = 1.0) -> list[LinkedBoxes]:
    """Every lesion as a pair of boxes, highest score first.

    Two boxes may be linked when one of them, moved, overlaps the other by more than `threshold` (IoU). With a `growth`
    above the published 1 boxes are enlarged for that, since a displacement that errs by a few millimeters moves a small
    box past its partner. The result does not depend on the order of the boxes.
    """
    rows, columns = _canonical_order(first), _canonical_order(second)
    forward, backward = overlaps(first, second, growth)
    affinity = np.where(forward > threshold, forward, 0.0) + np.where(backward > threshold, backward, 0.0)
    chosen = linear_sum_assignment(affinity[np.ix_(rows, columns)], maximize=True)
    links = [(rows[i], columns[j]) for i, j in zip(*chosen) if affinity[rows[i], columns[j]] > 0]
    pairs = [_linked(first, second, i, j, (forward[i, j], backward[i, j]), threshold) for i, j in links]
    alone = set(rows) - {i for i, _ in links}, set(columns) - {j for _, j in links}
    pairs += [_completed(first, i, 0) for i in rows if i in alone[0]]
    pairs += [_completed(second, j, 1) for j in columns if j in alone[1]]
    return sorted(pairs, key=lambda pair: -pair.score)


def _grown(boxes: np.ndarray, growth: float) -> np.ndarray:
    middle = centers(boxes)[:, None]
    return middle + growth * (boxes - middle)


def _canonical_order(found: Found) -> np.ndarray:
    """Rows by falling score, equals by their numbers, so that ties are resolved the same way however the boxes come."""
    if not len(found):
        return np.empty(0, dtype=int)
    numbers = np.column_stack([-found.scores, found.boxes.reshape(len(found), -1), found.displacements])
    return np.lexsort(numbers.T[::-1])


def _linked(first: Found, second: Found, i: int, j: int, overlap: tuple[float, float], threshold: float) -> LinkedBoxes:
    return LinkedBoxes(
        boxes=np.stack([first.boxes[i], second.boxes[j]]),
        rows=(int(i), int(j)),
        scores=(float(first.scores[i]), float(second.scores[j])),
        overlaps=(float(overlap[0]), float(overlap[1])),
        agreement="both" if min(overlap) > threshold else "one",
        predicted=(first.displacements[i] - second.displacements[j]) / 2,
    )


def _completed(found: Found, row: int, image: int) -> LinkedBoxes:
    def ordered(own, other):
        return (own, other) if image == 0 else (other, own)

    return LinkedBoxes(
        boxes=np.stack(ordered(found.boxes[row], found.moved[row])),
        rows=ordered(int(row), None),
        scores=ordered(float(found.scores[row]), None),
        overlaps=(None, None),
        agreement="moved",
        predicted=found.displacements[row] * (1 if image == 0 else -1),
    )
