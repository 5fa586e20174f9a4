"""A model that another toolkit trained, as a bundle: its own files, copied beside the manifest or left where they are.

The section `foreign` of a manifest says whose files they are, where, and what of the network's output is meant. What
runs them is that toolkit's own code (`liverpair.segmentation.foreign`).
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from liverpair.bundle.weights import file_sha256
from liverpair.core.errors import BundleError
from liverpair.core.labels import LESION, LIVER
from liverpair.core.records import FILLED, POSITIVE, Limit, Text

FOREIGN = "foreign"
FILES_FOLDER = "model"
"""Beside the manifest: the files of a model that was copied."""
NNUNET, MONAI = "nnunet", "monai"
KINDS = (NNUNET, MONAI)
TOOLS = {NNUNET: "nnU-Net", MONAI: "MONAI"}
INPUTS = {"t1": "T1", "t2": "T2", "either": "T1 or T2"}
"""What the images of a model may be said to be, and what a manifest calls them."""
SECOND = {"t1": "T2", "t2": "T1", "either": "T1 or T2"}
"""And the second image of a model that looks at two to segment the first."""
Checksum = Annotated[
    str, Limit("", re.compile(r"[0-9a-f]{64}").fullmatch, "is not a SHA-256 checksum in 64 hexadecimal digits")
]


@dataclass(frozen=True)
class Foreign:
    """Whose files a model is made of.

    `folder`: where they are; None for those in `FILES_FOLDER` beside the manifest. `files`: their checksums by name
    relative to it. `channels`: which channels of the network's output are what is meant; of an nnU-Net without regions
    0 is the background. `near_liver_mm`: how far around the liver the network is shown the image; None for all of it.
    """

    kind: Literal[KINDS]
    files: Annotated[dict[str, Checksum], FILLED]
    channels: Annotated[list[int], FILLED]
    folder: str | None = None
    configuration: Text = "3d_fullres"
    checkpoints: list[Text] = field(default_factory=list)
    near_liver_mm: Annotated[float, POSITIVE] | None = None


def files_folder(foreign: Foreign, folder: Path) -> Path:
    """Where the files of the model in the bundle `folder` are."""
    return folder / FILES_FOLDER if foreign.folder is None else Path(foreign.folder)


def check_files(foreign: Foreign, folder: Path, name: str, contents: bool = False) -> None:
    """Raise `BundleError` unless every file of the model `name` is there, and, with `contents`, unchanged.

    Weights of others are large, so that their checksums are taken when they are loaded, not whenever models are listed.
    """
    where = files_folder(foreign, folder)
    for relative, expected in foreign.files.items():
        path = where / relative
        if os.path.isabs(relative) or ".." in Path(relative).parts:
            raise BundleError(f"Model '{name}' is refused: its file '{relative}' lies outside its folder.")
        if not path.is_file():
            hint = "Import it again." if foreign.folder is None else f"Is '{where}' still there? Import it again."
            raise BundleError(f"Model '{name}' has no file '{relative}'.", hint)
        if contents and file_sha256(path) != expected:
            raise BundleError(
                f"'{relative}' of model '{name}' does not have the checksum in its manifest: the file was changed.",
                "Import the model again.",
            )


def sha256_of(files: Mapping[str, str]) -> str:
    """One checksum for all files."""
    return hashlib.sha256("\n".join(f"{name} {files[name]}" for name in sorted(files)).encode()).hexdigest()


def take_files(source: Path, relatives: Sequence[str], target: Path, copy: bool) -> dict[str, str]:
    """The checksums of files of `source` by their relative names; with `copy` they are put into `target` too."""
    found = {}
    for relative in relatives:
        path = source / relative
        if path.is_symlink() and source.resolve() not in path.resolve().parents:
            raise BundleError(
                f"'{relative}' in '{source}' is a link that leads out of it.", "Copy the real file there."
            )
        if copy:
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / relative)
        found[relative] = file_sha256(target / relative if copy else path)
    return found


def foreign_manifest(
    name: str,
    foreign: Foreign,
    input_: str,
    lesions: bool,
    spacing_mm: Sequence[float],
    training: Mapping[str, Any],
    description: str,
    mirror_axes: Sequence[str] = (),
    images: int = 1,
) -> dict[str, Any]:
    """A manifest for a model of others. `spacing_mm` (x, y, z) is what its tool resamples to; it does so itself.

    `images`: how many it looks at to segment one, 1 or, of a model of the liver, 2.
    """
    section = {key: value for key, value in vars(foreign).items() if value is not None}
    manifest = {
        "schema_version": 1,
        "name": name,
        "version": "1",
        "description": description,
        "task": "detection" if lesions else "segmentation",
        "strategy": "single" if images == 1 else "double-in",
        "inputs": ["T1", "T2"] if lesions else [INPUTS[input_], SECOND[input_]][:images],
        "network": {"name": foreign.kind, "arguments": {}},
        "grid": {"spacing_mm": [float(s) for s in spacing_mm], "multiple_of": [1, 1, 1], "crop": None},
        "normalization": {"method": "own", "lower_percentile": 0.0, "upper_percentile": 100.0},
        "labels": [LESION if lesions else LIVER],
        "sha256": sha256_of(foreign.files),
        FOREIGN: section,
        "mirror_axes": list(mirror_axes),
        "training": dict(training),
        "limits": f"Run by {TOOLS[foreign.kind]}'s own code. LiverPair has not measured how good it is.",
    }
    if lesions:
        manifest["detection"] = {
            "from_masks": True,
            "score_floor": 0.0,
            "display_threshold": 0.0,
            "smallest_mm": 3.0,
            "images": {"t1": [0], "t2": [1]}.get(input_, [0, 1]),
            "link_iou": 0.1,
            "link_growth": 2.0,
        }
    else:
        manifest["postprocessing"] = {"threshold": 0.5, "largest_component": True, "fill_holes": True}
    return manifest


def read_object(path: Path, source: str) -> dict[str, Any]:
    """The JSON object in a file of a model that nobody has looked at yet. Raises `BundleError`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"'{source}' has no {path.name}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path.name} in '{source}' is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise BundleError(f"{path.name} in '{source}' is not a JSON object.")
    return content
