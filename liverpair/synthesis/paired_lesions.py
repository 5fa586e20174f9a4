"""Synthetic lesions for a real T1/T2 pair: how many, of which kind and size, and where in either liver.

Public MRI with lesions linked across sequences is rare; these are parameters of lesions to be written into healthy
livers. Numbers obtained with them are numbers on synthetic lesions in real MRI and must be called so.
"""

import uuid
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair.core.geometry import Grid, on_grid
from liverpair.core.sides import Side
from liverpair.registration.livers import LiverCorrespondence
from liverpair.synthesis.lesion_shapes import KIND_SHARES, KINDS, LesionShape, offsets_around

TRIES = 20
"""Places looked at before a lesion is made smaller."""


@dataclass(frozen=True)
class Form:
    """Shape of one kind: range of the semi-axes relative to their mean, range of the irregularity of the surface."""

    axes: tuple[float, float]
    irregularity: tuple[float, float]


FORMS: dict[str, Form] = {
    "cyst": Form((0.90, 1.10), (0.01, 0.05)),
    "haemangioma": Form((0.80, 1.20), (0.08, 0.15)),
    "hcc": Form((0.85, 1.15), (0.04, 0.10)),
    "metastasis": Form((0.80, 1.20), (0.06, 0.13)),
}
SINGLE_SIDES: dict[str, tuple[Side, ...]] = {
    "cyst": (Side.T2,),
    "haemangioma": (Side.T2,),
    "hcc": tuple(Side),
    "metastasis": tuple(Side),
}
"""Sequences in which a lesion of each kind may be the only one to stand out: a liquid one is never missed in T2."""


@dataclass(frozen=True)
class LesionStatistics:
    """What a set of lesions looks like as a whole. Counts and sizes are log-normal.

    Attributes:
        mean_count: lesions per case, about (Couteaux 2021, section 4.4: 6, from 1 to 54).
        count_spread: standard deviation of the logarithm of the count.
        most: largest count.
        median_mm: median diameter.
        spread: standard deviation of the logarithm of the diameter.
        smallest_mm: smallest diameter.
        largest_mm: largest diameter.
        main_kind_share: part of the lesions that are of the case's main kind.
        single_share: part of the smaller lesions that stand out in one sequence only.
        single_largest_mm: up to which diameter; nobody misses a large lesion.
        jitter_mm: standard deviation, per axis, of a lesion's place in T2 around the corresponding one.
        size_jitter: standard deviation of the relative difference of size between T1 and T2.
        turn_jitter: standard deviation of the difference of rotation, radians per axis.
        gap_mm: liver between two lesions, at least.
    """

    mean_count: float = 6.0
    count_spread: float = 1.0
    most: int = 54
    median_mm: float = 15.0
    spread: float = 0.55
    smallest_mm: float = 5.0
    largest_mm: float = 60.0
    main_kind_share: float = 0.6
    single_share: float = 0.2
    single_largest_mm: float = 20.0
    jitter_mm: float = 1.5
    size_jitter: float = 0.04
    turn_jitter: float = 0.05
    gap_mm: float = 3.0


@dataclass(frozen=True)
class PairedLesion:
    """One lesion in both images: the same number, kind, seed and visibility; place, size and rotation of each image."""

    uid: str
    t1: LesionShape
    t2: LesionShape

    @property
    def number(self) -> int:
        """1, 2, ... within the case."""
        return self.t1.number

    @property
    def kind(self) -> str:
        """One of `liverpair.synthesis.lesion_shapes.KINDS`."""
        return self.t1.kind

    @property
    def visible(self) -> tuple[Side, ...]:
        """Sequences in which it stands out."""
        return self.t1.visible

    @property
    def diameter_mm(self) -> float:
        """Diameter of the ball of the same volume, in T1."""
        return 2.0 * float(np.prod(self.t1.radii_mm)) ** (1 / 3)


