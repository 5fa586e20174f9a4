"""Where a place in one image of a patient lies in the other: what the linked lesions nearby say, else the registration
of the livers, else the offset of their centroids.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from liverpair.core.geometry import Vector
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.sides import Side
from liverpair.registration.livers import LiverCorrespondence

Source = Literal["pairs", "registration", "offset"]


@dataclass(frozen=True)
class PlaceSettings:
    """Which lesion pairs are believed, and what error to expect where the patient's own pairs do not tell.

    The errors are what two of three stayed below, rounded, at 97 lesions of 14 phantoms with true liver masks; they
    were not measured in patients, where they may be larger.

    Attributes:
        minimum_score: of each box of a proposed pair.
        radius_mm: a lesion farther away says nothing; about there it is no better than the registration of the livers.
        neighbors: how many lesions at most speak for a place.
        pairs_to_measure: so many errors must be known before they say what to expect.
        box_error_mm: error at the center of a lesion whose boxes are linked.
        growth: error per mm of distance from the nearest lesion.
        registration_error_mm: of the registration of the livers.
        offset_error_mm: of the offset of their centroids.
    """

    minimum_score: float = 0.5
    radius_mm: float = 50.0
    neighbors: int = 4
    pairs_to_measure: int = 3
    box_error_mm: float = 2.0
    growth: float = 0.1
    registration_error_mm: float = 5.0
    offset_error_mm: float = 7.0


@dataclass(frozen=True)
class Place:
    """A place in the other image.

    Attributes:
        point_mm: LPS.
        uncertainty_mm: two of three such places lie closer than this to the true one.
        source: what says so.
        sentence: the same in words, for the reader.
    """

    point_mm: Vector
    uncertainty_mm: float
    source: Source
    sentence: str


class PlaceMap:
    """Map between the places of the T1 and the T2 image of one patient.

    A pair is believed when it was accepted, or when it was not rejected and each of its boxes was drawn or scores at
    least `minimum_score`. The displacements of the nearest pairs are averaged with the inverse square of their
    distance as weight (Shepard, Proc. ACM National Conference 1968), so that the center of a box leads to the center of
    its partner. Errors to expect come from the patient's own pairs when there are enough: what the others say of each
    (leave one out), and what the registration and the offset say of it; else from `settings`.
    """

    def __init__(
        self,
        pairs: Sequence[Lesion] = (),
        correspondence: LiverCorrespondence | None = None,
        offset_t1_to_t2_mm: Vector | None = None,
        settings: PlaceSettings = PlaceSettings(),
    ):
        """Learn from what is known of a patient.

        Args:
            pairs: lesions in any state, LPS mm.
            correspondence: registration of the livers, if there is one.
            offset_t1_to_t2_mm: centroid of the T2 liver minus that of the T1 liver, LPS mm, if both are known.
            settings: whom to believe.
        """
        self._settings = settings
        self._correspondence = correspondence
        self._offset = None if offset_t1_to_t2_mm is None else np.asarray(offset_t1_to_t2_mm, dtype=float)
        believed = [pair for pair in pairs if pair.is_believed(settings.minimum_score)]
        self._centers = {
            side: np.array([pair.box(side).center_mm for pair in believed], dtype=float).reshape(-1, 3) for side in Side
        }
        self._growth = self._measured_growth()
        self._registration_error_mm = self._measured_error(self._registered, settings.registration_error_mm)
        self._offset_error_mm = self._measured_error(self._shifted, settings.offset_error_mm)

    def to_other(self, point_mm: Vector | np.ndarray, side: Side) -> Place | None:
        """The place in the other image of a place in image `side`, both LPS mm; None where nothing is known.

        Raises `ValueError` for what is no side, or a point that is not three finite numbers.
        """
        point, side = np.asarray(point_mm, dtype=float), Side(side)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise ValueError(f"a place is three finite numbers, not {point_mm!r}")
        return self._from_pairs(point, side) or self._from_registration(point, side) or self._from_offset(point, side)

    def _from_pairs(self, point: np.ndarray, side: Side) -> Place | None:
        near, distances = self._near(point, self._centers[side])
        if not len(near):
            return None
        displacement = _weighted(self._displacements(side)[near], distances)
        error = math.hypot(self._settings.box_error_mm, self._growth * distances[0])
        count = "a linked lesion" if len(near) == 1 else f"{len(near)} linked lesions"
        return _place(point + displacement, error, "pairs", f"From {count} nearby")

    def _from_registration(self, point: np.ndarray, side: Side) -> Place | None:
        found = self._registered(point, side)
        if found is None:
            return None
        return _place(found, self._registration_error_mm, "registration", "From the registration of the livers")

    def _from_offset(self, point: np.ndarray, side: Side) -> Place | None:
        found = self._shifted(point, side)
        if found is None:
            return None
        return _place(found, self._offset_error_mm, "offset", "From the offset of the livers")

    def _displacements(self, side: Side) -> np.ndarray:
        """(n, 3) from the boxes of `side` to their partners."""
        return self._centers[side.other] - self._centers[side]

    def _near(self, point: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the centers that speak for a place and their distances in mm, nearest first."""
        distances = np.linalg.norm(centers - point, axis=1)
        rows = np.argsort(distances, kind="stable")[: self._settings.neighbors]
        rows = rows[distances[rows] <= self._settings.radius_mm]
        return rows, distances[rows]

    def _registered(self, point: np.ndarray, side: Side) -> np.ndarray | None:
        if self._correspondence is None:
            return None
        if side is Side.T1:
            found = self._correspondence.to_t2(point)
            return found if np.isfinite(found).all() else None
        found = self._correspondence.to_t1(point)
        missed = np.linalg.norm(self._correspondence.to_t2(found) - point)
        return found if missed < self._settings.box_error_mm else None

    def _shifted(self, point: np.ndarray, side: Side) -> np.ndarray | None:
        if self._offset is None:
            return None
        return point + (self._offset if side is Side.T1 else -self._offset)

    def _measured_growth(self) -> float:
        """Error per mm of distance, from what the others say of each pair."""
        centers, displacements = self._centers[Side.T1], self._displacements(Side.T1)
        errors, nearest = [], []
        for row in range(len(centers)):
            others = np.arange(len(centers)) != row
            near, distances = self._near(centers[row], centers[others])
            if len(near):
                said = _weighted(displacements[others][near], distances)
                errors.append(np.linalg.norm(said - displacements[row]))
                nearest.append(distances[0])
        if len(errors) < self._settings.pairs_to_measure or not np.median(nearest) > 0:
            return self._settings.growth
        return _expected(errors) / float(np.median(nearest))

    def _measured_error(self, method, default: float) -> float:
        """Error of `method` at the pairs, from T1 to T2."""
        found = [method(center, Side.T1) for center in self._centers[Side.T1]]
        errors = [np.linalg.norm(f - true) for f, true in zip(found, self._centers[Side.T2]) if f is not None]
        return _expected(errors) if len(errors) >= self._settings.pairs_to_measure else default


