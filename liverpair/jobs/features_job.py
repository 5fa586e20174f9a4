"""The job "features": the radiomic signature of every lesion of a study, in each image that has masks."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from liverpair.core.atomic import written_whole
from liverpair.core.errors import Progress
from liverpair.core.geometry import check_volume
from liverpair.core.lesions import Lesion, read_lesions
from liverpair.core.sides import Side
from liverpair.io.exports import source_files
from liverpair.io.study import read_image
from liverpair.jobs.features_results import FEATURES_FILE, SCHEMA_VERSION
from liverpair.jobs.result_folder import writable_folder
from liverpair.jobs.visit_requests import FeaturesRequest
from liverpair.measures.lesion_labels import LesionLabels
from liverpair.measures.radiomics import radiomics_package
from liverpair.measures.signature import SignatureExtractor, read_settings

READ = 0.05


def features(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Compute the signatures of the lesions of `request` (see `FeaturesRequest`); write `features.json` to its folder.

    Lesions that were rejected are left out. Returns what the file says: {"rows": one object a lesion, with "lesion",
    "uid", "state" and the features, "t1_original_glcm_Contrast", None where undefined; "patient": ID of DICOM, or "";
    "notes": sentences; "provenance": settings, version of pyradiomics, seconds; …} and "features": its path. Raises any
    `LiverPairError`, and `Cancelled` through `progress`.
    """
    started = time.perf_counter()
    wanted = FeaturesRequest.parse(request)
    settings = wanted.settings or read_settings()
    extractor = SignatureExtractor(settings)
    with writable_folder(Path(wanted.output), [FEATURES_FILE]):
        about = wanted.asked_now()
        progress(0.0, "Reading the images")
        maps, images = _read(wanted)
        known = [] if wanted.lesions is None else read_lesions(wanted.lesions)
        rows, notes = _rows(known, maps)
        steps = [(row, side) for row in rows for side in maps if row["lesion"] in maps[side].boxes]
        for step, (row, side) in enumerate(steps):
            progress(READ + (1 - READ) * step / len(steps), f"Lesion {row['lesion']} in {side.title}")
            name = f"Lesion {row['lesion']} in {side.title}"
            found = extractor.signature(images[side], maps[side].labels, row["lesion"], name)
            row |= {f"{side}_{feature}": value for feature, value in found.features.items()}
            notes += [found.note] if found.note else []
        content = {
            "schema_version": SCHEMA_VERSION,
            "patient": _patient(wanted),
            "rows": rows,
            "notes": notes,
            "provenance": {
                "settings": settings,
                "pyradiomics": str(radiomics_package().__version__),
                "seconds": round(time.perf_counter() - started, 3),
            },
            "inputs": {part: path and str(Path(path).absolute()) for part, path in wanted.parts.items()},
            "asked": about,
        }
        path = wanted.folder() / FEATURES_FILE
        progress(1.0, "Saving the features")
        with written_whole(path) as draft:
            draft.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    return {**content, "features": str(path)}


def _read(wanted: FeaturesRequest) -> tuple[dict[Side, LesionLabels], dict[Side, sitk.Image]]:
    images = {side: read_image(getattr(wanted, side)) for side in wanted.sides}
    for side, image in images.items():
        check_volume(image, side.title)
    masks = {side: read_image(getattr(wanted, f"{side}_lesions")) for side in wanted.sides}
    return {side: LesionLabels(masks[side], images[side], name=side.title) for side in wanted.sides}, images


def _rows(known: list[Lesion], maps: Mapping[Side, LesionLabels]) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for every lesion that was not rejected, and sentences about those that have no mask where they were seen,
    and about masks of lesions that nobody knows."""
    drawn = sorted({number for one in maps.values() for number in one.boxes})
    if not known:
        return [{"lesion": number, "uid": "", "state": ""} for number in drawn], []
    numbers = {lesion.number for lesion in known}
    kept = sorted((lesion for lesion in known if lesion.state != "rejected"), key=lambda lesion: lesion.number)
    rows = [{"lesion": lesion.number, "uid": lesion.uid, "state": lesion.state} for lesion in kept]
    notes = [
        f"Lesion {lesion.number} has no mask in {side.title}: its cells are empty."
        for lesion in kept
        for side in maps
        if lesion.seen(side) is not None and lesion.number not in maps[side].boxes
    ]
    strangers = [number for number in drawn if number not in numbers]
    if strangers:
        listed = ", ".join(map(str, strangers))
        notes.append(f"The masks hold lesions that lesions.json does not name, and which were left out: {listed}.")
    return rows, notes


def _patient(wanted: FeaturesRequest) -> str:
    for side in wanted.sides:
        for file in source_files(getattr(wanted, side))[:1]:
            import pydicom

            return str(pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["PatientID"]).get("PatientID", ""))
    return ""