def draw_count(rng: np.random.Generator, statistics: LesionStatistics = LesionStatistics()) -> int:
    """Number of lesions of a case, 1 to `most`."""
    mu = np.log(statistics.mean_count) - statistics.count_spread**2 / 2
    return int(np.clip(round(rng.lognormal(mu, statistics.count_spread)), 1, statistics.most))


def draw_diameters(
    rng: np.random.Generator, count: int, statistics: LesionStatistics = LesionStatistics()
) -> np.ndarray:
    """Diameters in mm (count,), log-normal between the smallest and the largest, largest first."""
    diameters = np.empty(0)
    while len(diameters) < count:
        more = statistics.median_mm * np.exp(statistics.spread * rng.standard_normal(count))
        within = (more >= statistics.smallest_mm) & (more <= statistics.largest_mm)
        diameters = np.concatenate([diameters, more[within]])
    return np.sort(diameters[:count])[::-1]


def draw_paired_lesions(
    t1_liver: sitk.Image,
    t2_liver: sitk.Image,
    correspondence: LiverCorrespondence,
    seed: int,
    statistics: LesionStatistics = LesionStatistics(),
) -> tuple[PairedLesion, ...]:
    """Draw the lesions of a case.

    Every lesion lies within both livers, up to a flat cap at the capsule, and apart from the others. The larger ones
    are placed first; one that finds no room becomes smaller or, at last, is left out.

    Args:
        t1_liver: mask (0, 1) of the liver in T1.
        t2_liver: likewise in T2.
        correspondence: of the two livers.
        seed: of everything.
        statistics: of counts, sizes, kinds, and of what differs between the two images.
    """
    rng = np.random.default_rng(seed)
    diameters = draw_diameters(rng, draw_count(rng, statistics), statistics)
    main_kind = str(rng.choice(KINDS, p=KIND_SHARES))
    places = _Places(t1_liver, t2_liver, correspondence, statistics)
    lesions: list[PairedLesion] = []
    for diameter in diameters:
        kind = main_kind if rng.random() < statistics.main_kind_share else str(rng.choice(KINDS, p=KIND_SHARES))
        lesion = _draw_lesion(len(lesions) + 1, kind, diameter, rng, statistics)
        while lesion.diameter_mm >= statistics.smallest_mm:
            placed = places.place(lesion, rng)
            if placed is not None:
                lesions.append(placed)
                break
            lesion = _scaled(lesion, 0.8)
    return tuple(lesions)


def _draw_lesion(
    number: int, kind: str, diameter: float, rng: np.random.Generator, statistics: LesionStatistics
) -> PairedLesion:
    """A lesion at the origin of both images."""
    form = FORMS[kind]
    axes = rng.uniform(*form.axes, 3)
    radii = diameter / 2 * axes / np.prod(axes) ** (1 / 3)
    rotation = rng.uniform(-1.5, 1.5, 3)
    single = rng.random() < statistics.single_share and diameter <= statistics.single_largest_mm
    only = Side(str(rng.choice(SINGLE_SIDES[kind])))
    t1 = LesionShape(
        number=number,
        kind=kind,
        center_mm=(0.0, 0.0, 0.0),
        radii_mm=_vector(radii),
        rotation=_vector(rotation),
        irregularity=round(float(rng.uniform(*form.irregularity)), 3),
        seed=int(rng.integers(2**31)),
        visible=(only,) if single else tuple(Side),
    )
    scale = np.exp(statistics.size_jitter * rng.standard_normal())
    turned = rotation + statistics.turn_jitter * rng.standard_normal(3)
    uid = str(uuid.UUID(bytes=rng.bytes(16), version=4))
    return PairedLesion(uid, t1, replace(t1, radii_mm=_vector(radii * scale), rotation=_vector(turned)))


def _scaled(lesion: PairedLesion, factor: float) -> PairedLesion:
    t1, t2 = (replace(one, radii_mm=_vector(np.multiply(one.radii_mm, factor))) for one in (lesion.t1, lesion.t2))
    return replace(lesion, t1=t1, t2=t2)


