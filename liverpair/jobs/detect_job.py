"""The job "detect": from two files of volumes to the files that hold their linked lesions."""

from pathlib import Path
from typing import Any

from liverpair.core.errors import Progress, part_of
from liverpair.detection import inference
from liverpair.detection.inference import detector_of
from liverpair.jobs.detect_files import save_lesions
from liverpair.jobs.detect_results import result_files
from liverpair.jobs.pair_inputs import read_pair
from liverpair.jobs.requests import DetectRequest
from liverpair.jobs.result_folder import writable_folder
from liverpair.jobs.segment_job import check_choices

READ, DETECTED = 0.05, 0.7
"""Fractions of the job that are done when the inputs are read, and when the lesions are found."""


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
        if not found.pairs:
            found.notes.append(f"No lesion has a score of {found.provenance['score_floor']:g} or more.")
        return save_lesions(wanted, inputs, found, liver_bundles, about, DETECTED, progress)
