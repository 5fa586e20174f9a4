"""The files that the job "dream" writes to its folder, and reading them again.

`dream.json` says what was asked and what came out, with the names of the other files relative to the folder;
`trajectories.csv` holds every iteration; `original.nii.gz` the image on the working grid, in its own intensities, of a
two-dimensional network with all slices; `frames/` the dreamt images and the masks of the object at the chosen
iterations; `state/` what an unfinished dream goes on from.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from liverpair.core.errors import InputError
from liverpair.core.records import read_json
from liverpair.core.trajectories import RUN_KINDS
from liverpair.jobs.detect_results import Livers
from liverpair.jobs.segment_results import Timed

DREAM_FILE = "dream.json"
SCHEMA_VERSION = 1
TRAJECTORIES_FILE = "trajectories.csv"
FRAMES_FOLDER = "frames"
STATE_FOLDER = "state"
ORIGINAL_FILE = "original.nii.gz"


@dataclass(frozen=True)
class _Frame:
    iteration: int
    image: str
    mask: str


@dataclass(frozen=True)
class _Run:
    run: Literal[RUN_KINDS]
    start: int
    iterations: int
    neuron: dict
    frames: list[_Frame]
    stopped: str | None = None


@dataclass(frozen=True)
class _Asked:
    options: dict
    inputs: dict


@dataclass(frozen=True)
class _FeatureSettings:
    spacing_mm: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _DreamFile:
    schema_version: Literal[SCHEMA_VERSION]
    complete: bool
    trajectories: str
    original: str
    starts: list[dict]
    notes: list[str]
    readings: list
    provenance: Timed
    asked: _Asked
    livers: Livers
    runs: list[_Run]
    feature_settings: _FeatureSettings | None = None


def frame_file(run: str, start: int, iteration: int, what: str) -> str:
    """The name of a frame in the folder of a dream; `what` is "image" or "mask"."""
    return f"{FRAMES_FOLDER}/{run}_{start:02d}_{iteration:05d}_{what}.nii.gz"


def state_file(run: str, start: int) -> str:
    """The name of the state of an unfinished run in the folder of a dream."""
    return f"{STATE_FOLDER}/{run}_{start:02d}.npz"


def existing_dream(folder: Path) -> list[str]:
    """Names of files and folders in `folder` that a new dream would replace."""
    names = (DREAM_FILE, TRAJECTORIES_FILE, ORIGINAL_FILE, FRAMES_FOLDER, STATE_FOLDER)
    return [name for name in names if os.path.lexists(folder / name)]


def own_files(folder: Path) -> list[Path]:
    """The files in `folder` that a dream wrote, `dream.json` first; those of others stay out."""
    patterns = (
        DREAM_FILE,
        TRAJECTORIES_FILE,
        ORIGINAL_FILE,
        *(f"{FRAMES_FOLDER}/{run}_*_{what}.nii.gz" for run in RUN_KINDS for what in ("image", "mask")),
        *(f"{STATE_FOLDER}/{run}_*.npz" for run in RUN_KINDS),
    )
    return [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]


def check_free(folder: Path, inputs: Sequence[str]) -> None:
    """Raise `InputError` when a dream in `folder` would replace one of the files `inputs`, or a file has the name of
    one of its folders."""
    for name in (FRAMES_FOLDER, STATE_FOLDER):
        if os.path.lexists(folder / name) and not (folder / name).is_dir():
            raise InputError(f"'{folder / name}' is a file; a folder of that name is to be made.", "Rename it.")
    replaced = {path.resolve() for path in own_files(folder)}
    for path in inputs:
        if Path(path).resolve() in replaced:
            raise InputError(f"'{path}' would be replaced by the results.", "Choose another folder for the results.")


def read_dream(folder: Path) -> dict[str, Any] | None:
    """What `dream.json` in a folder says; None when there is none, or it is damaged. File names in it are relative to
    the folder."""
    content = read_json(folder / DREAM_FILE, _DreamFile)
    starts = content and range(len(content["starts"]))
    return content if content and all(run["start"] in starts for run in content["runs"]) else None


def located(dream: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What `read_dream` gave with every file as an absolute path: the result of the job."""
    folder = folder.absolute()

    def run_in_place(run: Mapping[str, Any]) -> dict[str, Any]:
        frames = [
            {**frame, **{what: str(folder / frame[what]) for what in ("image", "mask")}} for frame in run["frames"]
        ]
        return {**run, "frames": frames}

    return {
        **dream,
        "folder": str(folder),
        "trajectories": str(folder / dream["trajectories"]),
        "summary": str(folder / DREAM_FILE),
        "original": str(folder / dream["original"]),
        "livers": {side: name and str(folder / name) for side, name in dream["livers"].items()},
        "runs": [run_in_place(run) for run in dream["runs"]],
    }


def plain(value: Any) -> Any:
    """`value` as JSON holds it: undefined numbers become None, tuples lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
