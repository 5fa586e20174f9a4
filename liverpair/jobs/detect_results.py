"""The files that the job "detect" writes to its folder of results, and reading them again."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from liverpair.core.records import read_json
from liverpair.core.sides import Side
from liverpair.io.structured_report_identity import REPORT_FILES
from liverpair.jobs.segment_results import Timed

DETECTION_FILE = "detection.json"
SCHEMA_VERSION = 1
LESIONS_FILE = "lesions.json"
TABLE_FILE = "lesions.csv"
TRANSFORM_FILE = "t1_to_t2.tfm"
EARLIER = {
    "liver_offset_mm": "offset_t1_to_t2_mm",
    "score_threshold": "score_floor",
    "operating_threshold": "display_threshold",
}
"""Keys of version 0.1 and what they are called since."""


@dataclass(frozen=True)
class _Boxes:
    t1: str
    t2: str


@dataclass(frozen=True)
class Livers:
    """The names of files that were made of each side, such as liver masks."""

    t1: str | None
    t2: str | None


@dataclass(frozen=True)
class _DetectionFile:
    schema_version: Literal[SCHEMA_VERSION]
    lesions: str
    table: str
    boxes: _Boxes
    livers: Livers
    correspondence: str | None
    pairs: int
    provenance: Timed
    offset_t1_to_t2_mm: tuple[float, float, float]
    masks: _Boxes | None = None
    segmentations: Livers | None = None
    reports: Livers | None = None


def boxes_file(side: str) -> str:
    """The name of the markups file of one image."""
    return f"{side}_boxes.mrk.json"


def masks_file(side: str) -> str:
    """The name of the label map of the lesions in one image, from a model that draws them."""
    return f"{side}_lesions.nii.gz"


def liver_file(side: str) -> str:
    """The name of a liver mask that was made on the way."""
    return f"{side}_liver.nii.gz"


def segmentation_file(side: str) -> str:
    """The name of the DICOM segmentation of one image."""
    return f"{side}_masks.dcm"


def existing_results(folder: Path, missing_livers: Sequence[str] = Side) -> list[str]:
    """Names of files in `folder` that a detection would replace; `missing_livers` says which masks it makes."""
    return [name for name in result_files(missing_livers) if os.path.lexists(folder / name)]


def result_files(missing_livers: Sequence[str] = Side) -> list[str]:
    """Names of the files that a detection may write; `missing_livers` says which masks it makes."""
    per_side = [name(side) for name in (boxes_file, masks_file, segmentation_file) for side in Side]
    names = [DETECTION_FILE, LESIONS_FILE, *per_side, TABLE_FILE, TRANSFORM_FILE, *REPORT_FILES.values()]
    return names + [liver_file(side) for side in missing_livers]


def read_detection(folder: Path) -> dict[str, Any] | None:
    """What `detection.json` in a folder of results says; None when there is none, or it is damaged."""
    return read_json(folder / DETECTION_FILE, _DetectionFile, EARLIER)


def is_complete(folder: Path, detection: dict[str, Any]) -> bool:
    """Whether every file that `detection` (see `read_detection`) names is in `folder`."""
    names = [detection["lesions"], detection["table"], detection["correspondence"]]
    for key in ("boxes", "livers", "masks", "segmentations", "reports"):
        names += (detection.get(key) or {}).values()
    return all((folder / name).is_file() for name in names if name)
