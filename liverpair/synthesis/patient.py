"""The measures of one phantom patient: everything that differs from one body to the next, drawn from a seed."""

from dataclasses import dataclass

import numpy as np

TYPICAL_LIVER_LENGTH_MM = 156.0


@dataclass(frozen=True)
class Patient:
    """Sizes in mm; heights (z) are relative to the top of the right hemidiaphragm.

    The ranges follow adults as abdominal MRI shows them: livers 1.0-2.2 l, bodies 290-370 mm wide.
    """

    cavity_half_width: float
    cavity_half_depth: float
    fat_thickness: float
    wall_thickness: float
    outline_power: float
    waist: float
    visceral_fat: float
    liver_length: float
    liver_left_reach: float
    liver_anterior_reach: float
    liver_roughness: float
    left_dome_height: float
    cardiac_plateau: float
    spleen_size: float
    kidney_length: float
    kidney_drop: float
    stomach_filling: float
    stomach_gas: float
    bowel_loops: int
    colon_gas: float
    aorta_radius: float
    gallbladder_radius: float
    vertebral_phase: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Patient":
        """Draw a patient."""
        size = rng.normal(1.0, 0.045)
        values = {
            "cavity_half_width": 127.0 * size * rng.uniform(0.96, 1.05),
            "cavity_half_depth": 94.0 * size * rng.uniform(0.92, 1.08),
            "fat_thickness": rng.gamma(4.0, 4.0) + 5.0,
            "wall_thickness": rng.uniform(9.0, 14.0),
            "outline_power": rng.uniform(2.1, 2.6),
            "waist": rng.uniform(-0.04, 0.07),
            "visceral_fat": rng.uniform(0.1, 1.0),
            "liver_length": TYPICAL_LIVER_LENGTH_MM * size * rng.uniform(0.9, 1.14),
            "liver_left_reach": rng.uniform(-0.10, 0.22),
            "liver_anterior_reach": rng.uniform(-0.08, 0.08),
            "liver_roughness": rng.uniform(2.0, 5.0),
            "left_dome_height": rng.uniform(-26.0, -8.0),
            "cardiac_plateau": rng.uniform(-30.0, -18.0),
            "spleen_size": rng.uniform(0.9, 1.25),
            "kidney_length": 104.0 * size * rng.uniform(0.92, 1.08),
            "kidney_drop": rng.uniform(-25.0, 25.0),
            "stomach_filling": rng.uniform(0.7, 1.15),
            "stomach_gas": rng.uniform(0.0, 0.5),
            "bowel_loops": int(rng.integers(20, 44)),
            "colon_gas": rng.uniform(0.1, 0.9),
            "aorta_radius": rng.uniform(8.5, 12.0),
            "gallbladder_radius": rng.uniform(0.0, 17.0),
            "vertebral_phase": rng.uniform(0.0, 36.0),
        }
        room = min(185.0 - values["cavity_half_width"], 142.0 - values["cavity_half_depth"]) - values["wall_thickness"]
        values["fat_thickness"] = min(values["fat_thickness"], 0.75 * room)
        return cls(**values)
