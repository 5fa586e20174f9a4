"""The files that the job "detect" writes to its folder of results, and reading them again."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from liverpair.core.earlier_names import renamed
from liverpair.jobs.segment_results import SIDES, is_number

DETECTION_FILE = "detection.json"
SCHEMA_VERSION = 1
LESIONS_FILE = "lesions.json"
TABLE_FILE = "lesions.csv"
TRANSFORM_FILE = "t1_to_t2.tfm"
EARLIER = {"liver_offset_mm": "offset_t1_to_t2_mm"}
"""Keys of version 0.1 and what they are called since."""


def boxes_file(side: str) -> str:
    """The name of the markups file of one image."""
    return f"{side}_boxes.mrk.json"


def liver_file(side: str) -> str:
    """The name of a liver mask that was made on the way."""
    return f"{side}_liver.nii.gz"


def existing_results(folder: Path, missing_livers: Sequence[str] = SIDES) -> list[str]:
    """Names of files in `folder` that a detection would replace; `missing_livers` says which masks it makes."""
    return [name for name in result_files(missing_livers) if os.path.lexists(folder / name)]


def result_files(missing_livers: Sequence[str] = SIDES) -> list[str]:
    """Names of the files that a detection may write; `missing_livers` says which masks it makes."""
    names = [DETECTION_FILE, LESIONS_FILE, *(boxes_file(side) for side in SIDES), TABLE_FILE, TRANSFORM_FILE]
    return names + [liver_file(side) for side in missing_livers]


def read_detection(folder: Path) -> dict[str, Any] | None:
    """What `detection.json` in a folder of results says; None when there is none, or it is damaged."""
    try:
        content = renamed(json.loads((folder / DETECTION_FILE).read_text(encoding="utf-8")), EARLIER)
    except (OSError, ValueError, RecursionError):
        return None
    return content if _is_whole(content) else None


def is_complete(folder: Path, detection: dict[str, Any]) -> bool:
    """Whether every file that `detection` (see `read_detection`) names is in `folder`."""
    names = [detection["lesions"], detection["table"], detection["correspondence"]]
    names += [*detection["boxes"].values(), *detection["livers"].values()]
    return all((folder / name).is_file() for name in names if name)


def _is_whole(content: Any) -> bool:
    """Whether the content of a `detection.json` is what this version writes."""
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        return False
    groups = [content.get("boxes"), content.get("livers")]
    if not all(isinstance(group, dict) and set(group) == set(SIDES) for group in groups):
        return False
    names = [content.get("correspondence", 0), *groups[1].values()]
    provenance, offset = content.get("provenance"), content.get("offset_t1_to_t2_mm")
    return (
        all(isinstance(name, str) for name in (content.get("lesions"), content.get("table"), *groups[0].values()))
        and all(name is None or isinstance(name, str) for name in names)
        and type(content.get("pairs")) is int
        and isinstance(provenance, dict)
        and is_number(provenance.get("seconds"))
        and isinstance(offset, list)
        and len(offset) == 3
        and all(map(is_number, offset))
    )
