"""Another series of the same visit brought onto the grid of the T1 or T2 that it goes with.

It was scanned in another breath hold: what lies where is told by the livers, registered or by their centroids, and not
by the coordinates of the scanner.
"""

from dataclasses import dataclass

import SimpleITK as sitk

from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.core.geometry import Grid, offset_t1_to_t2
from liverpair.registration.livers import registered


@dataclass(frozen=True)
class CarriedPhase:
    """A series on the grid of another image.

    Attributes:
        image: the series there, float32.
        seen: where it has voxels, uint8 (0, 1).
        way: how it was carried, in words.
        dice: overlap of the livers when carried; None where nothing was registered.
    """

    image: sitk.Image
    seen: sitk.Image
    way: str
    dice: float | None = None


REGISTERED, BY_OFFSET, AS_SCANNED = "registration of the livers", "centroids of the livers", "as scanned"


def carried(
    phase: sitk.Image,
    phase_liver: sitk.Image | None,
    reference: sitk.Image,
    liver: sitk.Image | None,
    progress: Progress = no_progress,
) -> CarriedPhase:
    """Bring a series onto the grid of `reference`. Without both liver masks it stays where it was scanned."""
    transform, way, dice = sitk.Transform(3, sitk.sitkIdentity), AS_SCANNED, None
    offset = None if None in (phase_liver, liver) else offset_t1_to_t2(liver, phase_liver)
    if offset is not None:
        try:
            found = registered(liver, phase_liver, progress)
            transform, way, dice = found.transform, REGISTERED, found.dice
        except InputError:
            transform, way = sitk.TranslationTransform(3, offset), BY_OFFSET
    grid = Grid.of(reference).image()
    ones = Grid.of(phase).image(1.0, sitk.sitkUInt8)
    return CarriedPhase(
        sitk.Resample(sitk.Cast(phase, sitk.sitkFloat32), grid, transform, sitk.sitkLinear, 0.0),
        sitk.Resample(ones, grid, transform, sitk.sitkNearestNeighbor, 0),
        way,
        dice,
    )
