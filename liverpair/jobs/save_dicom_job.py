"""The job "save_dicom": livers and lesions that somebody has looked at, as DICOM in the study they were found in."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.io.dicom_references import read_source
from liverpair.io.dicom_segmentation import Structure, grid_of, liver_structure
from liverpair.io.structured_report_identity import ReportAuthor
from liverpair.io.study import read_image
from liverpair.jobs.detect_results import segmentation_file
from liverpair.jobs.dicom_results import lesion_structures, write_results
from liverpair.jobs.result_folder import staging_folder, writable_folder
from liverpair.jobs.save_dicom_request import SaveDicomRequest
from liverpair.jobs.segment_results import dicom_file
from liverpair.measures.burden import lesion_measures

READ = 0.3
UNKNOWN = ("LiverPair", "unknown")
"""Name and version of a model that nobody has noted."""


def save_dicom(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write what `request` (see `SaveDicomRequest`) names as `detect --dicom` does, or without lesions as `segment
    --dicom`. Either all of it appears or nothing.

    Returns {"files": paths, "notes": sentences}. Raises `InputError`, `MissingPackageError`, and `Cancelled` through
    `progress`.
    """
    wanted = SaveDicomRequest.parse(request)
    output = wanted.folder()
    files = {side: list(map(Path, own)) for side in Side if (own := getattr(wanted, f"{side}_files"))}
    with writable_folder(output), staging_folder(output) as folder:
        progress(0.0, "Reading the masks and lesions")
        pairs = read_lesions(wanted.lesions) if wanted.lesions else []
        structures: dict[Side, list[Structure]] = {side: _liver(wanted, side) for side in files}
        drawn = {side: read_image(path) for side in files if (path := getattr(wanted, f"{side}_lesions"))}
        if pairs:
            for step, (side, own) in enumerate(files.items()):
                progress(READ * step / len(files), f"Reading the DICOM files of {side.title}")
                structures[side] += lesion_structures(
                    pairs, side, grid_of(read_source(own, side.title)), drawn.get(side)
                )
        named = segmentation_file if wanted.lesions else dicom_file
        author, report = ReportAuthor("", *_name_and_version(wanted.lesions_by or {})), part_of(progress, READ, 1.0)
        rows = lesion_measures(pairs, masks=drawn)
        notes = write_results(Path(folder), files, structures, pairs, author, rows, named, report)
        written = sorted(path.name for path in Path(folder).iterdir())
        if not written:
            raise InputError(f"There is nothing to save as DICOM. {' '.join(notes)}".strip())
        progress(1.0, "Saving the results")
        for name in written:
            os.replace(Path(folder) / name, output / name)
    return {"files": [str(output / name) for name in written], "notes": notes}


def _liver(wanted: SaveDicomRequest, side: Side) -> list[Structure]:
    path, by = getattr(wanted, f"{side}_liver"), getattr(wanted, f"{side}_liver_by")
    if path is None:
        return []
    if by is None:
        return [liver_structure(read_image(path), made="MANUAL")]
    made = "SEMIAUTOMATIC" if by.get("edited") else "AUTOMATIC"
    return [liver_structure(read_image(path), _name_and_version(by), made)]


def _name_and_version(by: Mapping[str, Any]) -> tuple[str, str]:
    return str(by.get("name") or UNKNOWN[0]), str(by.get("version") or UNKNOWN[1])
