"""What each tissue looks like in T1 in-phase gradient echo and in fat-suppressed T2 turbo spin echo."""

from dataclasses import dataclass

import numpy as np

from liverpair.core.sides import Side
from liverpair.synthesis.anatomy import Anatomy
from liverpair.synthesis.frame import Tissue
from liverpair.synthesis.shapes import smooth_noise

# Ranges of intensity relative to the liver, for the usual 1.5 T protocols: in-phase spoiled gradient echo, and turbo
# spin echo with spectral fat suppression. Kidneys and spleen cover what patients show; the rest was matched by eye.
T1_RANGES: dict[Tissue, tuple[float, float]] = {
    Tissue.AIR: (0.0, 0.0),
    Tissue.SKIN: (0.9, 1.2),
    Tissue.SUBCUTANEOUS_FAT: (1.65, 2.1),
    Tissue.MUSCLE: (0.70, 0.85),
    Tissue.CORTICAL_BONE: (0.25, 0.45),
    Tissue.MARROW: (0.65, 1.05),
    Tissue.DISC: (0.55, 0.75),
    Tissue.CSF: (0.28, 0.40),
    Tissue.CORD: (0.60, 0.75),
    Tissue.LUNG: (0.05, 0.09),
    Tissue.LUNG_VESSEL: (0.18, 0.35),
    Tissue.MYOCARDIUM: (0.65, 0.85),
    Tissue.HEART_BLOOD: (0.60, 0.95),
    Tissue.VISCERAL_FAT: (1.6, 2.0),
    Tissue.LIVER: (1.0, 1.0),
    Tissue.HEPATIC_VEIN: (0.55, 0.80),
    Tissue.PORTAL_VEIN: (0.60, 0.85),
    Tissue.GALLBLADDER: (0.40, 1.30),
    Tissue.SPLEEN: (0.66, 0.90),
    Tissue.KIDNEY_CORTEX: (0.85, 1.10),
    Tissue.KIDNEY_MEDULLA: (0.60, 0.78),
    Tissue.KIDNEY_PELVIS: (0.40, 0.55),
    Tissue.PANCREAS: (0.95, 1.15),
    Tissue.GUT_WALL: (0.75, 0.90),
    Tissue.STOMACH_CONTENT: (0.45, 0.95),
    Tissue.BOWEL_FLUID: (0.45, 0.65),
    Tissue.BOWEL_CHYME: (0.65, 0.95),
    Tissue.FAECES: (0.55, 1.20),
    Tissue.GAS: (0.05, 0.12),
    Tissue.AORTA: (0.45, 0.75),
    Tissue.VESSEL_WALL: (0.70, 0.85),
    Tissue.VENA_CAVA: (0.50, 0.75),
    Tissue.SMALL_VESSEL: (0.60, 1.00),
}
T2_RANGES: dict[Tissue, tuple[float, float]] = {
    Tissue.AIR: (0.0, 0.0),
    Tissue.SKIN: (0.8, 1.3),
    Tissue.SUBCUTANEOUS_FAT: (0.25, 0.62),
    Tissue.MUSCLE: (0.30, 0.50),
    Tissue.CORTICAL_BONE: (0.18, 0.28),
    Tissue.MARROW: (0.32, 0.55),
    Tissue.DISC: (0.40, 0.95),
    Tissue.CSF: (2.4, 3.2),
    Tissue.CORD: (1.0, 1.4),
    Tissue.LUNG: (0.10, 0.18),
    Tissue.LUNG_VESSEL: (0.4, 0.9),
    Tissue.MYOCARDIUM: (0.75, 1.10),
    Tissue.HEART_BLOOD: (0.50, 1.20),
    Tissue.VISCERAL_FAT: (0.22, 0.52),
    Tissue.LIVER: (1.0, 1.0),
    Tissue.HEPATIC_VEIN: (0.35, 1.90),
    Tissue.PORTAL_VEIN: (1.5, 2.5),
    Tissue.GALLBLADDER: (2.6, 3.6),
    Tissue.SPLEEN: (1.65, 2.4),
    Tissue.KIDNEY_CORTEX: (1.7, 2.25),
    Tissue.KIDNEY_MEDULLA: (2.2, 2.7),
    Tissue.KIDNEY_PELVIS: (2.6, 3.4),
    Tissue.PANCREAS: (1.10, 1.45),
    Tissue.GUT_WALL: (0.85, 1.25),
    Tissue.STOMACH_CONTENT: (1.6, 3.3),
    Tissue.BOWEL_FLUID: (2.0, 3.0),
    Tissue.BOWEL_CHYME: (1.0, 1.9),
    Tissue.FAECES: (0.35, 0.9),
    Tissue.GAS: (0.05, 0.15),
    Tissue.AORTA: (0.15, 1.10),
    Tissue.VESSEL_WALL: (1.0, 1.5),
    Tissue.VENA_CAVA: (0.30, 1.50),
    Tissue.SMALL_VESSEL: (0.70, 1.60),
}
RANGES = {Side.T1: T1_RANGES, Side.T2: T2_RANGES}