def _vector(values: np.ndarray) -> tuple[float, float, float]:
    """Rounded to a micrometer (or microradian), so that parameters survive a text file unchanged."""
    return tuple(round(float(v), 3) for v in values)


def _bound(lesion: LesionShape) -> float:
    """Radius of a ball that holds nearly all of the lesion."""
    return max(lesion.radii_mm) * (1.0 + 1.5 * lesion.irregularity)


class _Places:
    """Where in the T1 liver, and at the corresponding place of the T2 liver, there is room for a lesion."""

    def __init__(
        self,
        t1_liver: sitk.Image,
        t2_liver: sitk.Image,
        correspondence: LiverCorrespondence,
        statistics: LesionStatistics,
    ):
        self.correspondence, self.statistics = correspondence, statistics
        own, other = _depth_in_liver(t1_liver), _depth_in_liver(t2_liver)
        self.grid = Grid.of(own)
        other = sitk.Resample(other, own, correspondence.transform, sitk.sitkLinear, 0.0)
        self.depth = np.minimum(*(sitk.GetArrayFromImage(image) for image in (own, other)))
        self.apart = np.full(self.depth.shape, np.inf, dtype=np.float32)
        self.taken: list[PairedLesion] = []

    def place(self, lesion: PairedLesion, rng: np.random.Generator) -> PairedLesion | None:
        """The lesion at a random place with room, or None."""
        radius = max(lesion.diameter_mm, 2 * float(np.prod(lesion.t2.radii_mm)) ** (1 / 3)) / 2
        roomy = (self.depth > 0.75 * radius + 1.0) & (self.apart > _bound(lesion.t1) + self.statistics.gap_mm)
        candidates = np.flatnonzero(roomy)
        for _ in range(TRIES if len(candidates) else 0):
            index = np.array(np.unravel_index(rng.choice(candidates), roomy.shape)[::-1])
            center = self.grid.point(index + rng.uniform(-0.5, 0.5, 3))
            jitter = np.clip(rng.standard_normal(3), -2, 2) * self.statistics.jitter_mm
            there = self.correspondence.to_t2(center) + jitter
            t1 = replace(lesion.t1, center_mm=_vector(center))
            placed = replace(lesion, t1=t1, t2=replace(lesion.t2, center_mm=_vector(there)))
            if all(self._apart_in_both(placed, other) for other in self.taken):
                self._take(placed)
                return placed
        return None

    def _apart_in_both(self, a: PairedLesion, b: PairedLesion) -> bool:
        return all(
            np.linalg.norm(np.subtract(p.center_mm, q.center_mm)) > _bound(p) + _bound(q) + self.statistics.gap_mm / 2
            for p, q in ((a.t1, b.t1), (a.t2, b.t2))
        )

    def _take(self, lesion: PairedLesion) -> None:
        self.taken.append(lesion)
        reach = _bound(lesion.t1) + self.statistics.largest_mm
        window, offsets = offsets_around(self.grid.image(), lesion.t1.center_mm, reach, 1)
        distance = np.linalg.norm(offsets[0], axis=-1) - _bound(lesion.t1)
        self.apart[window] = np.minimum(self.apart[window], distance)


def _depth_in_liver(liver: sitk.Image) -> sitk.Image:
    """Distance in mm to the nearest voxel outside the liver or the image, 0 outside, cropped to the liver."""
    inside = sitk.GetArrayViewFromImage(liver) > 0
    if not inside.any():
        return on_grid(np.zeros(inside.shape, dtype=np.float32), Grid.of(liver))
    window = ndimage.find_objects(inside.astype(np.uint8))[0]
    room = ndimage.distance_transform_edt(np.pad(inside[window], 1), sampling=liver.GetSpacing()[::-1])
    full = np.zeros(inside.shape, dtype=np.float32)
    full[window] = room[1:-1, 1:-1, 1:-1]
    image = on_grid(full, Grid.of(liver))
    return image[tuple(slice(s.start, s.stop) for s in window[::-1])]
