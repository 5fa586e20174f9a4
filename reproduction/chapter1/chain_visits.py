"""Two visits of one patient with known lesions: a synthetic study, and the same some months on.

At the later visit all lesions have responded, stayed or progressed together, each a little otherwise; some are gone,
some new; the patient lies elsewhere, and liver and lesions are bent, in T1 and in T2 each in its own way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Grid
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.sides import Side
from liverpair.measures.boxes import label_boxes
from liverpair.synthesis.deformation import displacement_transform, smooth_displacement
from liverpair.synthesis.paired_lesions import PairedLesion
from liverpair.synthesis.paired_lesions_evaluation import LesionCase, RealPair, read_real_pair, render_case
from liverpair.synthesis.paired_lesions_rendering import SyntheticPair

COURSES = {"response": 0.6, "stable": 1.0, "progression": 1.35}
"""What the diameters of a patient are multiplied by."""
SPREAD = 0.08
GONE_SHARE, NEW_SHARE = 0.15, 0.4
"""Part of the lesions that are gone, and of the patients that have a new one."""
AMPLITUDE_MM, SMOOTHNESS_MM, SHIFT_MM = 6.0, 40.0, 15.0
COARSE_MM = 10.0
APART_MM = 3.0


@dataclass(frozen=True)
class KnownVisit:
    """A visit of which everything is known.

    Attributes:
        images, livers, labels: by side; `labels` hold the number of the lesion.
        lesions: those seen in at least one image, with boxes around their labels; one uid at both visits.
    """

    images: dict[Side, sitk.Image]
    livers: dict[Side, sitk.Image]
    labels: dict[Side, sitk.Image]
    lesions: list[Lesion]


def two_visits(folder: Path, case: LesionCase, others: Sequence[LesionCase]) -> tuple[KnownVisit, KnownVisit, str]:
    """The visits of a case, and which course its lesions took.

    `others`: cases of the same real pair, which new lesions are taken from.
    """
    rng = np.random.default_rng(10_000 + case.seed)
    course = list(COURSES)[case.seed % len(COURSES)]
    real = read_real_pair(folder, case.case)
    first = _known(render_case(folder, case), real)
    later = replace(case, lesions=_later(case.lesions, [one for o in others for one in o.lesions], course, rng))
    second = _moved(_known(render_case(folder, later), real), rng)
    return first, second, course


def _later(
    lesions: Sequence[PairedLesion], others: Sequence[PairedLesion], course: str, rng: np.random.Generator
) -> tuple[PairedLesion, ...]:
    kept = []
    for lesion in lesions:
        factor = COURSES[course] * float(np.exp(SPREAD * rng.standard_normal()))
        if course != "progression" and len(lesions) > 1 and rng.random() < GONE_SHARE:
            continue
        sides = {
            s: replace(own, radii_mm=_scaled(own.radii_mm, factor)) for s, own in (("t1", lesion.t1), ("t2", lesion.t2))
        }
        kept.append(replace(lesion, **sides))
    if rng.random() < NEW_SHARE:
        free = [one for one in others if one.uid not in {k.uid for k in lesions} and _apart(one, [*kept, *lesions])]
        kept += [free[int(rng.integers(len(free)))]] if free else []
    return tuple(
        replace(one, t1=replace(one.t1, number=n), t2=replace(one.t2, number=n)) for n, one in enumerate(kept, start=1)
    )


def _apart(one: PairedLesion, others: Sequence[PairedLesion]) -> bool:
    return all(
        np.linalg.norm(np.subtract(a.center_mm, b.center_mm)) > a.reach_mm + b.reach_mm + APART_MM
        for other in others
        for a, b in ((one.t1, other.t1), (one.t2, other.t2))
    )


def _scaled(radii: Sequence[float], factor: float) -> tuple[float, ...]:
    return tuple(round(float(radius * factor), 3) for radius in radii)


def _known(painted: SyntheticPair, real: RealPair) -> KnownVisit:
    """The visit, every lesion with the tight box of its label where it stands out."""
    labels = {Side.T1: painted.t1_labels, Side.T2: painted.t2_labels}
    return KnownVisit(
        {Side.T1: painted.t1, Side.T2: painted.t2},
        {Side.T1: real.t1_liver, Side.T2: real.t2_liver},
        labels,
        _boxed(painted.pairs, labels),
    )


def _boxed(lesions: Sequence[Lesion], labels: dict[Side, sitk.Image]) -> list[Lesion]:
    boxes = {side: label_boxes(own) for side, own in labels.items()}
    found = []
    for lesion in lesions:
        seen = {
            side: LesionBox(boxes[side][lesion.number], "drawn")
            for side in lesion.boxes
            if lesion.number in boxes[side]
        }
        if seen:
            found.append(Lesion(lesion.number, seen, "accepted", uid=lesion.uid))
    return found


def _moved(visit: KnownVisit, rng: np.random.Generator) -> KnownVisit:
    """The visit bent and put elsewhere."""
    images, livers, labels = {}, {}, {}
    shift = rng.uniform(-SHIFT_MM, SHIFT_MM, 3)
    for side in Side:
        around = _around(visit.images[side])
        field = smooth_displacement(around, rng, AMPLITUDE_MM, SMOOTHNESS_MM)
        transform = displacement_transform(field, around)
        for source, target, how in (
            (visit.images, images, sitk.sitkLinear),
            (visit.livers, livers, sitk.sitkNearestNeighbor),
            (visit.labels, labels, sitk.sitkNearestNeighbor),
        ):
            one = source[side]
            bent = sitk.Resample(one, one, transform, how, 0.0, one.GetPixelID())
            bent.SetOrigin(tuple(float(o + s) for o, s in zip(one.GetOrigin(), shift)))
            target[side] = bent
    return KnownVisit(images, livers, labels, _boxed(visit.lesions, labels))


def _around(image: sitk.Image) -> sitk.Image:
    """An empty image on a coarse grid that reaches beyond all of `image`."""
    grid = Grid.of(image)
    size = tuple(int(n) for n in np.ceil(np.multiply(grid.size, grid.spacing) / COARSE_MM) + 2)
    origin = grid.point(-0.5 - COARSE_MM / 2 / np.array(grid.spacing))
    return Grid(size, (COARSE_MM,) * 3, tuple(map(float, origin)), grid.direction).image()
