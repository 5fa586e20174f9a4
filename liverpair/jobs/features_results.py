"""The file that the job "features" writes to its folder of results, and reading it again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from liverpair.core.records import read_json
from liverpair.jobs.segment_results import Timed

FEATURES_FILE = "features.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class _FeaturesFile:
    schema_version: Literal[SCHEMA_VERSION]
    patient: str
    rows: list[dict]
    provenance: Timed


def read_features(folder: Path) -> dict[str, Any] | None:
    """What `features.json` in a folder of results says; None when there is none, or it is damaged."""
    return read_json(folder / FEATURES_FILE, _FeaturesFile)