EARLIER, LATER = Side.T1, Side.T2
"""The places of two visits are mapped as those of two images are: from EARLIER to LATER."""
BETWEEN_VISITS = PlaceSettings(registration_error_mm=8.0, offset_error_mm=12.0)
"""Months apart a liver differs by more than its two images of one visit do."""


def visit_map(
    links: Iterable[tuple[Lesion, Lesion]],
    side: Side,
    correspondence: LiverCorrespondence | None = None,
    offset_mm: Vector | None = None,
    settings: PlaceSettings = BETWEEN_VISITS,
) -> PlaceMap:
    """Map between the places of one image (`side`) of two visits, EARLIER and LATER.

    Args:
        links: lesions of the earlier and of the later visit that are one.
        side: whose boxes are meant.
        correspondence: registration of the livers, from the earlier to the later visit.
        offset_mm: centroid of the later liver minus that of the earlier one.
        settings: whom to believe.
    """
    seen = [(before.seen(side), now.seen(side)) for before, now in links]
    pairs = [
        Lesion(n, {EARLIER: LesionBox(first, "drawn"), LATER: LesionBox(second, "drawn")}, "accepted", uid=str(n))
        for n, (first, second) in enumerate(seen, start=1)
        if first is not None and second is not None
    ]
    return PlaceMap(pairs, correspondence, offset_mm, settings)


def _weighted(displacements: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Mean of displacements (n, 3), weighted by the inverse square of their distances in mm."""
    weights = 1.0 / np.maximum(distances, 1e-3) ** 2
    return weights @ displacements / weights.sum()


def _expected(errors: Sequence[float]) -> float:
    """What two of three errors stay below."""
    return float(np.quantile(errors, 2 / 3))


def _place(point: np.ndarray, error_mm: float, source: Source, words: str) -> Place:
    return Place(tuple(map(float, point)), float(error_mm), source, f"{words}: about {max(1, round(error_mm))} mm.")
