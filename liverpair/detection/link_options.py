"""How to link lesions that somebody else found. Imports no torch."""

from dataclasses import dataclass, field
from typing import Annotated

from liverpair.core.records import POSITIVE, Record, at_least, between


@dataclass(frozen=True)
class LinkOptions(Record):
    """How to link lesions that somebody else found.

    Parameters
    ----------
    lesion_label
        which label, or segment of a DICOM segmentation, is lesion, where there are others: a number, or lits, msd,
        atlas or totalsegmentator for the lesions in such a map; may be repeated (default: all but known organs)
    smallest_mm
        diameter of a ball of the volume of the smallest part that counts as a lesion
    link_iou
        overlap above which a box, brought to the other image, is the same lesion as a box there
    link_growth
        by how much boxes are enlarged for that, as registrations err by some millimeters
    device
        auto, cpu, cuda, cuda:1, mps …; of the model of the liver, where a liver mask is not given
    """

    what = "a linking"

    lesion_label: list[int | str] = field(default_factory=list, metadata={"metavar": "LABEL"})
    smallest_mm: Annotated[float, at_least(0)] = 3.0
    link_iou: Annotated[float, between(0, 1)] = 0.1
    link_growth: Annotated[float, POSITIVE] = 2.0
    device: str = "auto"
