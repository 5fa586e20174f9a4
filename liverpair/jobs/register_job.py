"""The job "register": from two liver masks to the map of the places of one liver into the other."""

import os
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from liverpair.core.errors import Progress, part_of
from liverpair.detection.preparation import liver_offset
from liverpair.io.study import read_image
from liverpair.jobs.detect_results import TRANSFORM_FILE
from liverpair.jobs.pair_inputs import liver_of
from liverpair.jobs.requests import RegisterRequest
from liverpair.jobs.result_folder import staging_folder, writable_folder
from liverpair.registration.livers import LiverCorrespondence, registered


def register(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Register the livers of `request` (see `RegisterRequest`) and write `t1_to_t2.tfm` to its output folder.

    Returns {"transform": path; it takes points of T1 to T2, LPS mm, "dice": overlap of the masks once registered,
    "offset_t1_to_t2_mm": centroid in T2 minus centroid in T1, LPS}. Masks registered before are remembered on disk.
    Raises `InputError`, and `Cancelled` through `progress`.
    """
    wanted = RegisterRequest.parse(request)
    with writable_folder(Path(wanted.output), [TRANSFORM_FILE]):
        masks = []
        for name, path in (("T1", wanted.t1_liver), ("T2", wanted.t2_liver)):
            progress(0.0, "Reading the liver masks")
            masks.append(liver_of(read_image(path), name, wanted.liver_label)[0])
        offset = liver_offset(*masks)
        progress(0.1, "Registering the livers")
        found = registered(*masks, part_of(progress, 0.1, 0.95))
        progress(0.95, "Saving the registration")
        output = wanted.folder()
        with staging_folder(output) as staging:
            write_transform(found, Path(staging) / TRANSFORM_FILE)
            os.replace(Path(staging) / TRANSFORM_FILE, output / TRANSFORM_FILE)
    return {"transform": str(output / TRANSFORM_FILE), "dice": found.dice, "offset_t1_to_t2_mm": list(offset)}


def write_transform(correspondence: LiverCorrespondence, path: Path) -> None:
    """Write the map from T1 to T2 (LPS) as an ITK transform file."""
    sitk.WriteTransform(correspondence.transform, str(path))
