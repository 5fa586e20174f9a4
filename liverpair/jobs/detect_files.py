"""Linked lesions as a folder of results: what the jobs that find or link them have in common."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liverpair.bundle import Bundle
from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.geometry import offset_t1_to_t2, volume_ml
from liverpair.core.lesions import write_lesions
from liverpair.core.sides import Side
from liverpair.detection.inference import DetectionResult
from liverpair.io.lesion_csv import write_csv
from liverpair.io.markups import write_markups
from liverpair.io.structured_report_identity import REPORT_FILES
from liverpair.io.study import write_image
from liverpair.jobs.detect_results import (
    DETECTION_FILE,
    LESIONS_FILE,
    SCHEMA_VERSION,
    TABLE_FILE,
    TRANSFORM_FILE,
    boxes_file,
    liver_file,
    masks_file,
    segmentation_file,
)
from liverpair.jobs.dicom_results import dicom_sources, write_detection
from liverpair.jobs.doubts import all_input_doubts, body_centroid_mm, liver_doubts, pair_doubts
from liverpair.jobs.pair_inputs import PairInputs
from liverpair.jobs.register_job import write_transform
from liverpair.jobs.requests import LesionsRequest
from liverpair.jobs.result_folder import staging_folder
from liverpair.measures.burden import lesion_measures
from liverpair.measures.plausibility import edges_cm2, mask_warnings
from liverpair.registration.livers import LiverCorrespondence, registered

REGISTERED = 0.95
"""Fraction of the job that is done when the livers are registered."""


def save_lesions(
    wanted: LesionsRequest,
    inputs: PairInputs,
    found: DetectionResult,
    liver_bundles: Sequence[Bundle],
    about: dict[str, Any] | None,
    detected: float,
    progress: Progress,
) -> dict[str, Any]:
    """Write what was found to the output folder of `wanted`, as the job "detect" describes, and return its result.

    `about`: what decides the results, see `JobRequest.asked`; `detected`: the fraction of the job that is done.
    """
    doubts = _doubts(wanted, inputs, found)
    sources, without_dicom = dicom_sources(wanted)
    notes = [*doubts, *inputs.notes, *found.notes, *without_dicom]
    correspondence = _registration(found, notes, detected, progress) if wanted.correspondence else None
    output = wanted.folder()
    described = _described(wanted, found, correspondence, notes, output)
    described |= {"doubts": doubts, "accepted": wanted.accept}
    with staging_folder(output) as staging:
        _write(wanted, inputs, found, correspondence, Path(staging), progress)
        livers = dict.fromkeys(wanted.missing_livers, liver_bundles)
        described["notes"] += write_detection(Path(staging), sources, dict(zip(Side, inputs.images)), found, livers)
        described |= _dicom_files(Path(staging), output)
        _write_summary(described, wanted, about, Path(staging) / DETECTION_FILE)
        progress(1.0, "Saving the results")
        _move(Path(staging), output)
    return described


def _doubts(wanted: LesionsRequest, inputs: PairInputs, found: DetectionResult) -> list[str]:
    doubts = all_input_doubts(wanted, dict(zip(Side, inputs.images)))
    for side, liver, image, quality in zip(Side, found.livers, inputs.images, found.qualities):
        doubts += mask_warnings(side.title, volume_ml(liver), edges_cm2(liver), [])
        doubts += liver_doubts(side.title, liver, body_centroid_mm(image), quality)
    return doubts + pair_doubts(*found.livers)


def _registration(
    found: DetectionResult, notes: list[str], detected: float, progress: Progress
) -> LiverCorrespondence | None:
    progress(detected, "Registering the livers")
    try:
        return registered(*found.livers, part_of(progress, detected, REGISTERED))
    except InputError as error:
        notes.append(str(error))
        return None


def _described(
    wanted: LesionsRequest,
    found: DetectionResult,
    correspondence: LiverCorrespondence | None,
    notes: list[str],
    output: Path,
) -> dict[str, Any]:
    given = {side: getattr(wanted, f"{side}_liver") for side in Side}
    return {
        "lesions": str(output / LESIONS_FILE),
        "boxes": {side: str(output / boxes_file(side)) for side in Side},
        "table": str(output / TABLE_FILE),
        "livers": {
            side: str(output / liver_file(side) if path is None else Path(path).absolute())
            for side, path in given.items()
        },
        "masks": {side: str(output / masks_file(side)) for side in Side} if found.masks else None,
        "correspondence": None if correspondence is None else str(output / TRANSFORM_FILE),
        "offset_t1_to_t2_mm": list(offset_t1_to_t2(*found.livers)),
        "provenance": found.provenance,
        "notes": notes,
        "pairs": len(found.pairs),
    }


def _write(
    wanted: LesionsRequest,
    inputs: PairInputs,
    found: DetectionResult,
    correspondence: LiverCorrespondence | None,
    staging: Path,
    progress: Progress,
) -> None:
    progress(REGISTERED, "Measuring the lesions")
    images, livers = (dict(zip(Side, both)) for both in (inputs.images, found.livers))
    write_csv(staging / TABLE_FILE, lesion_measures(found.pairs, images, livers, dict(zip(Side, found.masks))))
    write_lesions(staging / LESIONS_FILE, found.pairs)
    for side in Side:
        write_markups(staging / boxes_file(side), found.pairs, side)
    for side in wanted.missing_livers:
        progress(REGISTERED, f"Writing the {side.title} liver")
        write_image(livers[side], staging / liver_file(side))
    for side, mask in zip(Side, found.masks):
        write_image(mask, staging / masks_file(side))
    if correspondence is not None:
        write_transform(correspondence, staging / TRANSFORM_FILE)


def _dicom_files(staging: Path, output: Path) -> dict[str, dict[str, str | None]]:
    """Where the DICOM results will be, by kind and side; None for what was not written."""
    names = {"segmentations": {side: segmentation_file(side) for side in Side}, "reports": REPORT_FILES}
    return {
        kind: {side: str(output / name) if (staging / name).exists() else None for side, name in own.items()}
        for kind, own in names.items()
    }


def _write_summary(described: dict[str, Any], wanted: LesionsRequest, about: dict[str, Any] | None, path: Path) -> None:
    """The result as a file that may move with its folder: result files by name, inputs by path."""

    def named(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: named(item) for key, item in value.items()}
        return value and Path(value).name

    inputs = {part: path and str(Path(path).absolute()) for part, path in wanted.parts.items()}
    content = {"schema_version": SCHEMA_VERSION, **described, "inputs": inputs, "asked": about}
    for key in ("lesions", "boxes", "table", "masks", "correspondence", "segmentations", "reports"):
        content[key] = named(described[key])
    content["livers"] = {side: liver_file(side) if side in wanted.missing_livers else None for side in Side}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _move(staging: Path, output: Path) -> None:
    """Put the whole set into place. `detection.json` goes first and comes last: where it stands, the set is complete.

    A mask that is there already stays when none was made: it may be somebody's own.
    """
    (output / DETECTION_FILE).unlink(missing_ok=True)
    for name in (TRANSFORM_FILE, *REPORT_FILES.values(), *map(masks_file, Side), *map(segmentation_file, Side)):
        (output / name).unlink(missing_ok=True)
    for path in sorted(staging.iterdir()):
        if path.name != DETECTION_FILE:
            os.replace(path, output / path.name)
    os.replace(staging / DETECTION_FILE, output / DETECTION_FILE)
