"""Reading a DICOM Segmentation (PS3.3 A.51) that anybody wrote: its segments as masks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.core.geometry import Grid, on_grid
from liverpair.io.dicom_headers import has_preamble

SEGMENTATION_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation Storage and Label Map Segmentation Storage."""
ANATOMICAL = ("123037004", "T-D000A")
"""Codes, SNOMED CT and its predecessor, of the category "Anatomical structure"."""


@dataclass(frozen=True)
class Segment:
    """A segment: its number and label; whether it is an organ, not a finding; and its mask, float32 in [0, 1], LPS."""

    number: int
    label: str
    anatomical: bool
    mask: sitk.Image


def is_segmentation(path: Path) -> bool:
    """Whether a file is a DICOM Segmentation."""
    if not path.is_file() or not has_preamble(path):
        return False
    import pydicom

    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    return header.get("SOPClassUID") in SEGMENTATION_CLASSES


def read_segments(path: str | Path) -> Iterator[Segment]:
    """The segments of a DICOM Segmentation, one after the other. Raises `InputError` for a file that is none, or whose
    frames do not make up a volume."""
    try:
        import highdicom as hd
    except ImportError as error:
        raise MissingPackageError(
            "Reading a DICOM segmentation needs the package 'highdicom'.", "Install it with pip."
        ) from error
    try:
        content = hd.seg.segread(path)
        for number in content.segment_numbers:
            about = content.get_segment_description(number)
            volume = content.get_volume(segment_numbers=[number], dtype=np.float32)
            category = about.SegmentedPropertyCategoryCodeSequence[0].get("CodeValue", "")
            yield Segment(number, str(about.SegmentLabel), category in ANATOMICAL, _as_image(volume))
    except (ValueError, RuntimeError, AttributeError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' cannot be read as a DICOM segmentation: {str(error).rstrip('.')}.") from error


def _as_image(volume: "hd.Volume") -> sitk.Image:  # noqa: F821 - highdicom is imported where it is used
    """A volume of one segment, with or without a channel axis, as an image."""
    array = np.squeeze(volume.array, axis=3) if volume.array.ndim == 4 else volume.array
    axes = volume.affine[:3, :3][:, ::-1]  # highdicom counts slice, row, column
    spacing = np.linalg.norm(axes, axis=0)
    place = tuple(map(float, volume.affine[:3, 3]))
    grid = Grid(array.shape[::-1], tuple(map(float, spacing)), place, tuple(map(float, (axes / spacing).ravel())))
    return on_grid(np.ascontiguousarray(array, dtype=np.float32), grid)
