"""What one DICOM file says about its slices, classic (one slice per file) or enhanced multi-frame."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from liverpair.core.errors import MissingPackageError

if TYPE_CHECKING:  # pydicom is imported where a DICOM file is read: all else works without it
    from pydicom.dataset import Dataset

LOCALIZER = re.compile(r"\b(?:localizer|localiser|scout|survey|surview|loc|3[ -]?plane)\b", re.IGNORECASE)

# Attributes kept as text: what guesses a weighting, names a series or tells repetitions apart.
_TEXT_TAGS = (
    "Modality",
    "SeriesDescription",
    "ProtocolName",
    "SeriesNumber",
    "ImageType",
    "ScanningSequence",
    "SequenceVariant",
    "SequenceName",
    "MRAcquisitionType",
    "EchoTime",
    "RepetitionTime",
    "InversionTime",
    "FlipAngle",
    "TemporalPositionIdentifier",
    "AcquisitionNumber",
    "DiffusionBValue",
    "TriggerTime",
    "AcquisitionTime",
    "ContentTime",
    "PatientID",
    "PatientBirthDate",
    "StudyDate",
    "FrameOfReferenceUID",
)
_OTHER_TAGS = (
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "InstanceNumber",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "NumberOfFrames",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceThickness",
    "SpacingBetweenSlices",
    "RescaleSlope",
    "RescaleIntercept",
    "BitsAllocated",
    "PixelRepresentation",
    "EchoPulseSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
# Where an enhanced MR frame keeps what a classic slice says at its top (PS3.3 C.7.6.16, C.8.13.5): sequence, attribute,
# classic name.
_FRAME_TAGS = (
    ("MRImageFrameTypeSequence", "FrameType", "ImageType"),
    ("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    ("MRTimingAndRelatedParametersSequence", "RepetitionTime", "RepetitionTime"),
    ("MRTimingAndRelatedParametersSequence", "FlipAngle", "FlipAngle"),
    ("MRDiffusionSequence", "DiffusionBValue", "DiffusionBValue"),
    ("FrameContentSequence", "TemporalPositionIndex", "TemporalPositionIdentifier"),
    ("FrameContentSequence", "FrameAcquisitionNumber", "AcquisitionNumber"),
    ("PixelValueTransformationSequence", "RescaleSlope", "RescaleSlope"),
    ("PixelValueTransformationSequence", "RescaleIntercept", "RescaleIntercept"),
    ("PlanePositionSequence", "ImagePositionPatient", "ImagePositionPatient"),
    ("PlaneOrientationSequence", "ImageOrientationPatient", "ImageOrientationPatient"),
    ("PixelMeasuresSequence", "PixelSpacing", "PixelSpacing"),
    ("PixelMeasuresSequence", "SliceThickness", "SliceThickness"),
    ("PixelMeasuresSequence", "SpacingBetweenSlices", "SpacingBetweenSlices"),
)
_SUFFIXES = (".dcm", ".ima")
_NOT_IMAGES = ("SEG", "SR", "PR", "KO", "RTSTRUCT", "RTDOSE", "RTPLAN", "OT", "DOC")


@dataclass(frozen=True)
class Slice:
    """One slice: position in LPS mm, orientation as row and column vector, pixel spacing (between rows, between
    columns) in mm; `scale`: rescale slope and intercept; `stored_as`: bits of a pixel, and 1 where they have a sign."""

    file: Path
    frame: int | None
    uid: str
    instance_uid: str
    frame_of_reference: str
    number: int
    rows: int
    columns: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    thickness: float
    echo_time: float | None
    image_type: str
    scale: tuple[float, float]
    stored_as: tuple[int, int]
    tags: dict[str, str]

    @property
    def text(self) -> str:
        """Description, protocol and image type, in which localizers name themselves."""
        return " ".join(self.tags.get(key, "") for key in ("SeriesDescription", "ProtocolName", "ImageType")).replace(
            "_", " "
        )


def slices_of_file(file: Path) -> list[Slice]:
    """The slices in a file; none when it is not DICOM, cannot be read, or holds no gray image with a place in space.

    Raises:
        MissingPackageError: when it is DICOM and pydicom is not installed.
    """
    if not file.is_file():
        return []
    try:
        import pydicom  # noqa: F401
    except ImportError:
        if file.suffix.lower() not in _SUFFIXES and not has_preamble(file):
            return []
        raise MissingPackageError(
            f"'{file.name}' is a DICOM file; the Python package 'pydicom' that reads it is not installed.",
            "Install pydicom (in Slicer's Python console: slicer.util.pip_install('pydicom')).",
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = _header(file)
            return [] if header is None else list(_slices(header, file))
    except Exception:  # a damaged header can fail anywhere inside the parser, and one bad file must not hide the others
        return []


def has_preamble(file: Path) -> bool:
    """Whether a file begins as those of DICOM do (PS3.10, 7.1)."""
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"


def _header(file: Path) -> Dataset | None:
    import pydicom
    from pydicom.errors import InvalidDicomError

    keywords = [*_TEXT_TAGS, *_OTHER_TAGS]
    try:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=keywords)
    except InvalidDicomError:
        if file.suffix.lower() not in _SUFFIXES:
            return None
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=keywords, force=True)
    usable = "SeriesInstanceUID" in header and header.get("Rows") and header.get("Columns")
    gray = header.get("SamplesPerPixel", 1) == 1 and header.get("Modality", "MR") not in _NOT_IMAGES
    return header if usable and gray else None


def _slices(header: Dataset, file: Path) -> Iterator[Slice]:
    from pydicom.dataset import Dataset

    frames = header.get("PerFrameFunctionalGroupsSequence")
    if frames:
        shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
        for number, frame in enumerate(frames):
            yield _slice(_flattened(header, shared, frame), file, number)
    elif int(header.get("NumberOfFrames") or 1) == 1:
        yield _slice(header, file, None)


def _flattened(header: Dataset, shared: Dataset, frame: Dataset) -> Dataset:
    """An enhanced frame as a classic slice would say it."""
    from pydicom.dataset import Dataset

    flat = Dataset()
    for keyword in (*_TEXT_TAGS, *_OTHER_TAGS):
        if keyword in header and not keyword.endswith("FunctionalGroupsSequence"):
            flat[keyword] = header[keyword]
    flat.RescaleSlope, flat.RescaleIntercept = 1, 0
    if header.get("EchoPulseSequence"):
        flat.ScanningSequence = {"SPIN": "SE", "GRADIENT": "GR"}.get(header.EchoPulseSequence, "RM")
    for sequence, attribute, keyword in _FRAME_TAGS:
        for group in (shared, frame):
            items = group.get(sequence)
            if items and attribute in items[0]:
                setattr(flat, keyword, items[0][attribute].value)
    return flat


def _text(value: object) -> str:
    from pydicom.multival import MultiValue

    return "\\".join(map(str, value)) if isinstance(value, (list, tuple, MultiValue)) else str(value).strip()


def _floats(header: Dataset, keyword: str, length: int) -> tuple[float, ...]:
    values = tuple(float(v) for v in header[keyword].value)
    if len(values) != length or not np.isfinite(values).all():
        raise ValueError(f"{keyword} is damaged")
    return values


def _slice(header: Dataset, file: Path, frame: int | None) -> Slice:
    tags = {
        key: _text(header[key].value) for key in _TEXT_TAGS if key in header and header[key].value not in (None, "")
    }
    tags["Folder"] = str(file.parent)
    orientation, spacing = _floats(header, "ImageOrientationPatient", 6), _floats(header, "PixelSpacing", 2)
    if np.linalg.norm(np.cross(orientation[:3], orientation[3:])) < 0.9 or min(spacing) <= 0:
        raise ValueError("the slice has no plane")
    echo = header.get("EchoTime")
    return Slice(
        file=file,
        frame=frame,
        uid=str(header.SeriesInstanceUID),
        instance_uid=str(header.get("SOPInstanceUID", "")),
        frame_of_reference=str(header.get("FrameOfReferenceUID", "")),
        number=int(header.get("InstanceNumber") or 0),
        rows=int(header.Rows),
        columns=int(header.Columns),
        position=_floats(header, "ImagePositionPatient", 3),
        orientation=orientation,
        pixel_spacing=spacing,
        thickness=float(header.get("SpacingBetweenSlices") or header.get("SliceThickness") or 1.0),
        echo_time=None if echo in (None, "") else float(echo),
        image_type=tags.get("ImageType", ""),
        scale=(float(header.get("RescaleSlope") or 1), float(header.get("RescaleIntercept") or 0)),
        stored_as=(int(header.get("BitsAllocated") or 16), int(header.get("PixelRepresentation") or 0)),
        tags=tags,
    )
