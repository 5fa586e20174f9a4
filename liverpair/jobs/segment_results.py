"""The files that the job "segment" writes to its folder of results, and reading them again."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from liverpair.core.records import read_json
from liverpair.core.sides import Side

MEASURES_FILE = "measures.json"
SCHEMA_VERSION = 1
FILES = ("liver", "probability", "uncertainty", "dicom")
"""What there may be of each side; "dicom" is the liver as a DICOM segmentation."""
EARLIER_OFFSET = "centroid_offset_mm"
"""What `measures.json` of version 0.1 holds in place of `offset_t1_to_t2_mm`: T1 minus T2."""


@dataclass(frozen=True)
class Timed:
    """What made results, of which the time is shown again."""

    seconds: float


@dataclass(frozen=True)
class _Side:
    liver: str
    volume_ml: float
    probability: str | None = None
    uncertainty: str | None = None
    dicom: str | None = None


@dataclass(frozen=True)
class _Measures:
    dice_as_scanned: float | None
    centroid_offset_mm: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class _MeasuresFile:
    schema_version: Literal[SCHEMA_VERSION]
    t1: _Side | None
    t2: _Side | None
    measures: _Measures
    provenance: Timed


def file_name(side: str, what: str) -> str:
    """The name of a result file: `file_name("t1", "liver")` is "t1_liver.nii.gz"."""
    return f"{side}_liver.dcm" if what == "dicom" else f"{side}_{what}.nii.gz"


def dicom_file(side: str) -> str:
    """The name of a liver as a DICOM segmentation."""
    return file_name(side, "dicom")


def read_measures(folder: Path) -> dict[str, Any] | None:
    """What `measures.json` in a folder of results says; None when there is none, or it is damaged."""
    content = read_json(folder / MEASURES_FILE, _MeasuresFile)
    if content is None or not any(content[side] for side in Side):
        return None
    measures = content["measures"]
    if (opposite := measures.pop(EARLIER_OFFSET, None)) is not None:
        measures["offset_t1_to_t2_mm"] = [-value for value in opposite]
    return content


def is_complete(folder: Path, measures: dict[str, Any]) -> bool:
    """Whether every file that `measures` (see `read_measures`) names is in `folder`."""
    names = (measures[side].get(what) for side in Side if measures[side] for what in FILES)
    return all((folder / name).is_file() for name in names if name)


def existing_results(folder: Path) -> list[str]:
    """Names of files in `folder` that a segmentation would replace."""
    names = [MEASURES_FILE, *(file_name(side, what) for side in Side for what in FILES)]
    return [name for name in names if os.path.lexists(folder / name)]