# T1 minutes after a gadolinium agent, as in portal and later phases: blood and kidneys brighter than the liver.
ENHANCED_T1_RANGES: dict[Tissue, tuple[float, float]] = {
    Tissue.HEPATIC_VEIN: (1.00, 1.35),
    Tissue.PORTAL_VEIN: (1.05, 1.40),
    Tissue.SPLEEN: (0.88, 1.05),
    Tissue.KIDNEY_CORTEX: (1.25, 1.50),
    Tissue.KIDNEY_MEDULLA: (1.15, 1.40),
    Tissue.AORTA: (1.00, 1.40),
    Tissue.VENA_CAVA: (1.00, 1.35),
    Tissue.SMALL_VESSEL: (1.00, 1.40),
    Tissue.HEART_BLOOD: (0.95, 1.30),
}

FINE_TEXTURE = {
    Tissue.LIVER: 0.025,
    Tissue.SPLEEN: 0.02,
    Tissue.MUSCLE: 0.07,
    Tissue.MARROW: 0.08,
    Tissue.LUNG: 0.35,
    Tissue.PANCREAS: 0.10,
    Tissue.SUBCUTANEOUS_FAT: 0.04,
    Tissue.VISCERAL_FAT: 0.05,
    Tissue.FAECES: 0.40,
    Tissue.BOWEL_CHYME: 0.20,
    Tissue.BOWEL_FLUID: 0.08,
    Tissue.STOMACH_CONTENT: 0.05,
    Tissue.MYOCARDIUM: 0.08,
    Tissue.HEART_BLOOD: 0.10,
    Tissue.KIDNEY_CORTEX: 0.04,
    Tissue.GUT_WALL: 0.10,
    Tissue.CORTICAL_BONE: 0.2,
}
COARSE_TEXTURE = {
    Tissue.STOMACH_CONTENT: 0.10,
    Tissue.HEART_BLOOD: 0.20,
    Tissue.MYOCARDIUM: 0.15,
    Tissue.FAECES: 0.35,
    Tissue.BOWEL_CHYME: 0.25,
    Tissue.AORTA: 0.25,
    Tissue.VENA_CAVA: 0.2,
    Tissue.LIVER: 0.012,
}


@dataclass(frozen=True)
class Contrast:
    """Intensity of every tissue relative to the liver, for one patient and one sequence."""

    side: Side
    relative: dict[Tissue, float]

    @classmethod
    def random(cls, side: Side, rng: np.random.Generator, enhanced: bool = False) -> "Contrast":
        """Draw a contrast within the sequence's ranges; `enhanced` is a T1 after contrast agent."""
        ranges = RANGES[side] | (ENHANCED_T1_RANGES if enhanced else {})
        return cls(side, {tissue: float(rng.uniform(*ranges[tissue])) for tissue in Tissue})


def intensities(anatomy: Anatomy, contrast: Contrast, rng: np.random.Generator) -> np.ndarray:
    """The patient's signal on the fine grid, liver = 1, without coil, slice or noise.

    Returns:
        float32 array (z, y, x).
    """
    shape = anatomy.tissues.shape
    signal = _lookup(contrast.relative)[anatomy.tissues]
    fine = smooth_noise(shape, (0.7, 1.1, 1.1), rng)
    coarse = smooth_noise(shape, (3.0, 4.5, 4.5), rng)
    signal *= 1 + _lookup(FINE_TEXTURE)[anatomy.tissues] * fine + _lookup(COARSE_TEXTURE)[anatomy.tissues] * coarse
    if contrast.side is Side.T2:
        _leave_some_fat(signal, anatomy.tissues, rng)
    return np.maximum(signal, 0.0).astype(np.float32)


def _lookup(values: dict[Tissue, float]) -> np.ndarray:
    return np.array([values.get(tissue, 0.0) for tissue in Tissue], dtype=np.float32)


def _leave_some_fat(signal: np.ndarray, tissues: np.ndarray, rng: np.random.Generator) -> None:
    """Fat suppression fails where the field is off resonance: toward edges and irregularly."""
    failure = np.exp(0.22 * smooth_noise(tissues.shape, (18.0, 22.0, 22.0), rng))
    fat = (tissues == Tissue.SUBCUTANEOUS_FAT) | (tissues == Tissue.VISCERAL_FAT)
    np.multiply(signal, failure, out=signal, where=fat)
