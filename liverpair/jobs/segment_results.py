"""The files that the job "segment" writes to its folder of results, and reading them again."""

import json
import os
from pathlib import Path
from typing import Any

MEASURES_FILE = "measures.json"
SCHEMA_VERSION = 1
SIDES = ("t1", "t2")
MAPS = ("liver", "probability", "uncertainty")
EARLIER_OFFSET = "centroid_offset_mm"
"""What `measures.json` of version 0.1 holds in place of `offset_t1_to_t2_mm`: T1 minus T2."""


def file_name(side: str, what: str) -> str:
    """The name of a result file: `file_name("t1", "liver")` is "t1_liver.nii.gz"."""
    return f"{side}_{what}.nii.gz"


def read_measures(folder: Path) -> dict[str, Any] | None:
    """What `measures.json` in a folder of results says; None when there is none, or it is damaged."""
    try:
        content = json.loads((folder / MEASURES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not _is_whole(content):
        return None
    measures = content["measures"]
    if (opposite := measures.pop(EARLIER_OFFSET, None)) is not None:
        measures["offset_t1_to_t2_mm"] = [-value for value in opposite]
    return content


def is_complete(folder: Path, measures: dict[str, Any]) -> bool:
    """Whether every file that `measures` (see `read_measures`) names is in `folder`."""
    names = (measures[side].get(what) for side in SIDES if measures[side] for what in MAPS)
    return all((folder / name).is_file() for name in names if name)


def existing_results(folder: Path) -> list[str]:
    """Names of files in `folder` that a segmentation would replace."""
    names = [MEASURES_FILE, *(file_name(side, what) for side in SIDES for what in MAPS)]
    return [name for name in names if os.path.lexists(folder / name)]


def _is_whole(content: Any) -> bool:
    """Whether the content of a `measures.json` is what this version writes."""
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        return False
    measures, provenance = content.get("measures"), content.get("provenance")
    return (
        all(side in content and (content[side] is None or _is_side(content[side])) for side in SIDES)
        and any(content[side] for side in SIDES)
        and isinstance(measures, dict)
        and is_number(measures.get("dice_as_scanned", ""), or_none=True)
        and isinstance(measures.get(EARLIER_OFFSET), list | None)
        and all(map(is_number, measures.get(EARLIER_OFFSET) or ()))
        and isinstance(provenance, dict)
        and is_number(provenance.get("seconds"))
    )


def _is_side(side: Any) -> bool:
    return (
        isinstance(side, dict)
        and isinstance(side.get("liver"), str)
        and all(side.get(what) is None or isinstance(side[what], str) for what in MAPS)
        and is_number(side.get("volume_ml"))
    )


def is_number(value: Any, or_none: bool = False) -> bool:
    """Whether a value out of a JSON file is a number, or None where that is allowed."""
    return (isinstance(value, int | float) and not isinstance(value, bool)) or (or_none and value is None)
