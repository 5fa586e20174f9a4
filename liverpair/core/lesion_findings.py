"""What is known of a lesion beyond its boxes: its signal in every phase, and what a radiologist has decided about it.

Both are measured or said, never concluded: LiverPair gives no category of its own.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from liverpair.core.errors import InputError

PHASES = {
    "native": "native",
    "arterial": "arterial",
    "portal": "portal venous",
    "delayed": "delayed",
    "hepatobiliary": "hepatobiliary",
    "in_phase": "in phase",
    "out_of_phase": "out of phase",
    "dwi": "diffusion",
}
"""The series that a visit may have besides T1 and T2, by key, and what people call them."""
DYNAMIC = ("native", "arterial", "portal", "delayed", "hepatobiliary")
"""Those of the passage of a contrast agent, in time."""
ANSWERS = ("present", "absent", "unsure")
FORM = {
    "arterial_hyperenhancement": ANSWERS,
    "washout": ANSWERS,
    "capsule": ANSWERS,
    "threshold_growth": ANSWERS,
    "category": ("LR-NC", "LR-1", "LR-2", "LR-3", "LR-4", "LR-5", "LR-M", "LR-TIV"),
}
"""What a radiologist may decide with LI-RADS (CT/MRI v2018, American College of Radiology), and the answers."""
FORM_TITLES = {
    "arterial_hyperenhancement": "Nonrim arterial phase hyperenhancement",
    "washout": "Nonperipheral washout",
    "capsule": "Enhancing capsule",
    "threshold_growth": "Threshold growth",
    "category": "Category",
}


@dataclass(frozen=True)
class PhaseSignal:
    """The signal in one phase, in the units of that series: mean and SD in the lesion, mean of the liver around it."""

    mean: float
    sd: float
    liver: float

    @property
    def contrast_percent(self) -> float | None:
        """How much brighter than the liver the lesion is; None beside a liver without signal."""
        return 100 * (self.mean - self.liver) / self.liver if self.liver > 0 else None


def checked_phases(phases: Any, who: str) -> dict[str, PhaseSignal]:
    """Signals by phase, in the order of `PHASES`, from records or from what JSON holds. Raises `InputError`."""
    if not isinstance(phases, Mapping):
        raise InputError(f"{who}: phases must be an object.")
    found = {}
    for key, signal in phases.items():
        if key not in PHASES:
            raise InputError(f"{who}: unknown phase {str(key)[:60]!r}; it is one of {', '.join(PHASES)}.")
        values = asdict(signal) if isinstance(signal, PhaseSignal) else signal
        numbers = list(values.values()) if isinstance(values, Mapping) else []
        is_whole = isinstance(values, Mapping) and set(values) == {"mean", "sd", "liver"}
        if not is_whole or not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers):
            raise InputError(f"{who}: the signal of phase {key!r} must be the numbers mean, sd and liver.")
        if not all(math.isfinite(n) for n in numbers):
            raise InputError(f"{who}: the signal of phase {key!r} must be finite.")
        found[key] = PhaseSignal(float(values["mean"]), float(values["sd"]), float(values["liver"]))
    return {key: found[key] for key in PHASES if key in found}


def checked_reading(reading: Any, who: str) -> dict[str, str]:
    """The decisions of a reader, in the order of `FORM`. Raises `InputError`."""
    if not isinstance(reading, Mapping):
        raise InputError(f"{who}: reading must be an object.")
    for key, answer in reading.items():
        if key not in FORM:
            raise InputError(f"{who}: unknown decision {str(key)[:60]!r}; it is one of {', '.join(FORM)}.")
        if answer not in FORM[key]:
            raise InputError(f"{who}: {key} is one of {', '.join(FORM[key])}, not {str(answer)[:60]!r}.")
    return {key: reading[key] for key in FORM if key in reading}


def phases_as_json(phases: Mapping[str, PhaseSignal]) -> dict[str, dict[str, float]]:
    """Signals as JSON holds them."""
    return {key: asdict(signal) for key, signal in phases.items()}
