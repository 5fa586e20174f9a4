"""What makes the four kinds of lesions recognizable inside: necrotic cores, capsules, nodules, scars."""

from dataclasses import dataclass

import numpy as np

from liverpair.core.sides import Side
from liverpair.synthesis.lesion_shapes import LesionShape, waves
from liverpair.synthesis.shapes import smooth_step

HOMOGENEOUS_TO_MIXED_MM = (10.0, 40.0)
"""Diameters between which a lesion goes from nearly homogeneous to the full texture of its kind."""


@dataclass(frozen=True)
class Structure:
    """Inner structure of one kind; intensities are (T1, T2), added to the intensity relative to the liver.

    Attributes:
        lift: of all of it, which makes up for what cores, rims and thick slices take from small lesions.
        core: of the middle: liquid necrosis, or the scar of a haemangioma.
        core_size: range of the core's radius, relative to the lesion's.
        core_from_mm: diameter from which there may be a core.
        core_chance: probability of a core from that diameter on.
        capsule: of the outermost layer.
        capsule_mm: its thickness.
        capsule_from_mm: diameter from which there is one.
        nodules: amplitude of a mosaic of brighter and darker nodules.
        nodule_mm: distance between nodules.
    """

    lift: tuple[float, float] = (0.0, 0.0)
    core: tuple[float, float] = (0.0, 0.0)
    core_size: tuple[float, float] = (0.4, 0.6)
    core_from_mm: float = 12.0
    core_chance: float = 0.0
    capsule: tuple[float, float] = (0.0, 0.0)
    capsule_mm: float = 2.0
    capsule_from_mm: float = 18.0
    nodules: tuple[float, float] = (0.0, 0.0)
    nodule_mm: float = 9.0


STRUCTURES: dict[str, Structure] = {
    "cyst": Structure(),
    "haemangioma": Structure(core=(-0.12, 0.55), core_size=(0.2, 0.4), core_from_mm=25.0, core_chance=0.6),
    "hcc": Structure(
        lift=(0.0, 0.20),
        core=(-0.18, 0.6),
        core_size=(0.3, 0.5),
        core_from_mm=35.0,
        core_chance=0.4,
        capsule=(-0.18, -0.30),
        nodules=(0.07, 0.13),
    ),
    "metastasis": Structure(lift=(-0.03, 0.12), core=(-0.16, 0.75), core_chance=0.7),
}
"""Added to `liverpair.synthesis.lesion_shapes.LOOKS`. After textbook appearances; the numbers are ours."""


def relative_intensity(lesion: LesionShape, offsets: np.ndarray, depth: np.ndarray, side: Side) -> np.ndarray:
    """Intensity relative to the liver around a lesion. The same structures show in both sequences.

    Args:
        lesion: which.
        offsets: (..., 3) positions relative to its center, mm (x, y, z).
        depth: (...) distance inside its surface, mm.
        side: whose weighting.

    Returns:
        Array (...), never below 0.05.
    """
    structure, column = STRUCTURES[lesion.kind], list(Side).index(side)
    radius = float(np.prod(lesion.radii_mm)) ** (1 / 3)
    varied = float(smooth_step(np.array(2 * radius), *HOMOGENEOUS_TO_MIXED_MM))
    values = lesion.intensity(offsets, depth, side, texture=0.3 + 0.7 * varied) + structure.lift[column]
    rng = np.random.default_rng((lesion.seed, 3))
    has_core, core_size = rng.random() < structure.core_chance, rng.uniform(*structure.core_size)
    if has_core and 2 * radius >= structure.core_from_mm:
        ragged = 0.12 * waves(offsets / radius, np.random.default_rng((lesion.seed, 5)), frequency=4.0, count=10)
        distance = 1.0 - depth / min(lesion.radii_mm) + ragged
        values = values + structure.core[column] * (1.0 - smooth_step(distance, core_size - 0.15, core_size + 0.15))
    if structure.nodules[column]:
        mosaic = np.random.default_rng((lesion.seed, 4))
        nodules = waves(offsets, mosaic, frequency=2 * np.pi / structure.nodule_mm, count=16)
        values = values + varied * structure.nodules[column] * np.tanh(2.0 * nodules)
    if 2 * radius >= structure.capsule_from_mm:
        inner, outer = 1.4 * structure.capsule_mm, 0.6 * structure.capsule_mm
        values = values + structure.capsule[column] * (1.0 - smooth_step(depth, outer, inner))
    return np.maximum(values, 0.05)
