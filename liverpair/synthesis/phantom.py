"""A pair of abdominal MR volumes of one phantom patient, made from a seed."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import SimpleITK as sitk

from liverpair.core.sides import Side
from liverpair.synthesis.anatomy import LIVER, Anatomy, build_anatomy
from liverpair.synthesis.deformation import breathing_displacement
from liverpair.synthesis.frame import Frame
from liverpair.synthesis.lesion_shapes import LesionShape, random_lesions, render_lesion
from liverpair.synthesis.organ_appearance import Contrast, intensities
from liverpair.synthesis.patient import Patient
from liverpair.synthesis.scanner import Scan, acquire, oblique_direction, sample_labels
from liverpair.synthesis.shapes import roughen

GENERATOR_VERSION = 1
"""Goes up when the images of a seed change, so that nobody mistakes cached phantoms for today's."""

DEMO_LESIONS = ("metastasis", "haemangioma", "cyst", "hcc")
DEMO_SMALLEST_MM = 14.0
SMALLEST_MM = 7.0
MOST_LESIONS = 10
GROWTH, NEW_MM = 1.4, 18.0
"""Of a lesion in half a year; median diameter of one that is new."""
TRIES = 40
LESION_CODE = 8
ENHANCED_SHARE = 0.2

Shifts = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Of the liver in T1 and in T2, mm."""


@dataclass(frozen=True)
class PhantomPair:
    """T1 and T2 volumes of one patient, minutes and a breath apart, and the truth about them.

    Attributes:
        t1: T1 in-phase gradient echo, int16, axial slices.
        t2: fat-suppressed T2 turbo spin echo, int16, its own oblique grid.
        t1_organs: 1 liver, 2 right kidney, 3 left kidney, 4 spleen, uint8 on the grid of `t1`.
        t2_organs: likewise on the grid of `t2`.
        t1_liver: liver mask (0, 1), uint8 on the grid of `t1`; lesions and vessels inside belong to it.
        t2_liver: likewise on the grid of `t2`.
        t1_lesions: number of the lesion in each voxel, 0 elsewhere, uint8 on the grid of `t1`.
        t2_lesions: likewise on the grid of `t2`; one number is one lesion in both.
        lesions: their parameters, centers in the patient at rest.
    """

    t1: sitk.Image
    t2: sitk.Image
    t1_organs: sitk.Image
    t2_organs: sitk.Image
    t1_liver: sitk.Image
    t2_liver: sitk.Image
    t1_lesions: sitk.Image
    t2_lesions: sitk.Image
    lesions: tuple[LesionShape, ...]


def phantom_pair(
    seed: int = 0,
    t2_border_noise_mm: float = 0.0,
    frame: Frame | None = None,
    matrix: int | None = None,
    later: bool = False,
) -> PhantomPair:
    """Make the pair of a seed; seed 0 is the demo pair, with 4 lesions and an oblique T2.

    Body, organs, contrasts, grids, shading, noise, breathing and lesions (0 to 10) differ from seed to seed.

    Args:
        seed: of everything.
        t2_border_noise_mm: standard deviation of the wandering of the border of `t2_liver`, to mimic the poorer
            annotation of T2; the truth when 0.
        frame: grid on which the patient is modeled; a coarser one is quicker and cruder.
        matrix: voxels along each side of a slice, instead of the 256 to 320 that a seed draws; fewer are quicker.
        later: the patient half a year later, in other breath holds: lesion 1 has grown, the last one is gone, and one
            is new.
    """
    *_, t1_rng, t2_rng, later_rng = _streams(seed)
    patient, anatomy, liver, lesions, (t1_shift, t2_shift) = _at_rest(seed, frame)
    frame = anatomy.frame
    if later:
        lesions = _half_a_year_later(liver, lesions, later_rng)
        t1_shift, t2_shift = _breath_holds(later_rng)
    parts = []
    for side, shift, rng in zip(Side, (t1_shift, t2_shift), (t1_rng, t2_rng)):
        enhanced = side is Side.T1 and seed != 0 and rng.random() < ENHANCED_SHARE
        contrast = Contrast.random(side, rng, enhanced)
        signal = frame.image(intensities(anatomy, contrast, rng))
        coded = anatomy.organs.copy()
        for lesion in lesions:
            signal, mask = render_lesion(signal, lesion, side, liver_intensity=1.0)
            within = (sitk.GetArrayViewFromImage(mask) > 0) & (anatomy.organs == LIVER)
            coded[within] = LIVER + LESION_CODE * lesion.number
        breathing = breathing_displacement(anatomy.mobility, shift, rng, anatomy.in_plane_mobility)
        scan = _random_scan(side, patient, shift, rng, demo=seed == 0, matrix=matrix)
        parts.append(
            (
                acquire(signal, scan, breathing, rng),
                *sample_labels(frame.image(coded), scan, breathing, LESION_CODE),
            )
        )
    (t1, t1_organs, t1_lesions), (t2, t2_organs, t2_lesions) = parts
    t1_liver, t2_liver = t1_organs == LIVER, roughen(t2_organs == LIVER, t2_rng, t2_border_noise_mm)
    return PhantomPair(t1, t2, t1_organs, t2_organs, t1_liver, t2_liver, t1_lesions, t2_lesions, lesions)


def _streams(seed: int) -> list[np.random.Generator]:
    """Of body, lesions, T1, T2, and of what comes half a year later."""
    return [np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seed).spawn(5)]


@lru_cache(maxsize=1)  # for the visit half a year later
def _at_rest(seed: int, frame: Frame | None) -> tuple[Patient, Anatomy, sitk.Image, tuple[LesionShape, ...], Shifts]:
    """The patient of a seed, the anatomy, the mask of the liver, its lesions, and where it is in the first scans."""
    body_rng, lesion_rng, *_ = _streams(seed)
    patient = Patient.random(body_rng)
    anatomy = build_anatomy(patient, body_rng, frame)
    liver = anatomy.frame.image((anatomy.organs == LIVER).astype(np.uint8))
    lesions = tuple(_lesions(liver, lesion_rng, demo=seed == 0))
    return patient, anatomy, liver, lesions, _breath_holds(body_rng)


def _lesions(liver: sitk.Image, rng: np.random.Generator, demo: bool) -> list[LesionShape]:
    if demo:
        kinds = DEMO_LESIONS
        return random_lesions(liver, rng, len(kinds), median_mm=20.0, smallest_mm=DEMO_SMALLEST_MM, kinds=kinds)
    return random_lesions(liver, rng, int(rng.integers(0, MOST_LESIONS + 1)), smallest_mm=SMALLEST_MM)


def _half_a_year_later(
    liver: sitk.Image, lesions: tuple[LesionShape, ...], rng: np.random.Generator
) -> tuple[LesionShape, ...]:
    """The first lesion grown, the last one gone (where there are two), and a new one that touches none of them."""
    stayed = [*(replace(one, radii_mm=tuple(GROWTH * r for r in one.radii_mm)) for one in lesions[:1]), *lesions[1:-1]]
    number = max((one.number for one in lesions), default=0) + 1
    for _ in range(TRIES):
        for new in random_lesions(liver, rng, 1, median_mm=NEW_MM, smallest_mm=DEMO_SMALLEST_MM, kinds=("metastasis",)):
            gaps = [np.subtract(new.center_mm, o.center_mm) for o in stayed]
            if all(np.linalg.norm(gap) > new.reach_mm + o.reach_mm for gap, o in zip(gaps, stayed)):
                return (*stayed, replace(new, number=number))
    return tuple(stayed)


def _breath_holds(rng: np.random.Generator) -> Shifts:
    """Where the liver is in each scan: T1 held after breathing in, T2 triggered near expiration, as is usual."""
    down = rng.uniform(18.0, 40.0)
    t1 = (rng.normal(0, 2.0), -0.35 * down + rng.normal(0, 2.0), -down)
    t2 = (rng.normal(0, 2.0), rng.normal(0, 2.0), rng.normal(0, 4.0))
    return t1, t2


def _random_scan(
    side: Side,
    patient: Patient,
    shift: tuple[float, float, float],
    rng: np.random.Generator,
    demo: bool,
    matrix: int | None,
) -> Scan:
    """Protocol of one sequence: field of view to the body, slices to the liver, tilt for T2."""
    drawn = int(rng.choice((256, 288, 320)))
    matrix = matrix or drawn
    width = 2 * (patient.cavity_half_width + patient.wall_thickness + 1.4 * patient.fat_thickness)
    in_plane = max(width * rng.uniform(1.08, 1.25), 360.0) / matrix
    if side is Side.T1:
        thickness, tilt = float(rng.choice((5.5, 8.0, 9.0))), (0.0, 0.0)
    else:
        thickness = float(rng.choice((6.5, 7.7, 8.8, 9.0)))
        angles = rng.uniform(8.0, 12.0, 2) if demo else rng.uniform(0.0, 12.0, 2) * (rng.random() < 0.7)
        tilt = tuple(angles * rng.choice((-1.0, 1.0), 2))
    top = shift[2] + rng.uniform(22.0, 50.0)
    bottom = shift[2] - patient.liver_length - rng.uniform(15.0, 45.0)
    slices = int(np.ceil((top - bottom) / thickness))
    center = (rng.uniform(-8, 8), rng.uniform(-12, 12), (top + bottom) / 2)
    t2 = side is Side.T2
    return Scan(
        size=(matrix, matrix, slices),
        spacing=(in_plane, in_plane, thickness),
        center=center,
        direction=oblique_direction(*tilt),
        noise=float(rng.uniform(0.02, 0.05) if t2 else rng.uniform(0.008, 0.03)),
        shading=float(rng.uniform(0.06, 0.22) if t2 else rng.uniform(0.03, 0.14)),
        coil=float(rng.uniform(-0.2, 0.6)),
        blur_voxels=float(rng.uniform(0.4, 0.75)),
        ghost=float(rng.uniform(0.0, 0.03)),
        slice_variation=float(rng.uniform(0.01, 0.05) if t2 else 0.01),
        liver_level=float(rng.uniform(160, 420)),
    )
