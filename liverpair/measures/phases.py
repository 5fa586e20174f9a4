"""The signal of lesions in the phases of a visit, and what LI-RADS asks of it as numbers: no category is concluded."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Box, Grid
from liverpair.core.lesion_findings import DYNAMIC, PHASES, PhaseSignal
from liverpair.measures.contrast import FEWEST_VOXELS, lesion_and_liver

LATE = ("portal", "delayed")
"""The phases in which washout is looked for."""


def phase_signal(
    phase: sitk.Image,
    seen: sitk.Image,
    box: Box,
    liver: sitk.Image,
    others: Sequence[Box] = (),
    labels: sitk.Image | None = None,
    number: int | None = None,
) -> PhaseSignal | None:
    """The signal of a lesion in a phase that was brought onto the grid of its T1 or T2.

    Args:
        phase: on that grid.
        seen: where (not 0) the phase has voxels, on that grid.
        box: of the lesion (LPS, mm); its ellipsoid counts where the lesion has no mask.
        liver, others, labels, number: as in `contrast_to_liver`; the liver around the lesion is what it is compared
            with.

    Returns None where the phase does not reach the whole lesion, or fewer than 20 voxels of liver are near.
    """
    found = lesion_and_liver(Grid.of(phase), box, liver, others, labels=labels, number=number)
    if found is None:
        return None
    window, lesion, healthy = found
    reached = sitk.GetArrayViewFromImage(seen)[window] != 0
    healthy &= reached
    if not reached[lesion].all() or np.count_nonzero(healthy) < FEWEST_VOXELS:
        return None
    values = sitk.GetArrayViewFromImage(phase)[window].astype(float)
    inside = values[lesion]
    return PhaseSignal(float(inside.mean()), float(inside.std()), float(values[healthy].mean()))


def enhancement_curve(phases: Mapping[str, PhaseSignal]) -> dict[str, dict[str, float]]:
    """The curve of a lesion over the dynamic phases, in time: "contrast" to the liver in percent and, where there is a
    native phase, "lesion" and "liver": how much brighter than in that, in percent."""
    native = phases.get("native")
    curve = {}
    for key in DYNAMIC:
        signal = phases.get(key)
        if signal is None or signal.contrast_percent is None:
            continue
        point = {"contrast": signal.contrast_percent}
        if native is not None and native.mean > 0 and native.liver > 0:
            point |= {
                "lesion": 100 * (signal.mean / native.mean - 1),
                "liver": 100 * (signal.liver / native.liver - 1),
            }
        curve[key] = point
    return curve


def lirads_inputs(phases: Mapping[str, PhaseSignal], t2_contrast: float | None = None) -> dict[str, float]:
    """What LI-RADS asks, as numbers: measured, not judged.

    `arterial_percent`: how much brighter than the liver the lesion is in the arterial phase. `portal_percent`,
    `delayed_percent`: likewise there, below 0 where it is darker. `portal_change`, `delayed_change`: points by which
    that contrast has fallen (below 0) or risen since the arterial phase. `t2_percent`: how much brighter than the liver
    in T2. Missing is what cannot be measured. `t2_contrast`: (lesion − liver) / liver in T2.
    """
    contrasts = {key: signal.contrast_percent for key, signal in phases.items()}
    found = {f"{key}_percent": contrasts[key] for key in ("arterial", *LATE) if contrasts.get(key) is not None}
    for key in LATE:
        if contrasts.get(key) is not None and contrasts.get("arterial") is not None:
            found[f"{key}_change"] = contrasts[key] - contrasts["arterial"]
    if t2_contrast is not None:
        found["t2_percent"] = 100 * t2_contrast
    return found


def lirads_sentences(inputs: Mapping[str, float]) -> list[str]:
    """The measured inputs for a reader, a sentence each."""
    said = []
    if "arterial_percent" in inputs:
        said.append(f"Arterial phase: {_against(inputs['arterial_percent'])}.")
    for key in LATE:
        if f"{key}_percent" in inputs:
            since = inputs.get(f"{key}_change")
            by = "" if since is None else f", {since:+.0f} points since the arterial phase"
            said.append(f"{PHASES[key].capitalize()} phase: {_against(inputs[f'{key}_percent'])}{by}.")
    if "t2_percent" in inputs:
        said.append(f"T2: {_against(inputs['t2_percent'])}.")
    return said


def curve_rows(curve: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """A curve as the rows of a table: place in time, phase, and the values."""
    return [{"place": place, "phase": PHASES[key], **curve[key]} for place, key in enumerate(DYNAMIC) if key in curve]


def _against(percent: float) -> str:
    if abs(percent) < 0.5:
        return "as bright as the liver"
    return f"{abs(percent):.0f} % {'brighter' if percent > 0 else 'darker'} than the liver"
