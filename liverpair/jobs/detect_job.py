"""The job "detect": from two files of volumes to the files that hold their linked lesions."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.geometry import offset_t1_to_t2, volume_ml
from liverpair.core.lesions import write_lesions
from liverpair.core.sides import Side
from liverpair.detection import inference
from liverpair.detection.inference import DetectionResult, detector_of
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
    result_files,
    segmentation_file,
)
from liverpair.jobs.dicom_results import dicom_sources, write_detection
from liverpair.jobs.doubts import body_centroid_mm, input_doubts, liver_doubts, pair_doubts
from liverpair.jobs.pair_inputs import PairInputs, read_pair
from liverpair.jobs.register_job import registered, write_transform
from liverpair.jobs.requests import DetectRequest
from liverpair.jobs.result_folder import staging_folder, writable_folder
from liverpair.jobs.segment_job import check_choices
from liverpair.measures.burden import lesion_measures
from liverpair.measures.plausibility import edges_cm2, mask_warnings
from liverpair.registration.livers import LiverCorrespondence

READ, DETECTED, REGISTERED = 0.05, 0.7, 0.95
"""Fractions of the job that are done when the inputs are read, the lesions found, and the livers registered."""


def check_detection(wanted: DetectRequest) -> None:
    """Raise what every detection with these models and options would fail with, whatever the volumes."""
    bundle, liver_bundles = wanted.models()
    check_choices(liver_bundles, wanted.device, wanted.engine)
    detector_of(bundle, wanted)


def detect(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Find the lesions in the volumes of `request` (see `DetectRequest`), link them, and write the results to its
    output folder.

    Writes `lesions.json`, `t1_boxes.mrk.json`, `t2_boxes.mrk.json`, `lesions.csv`, the liver masks that were not given
    (`t1_liver.nii.gz` …), label maps of the lesions from a model that draws them (`t1_lesions.nii.gz` …, a lesion's
    number in its voxels), `t1_to_t2.tfm` when the livers could be registered, on request `t1_masks.dcm` … and
    `lesions-t1-sr.dcm` … of volumes from DICOM, and last of all `detection.json`. Either all of them appear or none.

    Returns {"lesions", "table": paths, "boxes", "livers": {"t1", "t2"} of paths, "masks": likewise or None,
    "segmentations", "reports": {"t1", "t2"} of paths or None, "correspondence": path or None, "offset_t1_to_t2_mm":
    centroid of the T2 liver minus that of the T1 liver, LPS, "provenance": {…}, "notes": [sentences], "pairs": how
    many, "doubts", "accepted": as of the job "segment"}. Raises any `LiverPairError`, and `Cancelled` through
    `progress`.
    """
    wanted = DetectRequest.parse(request)
    bundle, liver_bundles = wanted.models()
    with writable_folder(Path(wanted.output), result_files(wanted.missing_livers)):
        inputs = read_pair(wanted.parts, part_of(progress, 0.0, READ), wanted.liver_label)
        about = wanted.asked([bundle, *liver_bundles])
        progress(READ, "Loading the model")
        found = inference.detect(
            *inputs.images, bundle, inputs.livers, liver_bundles, wanted, part_of(progress, READ, DETECTED)
        )
        doubts = _doubts(wanted, inputs, found)
        sources, without_dicom = dicom_sources(wanted)
        notes = [*doubts, *inputs.notes, *found.notes, *without_dicom]
        if not found.pairs:
            notes.append(f"No lesion has a score of {found.provenance['score_floor']:g} or more.")
        correspondence = _registration(found, notes, progress) if wanted.correspondence else None
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


def _doubts(wanted: DetectRequest, inputs: PairInputs, found: DetectionResult) -> list[str]:
    doubts = input_doubts(dict(zip(Side, inputs.images)), wanted.parts)
    for side, liver, image, quality in zip(Side, found.livers, inputs.images, found.qualities):
        doubts += mask_warnings(side.title, volume_ml(liver), edges_cm2(liver), [])
        doubts += liver_doubts(side.title, liver, body_centroid_mm(image), quality)
    return doubts + pair_doubts(*found.livers)


def _registration(found: DetectionResult, notes: list[str], progress: Progress) -> LiverCorrespondence | None:
    progress(DETECTED, "Registering the livers")
    try:
        return registered(*found.livers)
    except InputError as error:
        notes.append(str(error))
        return None


def _described(
    wanted: DetectRequest,
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
    wanted: DetectRequest,
    inputs: PairInputs,
    found: DetectionResult,
    correspondence: LiverCorrespondence | None,
    staging: Path,
    progress: Progress,
) -> None:
    progress(REGISTERED, "Measuring the lesions")
    images, livers = (dict(zip(Side, both)) for both in (inputs.images, found.livers))
    write_csv(staging / TABLE_FILE, lesion_measures(found.pairs, images, livers))
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


def _write_summary(described: dict[str, Any], wanted: DetectRequest, about: dict[str, Any] | None, path: Path) -> None:
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
