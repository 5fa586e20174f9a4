"""One lesion in numbers: what a table, a report and a plot of lesions show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from liverpair.core.lesion_findings import PhaseSignal
from liverpair.core.lesions import Kind, State
from liverpair.core.sides import Side
from liverpair.measures.axial_lines import Line

Basis = Literal["mask", "box"]


@dataclass(frozen=True)
class SideRow:
    """One lesion in one image in numbers; None where there is nothing to measure.

    Boxes that were only predicted from their partner have no diameter, volume or contrast: nobody saw a lesion there.

    Attributes:
        score: of the detector, 0 to 1.
        measured_from: what diameter and volume come from.
        diameter_mm: longest axial diameter (RECIST 1.1) of the mask, or as the box tells it.
        short_axis_mm: longest diameter at right angles to it in the same slice; of masks only, as all that follows but
            slice, volume and contrast.
        slice: index (from 0) of the axial slice of the diameter, or through the center of the box, predicted ones too.
        volume_ml: of the mask, or of the ellipsoid that the box holds.
        mean, sd: of the image, in its own units.
        contrast: (lesion − liver) / liver.
        capsule_mm, nearest_mm: distance to the surface of the liver and to the nearest other lesion.
        long_line, short_line: the diameters' ends, LPS mm.
    """

    score: float | None = None
    measured_from: Basis | None = None
    diameter_mm: float | None = None
    short_axis_mm: float | None = None
    slice: int | None = None
    volume_ml: float | None = None
    mean: float | None = None
    sd: float | None = None
    contrast: float | None = None
    capsule_mm: float | None = None
    nearest_mm: float | None = None
    long_line: Line | None = None
    short_line: Line | None = None


@dataclass(frozen=True)
class LesionRow:
    """One lesion in numbers; None where there is nothing to measure.

    Attributes:
        number, uid, state, note: of the lesion.
        kind: where the lesion was seen.
        sides: what T1 and T2 show of it.
        predicted: images in which its box was only predicted.
        displacement_mm: distance between the centers in T1 and T2, else length of the predicted displacement.
        phases: its signals in further series of the visit.
    """

    number: int
    uid: str
    state: State
    kind: Kind
    sides: Mapping[Side, SideRow]
    displacement_mm: float | None
    note: str
    predicted: tuple[Side, ...] = ()
    phases: Mapping[str, PhaseSignal] = field(default_factory=dict)
