"""Which lesion of a visit is which of the visit before.

The livers of two visits are registered, T1 to T1 and T2 to T2. A lesion of the earlier visit is looked for where the
registration brings it; how far off it may lie is what `places` expects of such places, and more for large lesions,
whose centers move as they grow. All lesions are assigned at once, so that the sum of the agreements is the largest.
What is linked then says where its neighbors should lie, which is nearer than what the registration of the livers says,
and everything is assigned again.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy.optimize import linear_sum_assignment

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Vector
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.registration.livers import LiverCorrespondence
from liverpair.registration.places import BETWEEN_VISITS, EARLIER, Place, PlaceSettings, visit_map


@dataclass(frozen=True)
class VisitSettings:
    """When two lesions of two visits may be one. Raises `InputError` for what cannot be.

    Attributes:
        places: the errors to expect.
        of_diameter: part of the mean diameter of two lesions that their centers may lie apart besides.
        unseen_mm: error to expect, besides, of a box that was only predicted from its partner.
        limit: so many times the error to expect is too far for a link.
        rounds: how often, at most, the linked lesions say where the others should lie: where all of them are off by
            20 mm, the third time sets it right.
    """

    places: PlaceSettings = BETWEEN_VISITS
    of_diameter: float = 0.25
    unseen_mm: float = 5.0
    limit: float = 3.0
    rounds: int = 3

    def __post_init__(self) -> None:
        if not (self.of_diameter >= 0 and self.unseen_mm >= 0 and self.limit > 0 and self.rounds >= 1):
            raise InputError("The settings of links between visits must be above zero.")


@dataclass(frozen=True)
class VisitLink:
    """One lesion over two visits.

    Attributes:
        earlier, later: the lesion at either visit; None where it is new, or gone.
        distance_mm: from where it was expected to where it lies, in the image in which they agree better; None for a
            lesion of one visit.
        expected_mm: how far that distance was expected to be, two of three times.
        by_reader: whether the file of the later visit named its earlier uid already.
    """

    earlier: Lesion | None
    later: Lesion | None
    distance_mm: float | None = None
    expected_mm: float | None = None
    by_reader: bool = False


def link_visits(
    earlier: Sequence[Lesion],
    later: Sequence[Lesion],
    correspondences: Mapping[Side, LiverCorrespondence] | None = None,
    offsets_mm: Mapping[Side, Vector] | None = None,
    settings: VisitSettings = VisitSettings(),
) -> list[VisitLink]:
    """Link the lesions of two visits of one patient; those that were rejected are left out.

    Args:
        earlier: lesions of the visit before, LPS mm.
        later: of the visit; a lesion that names its earlier uid already stays linked to it, where there is such a one.
        correspondences: registration of the livers in T1 and in T2, from the earlier to the later visit.
        offsets_mm: centroid of the later liver minus that of the earlier, where there is no registration.
        settings: what to expect.

    Returns:
        A link for every lesion: those of the later visit in their order, then those that are gone. The order of the
        lesions decides nothing else.

    Raises `InputError` when two later lesions name the same earlier one.
    """
    before = [lesion for lesion in earlier if lesion.state != "rejected"]
    now = [lesion for lesion in later if lesion.state != "rejected"]
    fixed = _named(before, now)
    free_before = [i for i in range(len(before)) if i not in fixed]
    free_now = [j for j in range(len(now)) if j not in fixed.values()]
    links = dict(fixed)
    agreements: dict[tuple[int, int], tuple[float, float, float]] = {}
    for _ in range(settings.rounds):
        place_of = cache(partial(_place, before, now, links, correspondences or {}, offsets_mm or {}, settings))
        agreements = {
            (i, j): found
            for i in range(len(before))
            for j in range(len(now))
            if (i in free_before and j in free_now) or fixed.get(i) == j
            if (found := _agreement(before[i], now[j], partial(place_of, i), settings))
        }
        before_this, links = links, {**fixed, **_assigned(free_before, free_now, agreements, settings.limit)}
        if links == before_this:
            break
    found = {j: i for i, j in links.items()}
    result = []
    for j, lesion in enumerate(now):
        i = found.get(j)
        _, distance, expected = agreements.get((i, j), (0.0, None, None))
        result.append(VisitLink(None if i is None else before[i], lesion, distance, expected, i in fixed))
    return result + [VisitLink(lesion, None) for i, lesion in enumerate(before) if i not in links]


def _named(before: Sequence[Lesion], now: Sequence[Lesion]) -> dict[int, int]:
    rows = {lesion.uid: i for i, lesion in enumerate(before)}
    named: dict[int, int] = {}
    for j, lesion in enumerate(now):
        if lesion.earlier in rows:
            i = rows[lesion.earlier]
            if i in named:
                raise InputError(
                    f"Lesions {now[named[i]].number} and {lesion.number} both name lesion {before[i].number} of the "
                    "visit before.",
                    "One lesion cannot be two: take the link away from one of them.",
                )
            named[i] = j
    return named


def _agreement(
    before: Lesion, now: Lesion, place_of: Callable[[Side], Place | None], settings: VisitSettings
) -> tuple[float, float, float] | None:
    """How far a lesion lies from where that of the visit before is expected: in units of the error to expect (mean
    square over the images), and distance and error in mm of the better image; None where no image has both."""
    squares, best = [], None
    for side in Side:
        first, second = before.box(side), now.box(side)
        if first is None or second is None:
            continue
        place = place_of(side)
        if place is None:
            continue
        size = settings.of_diameter * (_diameter(first) + _diameter(second)) / 2
        unseen = sum(lesion.seen(side) is None for lesion in (before, now))
        error = math.hypot(place.uncertainty_mm, size, settings.unseen_mm * unseen)
        distance = math.dist(place.point_mm, second.center_mm)
        squares.append((distance / error) ** 2)
        if best is None or distance / error < best[0] / best[1]:
            best = distance, error
    return None if best is None else (math.sqrt(float(np.mean(squares))), *best)


def _place(
    before: Sequence[Lesion],
    now: Sequence[Lesion],
    links: Mapping[int, int],
    correspondences: Mapping[Side, LiverCorrespondence],
    offsets_mm: Mapping[Side, Vector],
    settings: VisitSettings,
    i: int,
    side: Side,
) -> Place | None:
    """Where lesion i should lie at the later visit, by what the other links and the livers say."""
    others = [(before[k], now[j]) for k, j in links.items() if k != i]
    places = visit_map(others, side, correspondences.get(side), offsets_mm.get(side), settings.places)
    return places.to_other(before[i].box(side).center_mm, EARLIER)


def _assigned(
    rows: Sequence[int],
    columns: Sequence[int],
    agreements: Mapping[tuple[int, int], tuple[float, float, float]],
    limit: float,
) -> dict[int, int]:
    gain = np.zeros((len(rows), len(columns)))
    for a, i in enumerate(rows):
        for b, j in enumerate(columns):
            if (i, j) in agreements:
                gain[a, b] = max(0.0, limit**2 - agreements[i, j][0] ** 2)
    chosen = linear_sum_assignment(gain, maximize=True)
    return {rows[a]: columns[b] for a, b in zip(*chosen) if gain[a, b] > 0}


def _diameter(box: Box) -> float:
    """Of the ball of the same volume as the ellipsoid that a box holds."""
    return float(np.prod(box.size_mm) ** (1 / 3))
